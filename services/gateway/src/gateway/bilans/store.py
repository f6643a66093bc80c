"""Rows of bilans and of who conducts them."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Assignment


async def assign(session: AsyncSession, assignment: Assignment) -> None:
    """Insert an assignment."""
    session.add(assignment)
    await session.flush()


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
