"""Rows of conventions."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Convention


async def add(session: AsyncSession, convention: Convention) -> None:
    """Insert a convention."""
    session.add(convention)
    await session.flush()


async def newest(session: AsyncSession, tenant: str, bilan: str) -> Convention | None:
    """Return the newest convention of a bilan; earlier ones were refused."""
    query = (
        select(Convention)
        .where(Convention.tenant == tenant, Convention.bilan == bilan)
        .order_by(Convention.id.desc())
    )
    return await session.scalar(query.limit(1))


async def of_bilan(session: AsyncSession, tenant: str, bilan: str) -> Sequence[Convention]:
    """Return every convention of a bilan, oldest first."""
    query = (
        select(Convention)
        .where(Convention.tenant == tenant, Convention.bilan == bilan)
        .order_by(Convention.id)
    )
    return (await session.scalars(query)).all()
