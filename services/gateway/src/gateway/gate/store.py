"""Rows of the gate: the consent under its lock, and how often the gate said no."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import ConsentStatus, Held
from gateway.tables import Base, Bilan, Consent, RefusalCount
from keel.database import database_clock
from keel.settling import settled
from keel.tenancy import tenant_of

_consents = Base.metadata.tables[Consent.__tablename__].c
_READ = ("tenant", "id", "beneficiary", "bilan", "status", "epoch", "expires_at", "grants")
_row = (
    select(*(_consents[name] for name in _READ))
    .where(_consents.tenant == bindparam("of"), _consents.id == bindparam("consent"))
    .with_for_update(key_share=True)
    .subquery("consent")
)
# The clock stands outside: it is looked at once the lock is held, however long that took.
_LOCKED = select(*_row.c, database_clock().label("read_at"))


@dataclass(frozen=True, slots=True)
class LockedConsent:
    """What the gate looks at: a consent's row as it is once locked, and the instant of that."""

    tenant: str
    id: str
    beneficiary: str
    bilan: str
    held: Held
    read_at: datetime
    """By the database's clock, which is one for all replicas (profile section 2.1)."""


async def lock(session: AsyncSession, tenant: str, consent_id: str) -> LockedConsent | None:
    """Lock a consent of the transaction's tenant until its end, and read what the gate looks at.

    The columns alone, by a statement that is built once: each attempt pays for it.
    """
    if tenant != tenant_of(session.sync_session):
        return None
    connection = await session.connection()
    found = await settled(connection.execute(_LOCKED, {"of": tenant, "consent": consent_id}))
    row = found.one_or_none()
    if row is None:
        return None
    return LockedConsent(
        row.tenant,
        row.id,
        row.beneficiary,
        row.bilan,
        Held(ConsentStatus(row.status), row.epoch, row.expires_at, row.grants),
        row.read_at,
    )


async def lock_bilan(session: AsyncSession, tenant: str, bilan_id: str) -> str | None:
    """Lock a bilan of the tenant until the transaction's end; returns whose it is."""
    query = select(Bilan.beneficiary).where(Bilan.tenant == tenant, Bilan.id == bilan_id)
    return await session.scalar(query.with_for_update(key_share=True))


async def bilan_of(session: AsyncSession, tenant: str, subject: str) -> str | None:
    """Return the bilan that a refusal's subject is, or whose consent it is."""
    found = await session.scalar(
        select(Consent.bilan).where(Consent.tenant == tenant, Consent.id == subject)
    )
    return found or await session.scalar(
        select(Bilan.id).where(Bilan.tenant == tenant, Bilan.id == subject)
    )


async def refusals_to_record(
    session: AsyncSession, tenant: str, subject: str, code: str, *, minute: datetime
) -> int | None:
    """Count a refusal; the caller holds the row of its subject, a consent or a bilan.

    Returns how many refusals of this code no record tells of yet, this one left out, when it is
    the first of its minute and so to be recorded; None when its minute has its record.
    """
    counted = await session.get(RefusalCount, (tenant, subject, code))
    if counted is None:
        session.add(
            RefusalCount(tenant=tenant, subject=subject, code=code, minute=minute, since_last=0)
        )
        await session.flush()
        return 0
    # `>=`: where the clock went back, the record of the later minute counts for this one too.
    if counted.minute >= minute:
        counted.since_last += 1
        await session.flush()
        return None
    untold, counted.minute, counted.since_last = counted.since_last, minute, 0
    await session.flush()
    return untold


async def untold(
    session: AsyncSession, tenant: str, *, before: datetime
) -> Sequence[tuple[str, str]]:
    """Return subject and code of the refusals of earlier minutes that no record tells of yet."""
    query = (
        select(RefusalCount.subject, RefusalCount.code)
        .where(
            RefusalCount.tenant == tenant,
            RefusalCount.since_last > 0,
            RefusalCount.minute < before,
        )
        .order_by(RefusalCount.subject, RefusalCount.code)
    )
    return [(subject, code) for subject, code in await session.execute(query)]


async def take_untold(session: AsyncSession, tenant: str, subject: str, code: str) -> int:
    """Return how many refusals are still to be told, and take them for told; the row is held."""
    counted = await session.get(RefusalCount, (tenant, subject, code), populate_existing=True)
    if counted is None:
        return 0
    found, counted.since_last = counted.since_last, 0
    await session.flush()
    return found
