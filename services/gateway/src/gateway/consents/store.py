"""Rows of consents."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import ConsentStatus
from gateway.edge.listing import after_cursor
from gateway.tables import Consent, LogState, Record
from keel.database import database_clock


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where the public log holds a record: which log, and its leaf there."""

    origin: str
    index: int


async def add(session: AsyncSession, consent: Consent) -> None:
    """Insert a consent."""
    session.add(consent)
    await session.flush()


def _locked(query: Select[Consent]) -> Select[Consent]:
    """Lock the rows and read them as they are then, whatever the session knew before."""
    return query.with_for_update(key_share=True).execution_options(populate_existing=True)


async def find(
    session: AsyncSession, tenant: str, consent_id: str, *, locked: bool = False
) -> Consent | None:
    """Return a consent of the tenant; `locked` takes the row lock that orders its records."""
    query = select(Consent).where(Consent.tenant == tenant, Consent.id == consent_id)
    if locked:
        query = _locked(query)
    return await session.scalar(query)


async def find_by_ceremony(session: AsyncSession, secret_sha256: bytes) -> Consent | None:
    """Return the consent that a ceremony link opens, locked."""
    query = select(Consent).where(Consent.ceremony_sha256 == secret_sha256)
    return await session.scalar(_locked(query))


async def of_beneficiary(
    session: AsyncSession, tenant: str, beneficiary: str, *, locked: bool = False
) -> Sequence[Consent]:
    """Return every consent of a beneficiary, oldest first."""
    query = (
        select(Consent)
        .where(Consent.tenant == tenant, Consent.beneficiary == beneficiary)
        .order_by(Consent.id)
    )
    if locked:
        query = _locked(query)
    return (await session.scalars(query)).all()


def of_tenant(
    tenant: str,
    status: ConsentStatus | None,
    *,
    at: datetime,
    after: str | None,
    limit: int,
    **concerned: str,
) -> Select[Consent]:
    """Select the tenant's consents in a state as of `at`, from behind the cursor on."""
    query = select(Consent).where(Consent.tenant == tenant).filter_by(**concerned)
    if status is not None:
        query = query.where(_stands_as(status, at))
    return after_cursor(query, Consent.id, after, limit)


def over_by(at: datetime, limit: int = 100) -> Select[Consent]:
    """Select consents that ended before `at` by the clock alone, and are not written as ended."""
    given, asked = (
        Consent.status == str(s) for s in (ConsentStatus.AUTHORISED, ConsentStatus.AWAITING)
    )
    over = (given & (Consent.expires_at <= at)) | (asked & (Consent.ceremony_ends_at <= at))
    return select(Consent).where(over).order_by(Consent.id).limit(limit)


def _stands_as(status: ConsentStatus, at: datetime) -> ColumnElement[bool]:
    """Say the state as the clock makes it, whether or not somebody wrote that down."""
    written = Consent.status == str(status)
    given, asked = (
        Consent.status == str(s) for s in (ConsentStatus.AUTHORISED, ConsentStatus.AWAITING)
    )
    match status:
        case ConsentStatus.AUTHORISED:
            return written & (Consent.expires_at > at)
        case ConsentStatus.EXPIRED:
            return written | (given & (Consent.expires_at <= at))
        case ConsentStatus.AWAITING:
            return written & (Consent.ceremony_ends_at > at)
        case ConsentStatus.LAPSED:
            return written | (asked & (Consent.ceremony_ends_at <= at))
        case _:
            return written


async def log_places(session: AsyncSession, consents: Sequence[Consent]) -> dict[str, LogPlace]:
    """Return, by consent, the place in the log of the record of its decision."""
    records = [c.evidence_record for c in consents]
    if not records:
        return {}
    query = (
        select(Record.id, LogState.origin, Record.log_index)
        .join(LogState, LogState.generation == Record.log_generation)
        .where(Record.tenant == consents[0].tenant, Record.id.in_(records))
    )
    places = {
        record: LogPlace(origin, index)
        for record, origin, index in await session.execute(query)
        if index is not None
    }
    return {c.id: places[c.evidence_record] for c in consents if c.evidence_record in places}


async def standing(session: AsyncSession, tenant: str, **concerned: str) -> Sequence[Consent]:
    """Return the authorised consents of a `beneficiary`, of a `bilan`, or of the tenant, locked.

    In the order of their ids, as everybody locks several consents: nobody waits in a circle.
    """
    query = (
        select(Consent)
        .where(Consent.tenant == tenant, Consent.status == str(ConsentStatus.AUTHORISED))
        .filter_by(**concerned)
        .order_by(Consent.id)
    )
    return (await session.scalars(_locked(query))).all()


async def grants_that_stand(
    session: AsyncSession, tenant: str, bilan: str, *, at: datetime
) -> list[Mapping[str, Any]]:
    """Return all grants of the consents of a bilan that stand; no lock, so no permission.

    What ended by `at` or by the database's clock does not stand.
    """
    query = select(Consent.grants).where(
        Consent.tenant == tenant,
        Consent.bilan == bilan,
        Consent.status == str(ConsentStatus.AUTHORISED),
        Consent.expires_at > at,
        Consent.expires_at > database_clock(),
    )
    return [grant for grants in await session.scalars(query) for grant in grants]


async def epochs_that_stand(
    session: AsyncSession, tenant: str, consents: Collection[str], *, at: datetime
) -> Mapping[str, int]:
    """Return the epochs of those of `consents` that stand; no lock, so no permission.

    What ended by `at` or by the database's clock does not stand.
    """
    query = select(Consent.id, Consent.epoch).where(
        Consent.tenant == tenant,
        Consent.id.in_(sorted(consents)),
        Consent.status == str(ConsentStatus.AUTHORISED),
        Consent.expires_at > at,
        Consent.expires_at > database_clock(),
    )
    return {row.id: row.epoch for row in await session.execute(query)}
