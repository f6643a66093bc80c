"""Rows of interviews and of closed phases."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import ClosedPhase, Interview


async def add(session: AsyncSession, row: Interview | ClosedPhase) -> None:
    """Insert a row."""
    session.add(row)
    await session.flush()


async def interviews(session: AsyncSession, tenant: str, bilan: str) -> Sequence[Interview]:
    """Return the interviews of a bilan in the order of recording."""
    query = select(Interview).where(Interview.tenant == tenant, Interview.bilan == bilan)
    return (await session.scalars(query.order_by(Interview.id))).all()


async def closed(session: AsyncSession, tenant: str, bilan: str) -> Sequence[ClosedPhase]:
    """Return the closed phases of a bilan in the order of closing."""
    query = select(ClosedPhase).where(ClosedPhase.tenant == tenant, ClosedPhase.bilan == bilan)
    return (await session.scalars(query.order_by(ClosedPhase.closed_at))).all()
