"""Rows of consents."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import ConsentStatus
from gateway.tables import Consent


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


async def epochs_that_stand(
    session: AsyncSession, tenant: str, consents: Collection[str], *, at: datetime
) -> Mapping[str, int]:
    """Return the epochs of those of `consents` that stand at `at`; no lock, so no permission."""
    query = select(Consent.id, Consent.epoch).where(
        Consent.tenant == tenant,
        Consent.id.in_(sorted(consents)),
        Consent.status == str(ConsentStatus.AUTHORISED),
        Consent.expires_at > at,
    )
    return {row.id: row.epoch for row in await session.execute(query)}
