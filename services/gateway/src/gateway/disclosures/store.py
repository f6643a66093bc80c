"""Rows of disclosures."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.disclosures.rules import Audience
from gateway.edge.listing import after_cursor
from gateway.records.rules import Kind
from gateway.tables import Disclosure, Record


async def add(session: AsyncSession, disclosure: Disclosure) -> None:
    """Insert a disclosure."""
    session.add(disclosure)
    await session.flush()


async def first(
    session: AsyncSession, tenant: str, bilan: str, audience: Audience
) -> Disclosure | None:
    """Return the first notice that was shown to an audience of a bilan; None: none was."""
    query = select(Disclosure).where(
        Disclosure.tenant == tenant,
        Disclosure.bilan == bilan,
        Disclosure.audience == str(audience),
    )
    return await session.scalar(query.order_by(Disclosure.id).limit(1))


async def was_used(session: AsyncSession, tenant: str, beneficiary: str, bilan: str) -> bool:
    """Say whether a model was called for this bilan."""
    query = select(Record.id).where(
        Record.tenant == tenant,
        Record.beneficiary == beneficiary,
        Record.bilan == bilan,
        Record.kind == str(Kind.AI_DISPATCH),
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def page(
    session: AsyncSession, tenant: str, *, bilan: str, after: str | None, limit: int
) -> Sequence[Disclosure]:
    """Return a bilan's disclosures in the order of confirmation, one more than the page holds."""
    query = select(Disclosure).where(Disclosure.tenant == tenant, Disclosure.bilan == bilan)
    return (await session.scalars(after_cursor(query, Disclosure.id, after, limit))).all()
