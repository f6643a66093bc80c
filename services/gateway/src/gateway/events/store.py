"""Rows of events."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Event


async def page(session: AsyncSession, after: str | None, limit: int) -> Sequence[Event]:
    """Return one page of the tenant's events, and one more."""
    return (await session.scalars(after_cursor(select(Event), Event.id, after, limit))).all()
