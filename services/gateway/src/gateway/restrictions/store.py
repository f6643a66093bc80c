"""Rows of restrictions and objections."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Restriction


async def add(session: AsyncSession, restriction: Restriction) -> None:
    """Insert a restriction."""
    session.add(restriction)
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, beneficiary: str, restriction_id: str
) -> Restriction | None:
    """Return a restriction of a person, locked."""
    query = (
        select(Restriction)
        .where(
            Restriction.tenant == tenant,
            Restriction.beneficiary == beneficiary,
            Restriction.id == restriction_id,
        )
        .with_for_update()
    )
    return await session.scalar(query)


async def page(
    session: AsyncSession, tenant: str, beneficiary: str, *, after: str | None, limit: int
) -> Sequence[Restriction]:
    """Return a person's restrictions, oldest first, one more than the page holds."""
    query = select(Restriction).where(
        Restriction.tenant == tenant, Restriction.beneficiary == beneficiary
    )
    return (await session.scalars(after_cursor(query, Restriction.id, after, limit))).all()


async def standing(
    session: AsyncSession, tenant: str, beneficiary: str, kind: str
) -> Restriction | None:
    """Return the oldest restriction of a kind that stands."""
    query = select(Restriction).where(
        Restriction.tenant == tenant,
        Restriction.beneficiary == beneficiary,
        Restriction.kind == kind,
        Restriction.lifted_at.is_(None),
    )
    return await session.scalar(query.order_by(Restriction.id).limit(1))


async def standing_kinds(session: AsyncSession, tenant: str, beneficiary: str) -> Sequence[str]:
    """Return the kinds of the restrictions that stand."""
    query = select(Restriction.kind).where(
        Restriction.tenant == tenant,
        Restriction.beneficiary == beneficiary,
        Restriction.lifted_at.is_(None),
    )
    return (await session.scalars(query)).all()


async def of_beneficiary(
    session: AsyncSession, tenant: str, beneficiary: str
) -> Sequence[Restriction]:
    """Return every restriction of a person, oldest first."""
    query = select(Restriction).where(
        Restriction.tenant == tenant, Restriction.beneficiary == beneficiary
    )
    return (await session.scalars(query.order_by(Restriction.id))).all()
