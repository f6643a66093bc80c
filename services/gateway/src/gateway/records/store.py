"""Rows of the private records."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from gateway.records.rules import Kind
from gateway.tables import Base, Record
from keel.tenancy import AnotherTenantsRow, tenant_of

_records = Base.metadata.tables[Record.__tablename__]


async def add(session: AsyncSession, tenant: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert records; nobody reads them in this transaction, so no object is kept of them.

    Raises:
        AnotherTenantsRow: the transaction is not of the records' tenant.
    """
    if tenant != tenant_of(session.sync_session):
        raise AnotherTenantsRow(Record.__name__)
    await session.flush()  # what they are about comes first
    await (await session.connection()).execute(_records.insert(), rows)


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
    bilan: str | None = None,
    since: datetime | None = None,
    before: datetime | None = None,
) -> Sequence[Record]:
    """Return records in the order of their ids, which is that of time."""
    query = select(Record).where(Record.tenant == tenant)
    if beneficiary is not None:
        query = query.where(Record.beneficiary == beneficiary)
    if consent is not None:
        query = query.where(Record.consent == consent)
    if bilan is not None:
        query = query.where(Record.bilan == bilan)
    if kind is not None:
        query = query.where(Record.kind == kind)
    if since is not None:
        query = query.where(Record.occurred_at >= since)
    if before is not None:
        query = query.where(Record.occurred_at < before)
    if after is not None:
        query = query.where(Record.id > after)
    return (await session.scalars(query.order_by(Record.id).limit(limit))).all()


_EMPTY = {"sealed": None, "beneficiary": None, "bilan": None, "consent": None, "prev": None}
"""What is left of a record: that there was one, of which kind, when, and its place in the log."""


async def empty_due(
    session: AsyncSession, tenant: str, *, before: datetime, limit: int
) -> Sequence[tuple[str, str | None]]:
    """Empty the oldest records from before an instant; returns whose each of them was."""
    due = (
        select(Record.id, Record.beneficiary)
        .where(Record.tenant == tenant, Record.occurred_at < before, Record.sealed.is_not(None))
        .order_by(Record.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [(row.id, row.beneficiary) for row in await session.execute(due)]
    await session.execute(
        update(Record)
        .where(Record.tenant == tenant, Record.id.in_([record for record, _ in found]))
        .values(**_EMPTY)
    )
    return found


async def count_due(session: AsyncSession, tenant: str, *, before: datetime) -> int:
    """Return how many records from before an instant still say what they said."""
    query = select(func.count()).select_from(Record)
    due = Record.tenant == tenant, Record.occurred_at < before, Record.sealed.is_not(None)
    return await session.scalar(query.where(*due)) or 0


async def has_any(session: AsyncSession, tenant: str, beneficiary: str) -> bool:
    """Say whether a record about this person is left that was not emptied."""
    query = select(Record.id).where(Record.tenant == tenant, Record.beneficiary == beneficiary)
    return (await session.scalars(query.limit(1))).first() is not None


async def erase(session: AsyncSession, tenant: str, beneficiary: str) -> int:
    """Empty a person's records; that there was one stays, when, and its place in the log."""
    emptied = await session.execute(
        update(Record)
        .where(Record.tenant == tenant, Record.beneficiary == beneficiary)
        .values(**_EMPTY)
        .returning(Record.id)
    )
    return len(emptied.all())


async def newest(
    session: AsyncSession, tenant: str, *, beneficiary: str, kinds: Sequence[Kind], limit: int
) -> Sequence[Record]:
    """Return a person's records of these kinds, newest first."""
    query = select(Record).where(
        Record.tenant == tenant,
        Record.beneficiary == beneficiary,
        Record.kind.in_([str(kind) for kind in kinds]),
    )
    return (await session.scalars(query.order_by(Record.id.desc()).limit(limit))).all()


async def following(session: AsyncSession, tenant: str, first: Sequence[str]) -> Sequence[Record]:
    """Return the records that say what came after these: results, reviews, contestations."""
    query = select(Record).where(Record.tenant == tenant, Record.prev.in_(first))
    return (await session.scalars(query.order_by(Record.id))).all()


_CLOSING = (Kind.AI_RESULT, Kind.AI_ERROR, Kind.AI_CANCELLED)


async def is_closed(session: AsyncSession, tenant: str, dispatch: str) -> bool:
    """Say whether a record closes this dispatch; the caller holds the lock of its consent."""
    query = select(Record.id).where(
        Record.tenant == tenant,
        Record.prev == dispatch,
        Record.kind.in_([str(k) for k in _CLOSING]),
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def open_dispatches(session: AsyncSession, tenant: str, before: datetime) -> Sequence[Record]:
    """Return the dispatches from before an instant that no closing record points to."""
    closing = aliased(Record)
    closed = exists().where(
        closing.tenant == Record.tenant,
        closing.prev == Record.id,
        closing.kind.in_([str(k) for k in _CLOSING]),
    )
    query = select(Record).where(
        Record.tenant == tenant,
        Record.kind == str(Kind.AI_DISPATCH),
        Record.occurred_at <= before,
        Record.sealed.is_not(None),  # what was emptied no longer says which record closed it
        ~closed,
    )
    return (await session.scalars(query)).all()


async def is_marked(session: AsyncSession, tenant: str, dispatch: str) -> bool:
    """Say whether a record tells that the output of this dispatch left marked.

    The caller holds the lock of its consent.
    """
    query = select(Record.id).where(
        Record.tenant == tenant, Record.prev == dispatch, Record.kind == str(Kind.AI_MARKED)
    )
    return (await session.scalars(query.limit(1))).first() is not None
