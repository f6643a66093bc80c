"""Rows of quotas and of what was used of them."""

from collections.abc import Sequence

from sqlalchemy import case, literal, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.quotas.rules import QuotaKind
from gateway.tables import Quota, Usage

_SHARE = 10
"""A block is a tenth of what is left at most: near the end of a contract no process holds what
another one's request could use."""


async def limit_of(session: AsyncSession, tenant: str, kind: QuotaKind) -> int | None:
    """Return what the contract allows a month; None: no limit."""
    row = await session.get(Quota, (tenant, str(kind)))
    return None if row is None else row.per_month


async def set_limit(
    session: AsyncSession, tenant: str, kind: QuotaKind, per_month: int | None
) -> None:
    """Write down what the contract allows a month; None: no limit."""
    await session.merge(Quota(tenant=tenant, kind=str(kind), per_month=per_month))
    await session.flush()


async def _begin(session: AsyncSession, tenant: str, kind: QuotaKind, period: str) -> None:
    """See that the month has its row."""
    if await session.get(Usage, (tenant, str(kind), period)) is not None:
        return
    row = Usage(tenant=tenant, kind=str(kind), period=period, reserved=0, used=0, block=0)
    try:
        async with session.begin_nested():
            session.add(row)
    except IntegrityError:  # another process began the month at the same time
        session.expunge_all()


async def reserve(
    session: AsyncSession, tenant: str, kind: QuotaKind, period: str, block: int
) -> tuple[int, int | None, int]:
    """Reserve a block: how many (0: none is left), the limit, and how many are reserved in all.

    One statement looks and takes: two processes never reserve the same one.
    """
    await _begin(session, tenant, kind, period)
    limit = await limit_of(session, tenant, kind)
    room = literal(limit) - Usage.reserved
    taken = (
        literal(block)
        if limit is None
        else case((room >= block * _SHARE, block), (room >= _SHARE, room // _SHARE), else_=1)
    )
    query = update(Usage).where(
        Usage.tenant == tenant, Usage.kind == str(kind), Usage.period == period
    )
    if limit is not None:
        query = query.where(Usage.reserved < limit)
    query = query.values(reserved=Usage.reserved + taken, block=taken)
    returned = query.returning(Usage.block, Usage.reserved)
    row = (await session.execute(returned, execution_options=_AS_IT_IS)).first()
    return (0, limit, limit or 0) if row is None else (row[0], limit, row[1])


async def report(
    session: AsyncSession, tenant: str, kind: QuotaKind, period: str, *, used: int, given_back: int
) -> None:
    """Add what was used, and take back from what is reserved."""
    await session.execute(
        update(Usage)
        .where(Usage.tenant == tenant, Usage.kind == str(kind), Usage.period == period)
        .values(used=Usage.used + used, reserved=Usage.reserved - given_back),
        execution_options=_AS_IT_IS,
    )


async def of_period(session: AsyncSession, tenant: str, period: str) -> Sequence[Usage]:
    """Return what was used in a month."""
    query = select(Usage).where(Usage.tenant == tenant, Usage.period == period)
    return (await session.scalars(query)).all()


_AS_IT_IS = {"synchronize_session": False}
