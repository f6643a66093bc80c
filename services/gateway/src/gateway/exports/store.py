"""Rows of content that belong to a bilan."""

from collections.abc import Sequence
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Document, Record, Report, Run

Content = TypeVar("Content", Document, Report, Run)


async def of_bilan(
    session: AsyncSession, table: type[Content], tenant: str, bilan: str
) -> Sequence[Content]:
    """Return the documents, reports or runs of a bilan, oldest first."""
    query = select(table).where(table.tenant == tenant, table.bilan == bilan)
    return (await session.scalars(query.order_by(table.id))).all()


async def records(session: AsyncSession, tenant: str, beneficiary: str) -> Sequence[Record]:
    """Return every record about a person, oldest first."""
    query = (
        select(Record)
        .where(Record.tenant == tenant, Record.beneficiary == beneficiary)
        .order_by(Record.id)
    )
    return (await session.scalars(query)).all()
