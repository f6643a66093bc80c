"""Rows of the private records."""

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.records.rules import Kind
from gateway.tables import Record


async def add(session: AsyncSession, row: Record) -> None:
    """Insert one record."""
    session.add(row)
    await session.flush()


async def find(session: AsyncSession, tenant: str, record_id: str) -> Record | None:
    """Return one record of the tenant."""
    return await session.get(Record, (tenant, record_id))


async def page(
    session: AsyncSession,
    tenant: str,
    *,
    beneficiary: str | None,
    consent: str | None,
    kind: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Record]:
    """Return records in the order of their ids, which is that of time."""
    query = select(Record).where(Record.tenant == tenant)
    if beneficiary is not None:
        query = query.where(Record.beneficiary == beneficiary)
    if consent is not None:
        query = query.where(Record.consent == consent)
    if kind is not None:
        query = query.where(Record.kind == kind)
    if after is not None:
        query = query.where(Record.id > after)
    return (await session.scalars(query.order_by(Record.id).limit(limit))).all()


_CLOSING = (Kind.AI_RESULT, Kind.AI_ERROR, Kind.AI_CANCELLED)


async def open_dispatches(session: AsyncSession) -> Sequence[Record]:
    """Return the dispatches that no closing record points to."""
    closing = aliased(Record)
    closed = exists().where(
        closing.tenant == Record.tenant,
        closing.prev == Record.id,
        closing.kind.in_([str(k) for k in _CLOSING]),
    )
    query = select(Record).where(Record.kind == str(Kind.AI_DISPATCH), ~closed)
    return (await session.scalars(query)).all()
