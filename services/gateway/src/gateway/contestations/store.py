"""Rows of contestations."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Contestation


async def add(session: AsyncSession, row: Contestation) -> None:
    """Insert one contestation."""
    session.add(row)
    await session.flush()


async def of_bilan(
    session: AsyncSession, tenant: str, bilan: str, *, after: str | None, limit: int
) -> Sequence[Contestation]:
    """Return a bilan's contestations from behind the cursor on, one row more than the page."""
    query = select(Contestation).where(Contestation.tenant == tenant, Contestation.bilan == bilan)
    return (await session.scalars(after_cursor(query, Contestation.id, after, limit))).all()


async def of_beneficiary(
    session: AsyncSession, tenant: str, beneficiary: str
) -> Sequence[Contestation]:
    """Return what a person contested, oldest first."""
    query = select(Contestation).where(
        Contestation.tenant == tenant, Contestation.beneficiary == beneficiary
    )
    return (await session.scalars(query.order_by(Contestation.id))).all()
