"""Rows of legal holds, and the one question that every destruction asks."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import LegalHold
from keel.database import database_clock


async def until(session: AsyncSession, tenant: str) -> datetime | None:
    """Return until when nothing of this tenant's records may be destroyed; None: no hold stands.

    By the database's clock. Where several holds stand, the last one to end counts.
    """
    found: datetime | None = await session.scalar(
        select(func.max(LegalHold.ends_at)).where(
            LegalHold.tenant == tenant,
            LegalHold.lifted_at.is_(None),
            LegalHold.ends_at > database_clock(),
        )
    )
    return found


async def add(session: AsyncSession, hold: LegalHold) -> None:
    """Insert a hold."""
    session.add(hold)
    await session.flush()


async def find(session: AsyncSession, tenant: str, hold_id: str) -> LegalHold | None:
    """Return a hold of the tenant, locked."""
    query = select(LegalHold).where(LegalHold.tenant == tenant, LegalHold.id == hold_id)
    return await session.scalar(query.with_for_update())


async def of_tenant(session: AsyncSession, tenant: str) -> Sequence[LegalHold]:
    """Return every hold that the tenant ever had, oldest first."""
    query = select(LegalHold).where(LegalHold.tenant == tenant).order_by(LegalHold.id)
    return (await session.scalars(query)).all()
