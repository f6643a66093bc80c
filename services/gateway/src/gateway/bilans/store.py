"""Rows of bilans and of who conducts them."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Assignment, Bilan, BilanAgreement, Interview


async def add(session: AsyncSession, row: Bilan | Assignment | BilanAgreement) -> None:
    """Insert a row."""
    session.add(row)
    await session.flush()


async def hold(session: AsyncSession, tenant: str, bilan_id: str) -> None:
    """Keep a bilan from being closed while the transaction lasts."""
    query = select(Bilan.id).where(Bilan.tenant == tenant, Bilan.id == bilan_id)
    await session.scalar(query.with_for_update(read=True, key_share=True))


async def status(session: AsyncSession, tenant: str, bilan_id: str) -> str | None:
    """Return where a bilan stands now, whatever the session read of it before."""
    return await session.scalar(
        select(Bilan.status).where(Bilan.tenant == tenant, Bilan.id == bilan_id)
    )


async def page(
    session: AsyncSession,
    tenant: str,
    *,
    beneficiary: str | None,
    status: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Bilan]:
    """Return bilans in the order of creation, one more than the page holds."""
    query = select(Bilan).where(Bilan.tenant == tenant)
    if beneficiary is not None:
        query = query.where(Bilan.beneficiary == beneficiary)
    if status is not None:
        query = query.where(Bilan.status == str(status))
    return (await session.scalars(after_cursor(query, Bilan.id, after, limit))).all()


async def of_beneficiary(session: AsyncSession, tenant: str, beneficiary: str) -> Sequence[Bilan]:
    """Return every bilan of a person, oldest first."""
    query = select(Bilan).where(Bilan.tenant == tenant, Bilan.beneficiary == beneficiary)
    return (await session.scalars(query.order_by(Bilan.id))).all()


async def names_employer(session: AsyncSession, tenant: str, employer_digest: bytes) -> bool:
    """Say whether a bilan of the tenant has this employer."""
    query = select(Bilan.id).where(Bilan.tenant == tenant, Bilan.employer_digest == employer_digest)
    return await session.scalar(query.limit(1)) is not None


async def agreement(session: AsyncSession, tenant: str, bilan: str) -> BilanAgreement | None:
    """Return the worker's agreement to a bilan."""
    query = select(BilanAgreement).where(
        BilanAgreement.tenant == tenant, BilanAgreement.bilan == bilan
    )
    return await session.scalar(query)


async def interview_minutes(session: AsyncSession, tenant: str, bilan: str) -> int:
    """Return for how many minutes interviews were held."""
    query = select(func.coalesce(func.sum(Interview.minutes), 0)).where(
        Interview.tenant == tenant, Interview.bilan == bilan
    )
    return int(await session.scalar(query) or 0)


async def assignments(
    session: AsyncSession, tenant: str, bilan: str, *, live: bool = False
) -> Sequence[Assignment]:
    """Return the assignments of a bilan, oldest first; `live` leaves out those that ended."""
    query = select(Assignment).where(Assignment.tenant == tenant, Assignment.bilan == bilan)
    if live:
        query = query.where(Assignment.ended_at.is_(None))
    return (await session.scalars(query.order_by(Assignment.id))).all()


async def is_assigned(session: AsyncSession, tenant: str, bilan: str, counsellor: str) -> bool:
    """Say whether a counsellor conducts a bilan now."""
    query = select(Assignment.id).where(
        Assignment.tenant == tenant,
        Assignment.bilan == bilan,
        Assignment.counsellor == counsellor,
        Assignment.ended_at.is_(None),
    )
    return await session.scalar(query.limit(1)) is not None
