"""Rows of shares and of retention agreements."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import RetentionAgreement, Share

Row = TypeVar("Row", Share, RetentionAgreement)


async def add(session: AsyncSession, row: Share | RetentionAgreement) -> None:
    """Insert a row."""
    session.add(row)
    await session.flush()


async def find(
    session: AsyncSession, table: type[Row], tenant: str, row_id: str, *, locked: bool = False
) -> Row | None:
    """Return one row of the tenant."""
    query = select(table).where(table.tenant == tenant, table.id == row_id)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(query)


async def page(
    session: AsyncSession,
    table: type[Row],
    tenant: str,
    *,
    beneficiary: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Row]:
    """Return rows in the order of creation, one more than the page holds."""
    query = select(table).where(table.tenant == tenant)
    if beneficiary is not None:
        query = query.where(table.beneficiary == beneficiary)
    return (await session.scalars(after_cursor(query, table.id, after, limit))).all()


async def of_beneficiary(
    session: AsyncSession, table: type[Row], tenant: str, beneficiary: str
) -> Sequence[Row]:
    """Return every row of a person, oldest first."""
    query = select(table).where(table.tenant == tenant, table.beneficiary == beneficiary)
    return (await session.scalars(query.order_by(table.id))).all()
