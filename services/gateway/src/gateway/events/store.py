"""Rows of events."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Event


async def page(
    session: AsyncSession, tenant: str, after: str | None, limit: int
) -> Sequence[Event]:
    """Return one page of the tenant's events, and one more."""
    query = select(Event).where(Event.tenant == tenant)
    return (await session.scalars(after_cursor(query, Event.id, after, limit))).all()
