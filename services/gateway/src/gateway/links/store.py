"""Rows of links, and the sessions that they opened."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import PageSession, PersonalLink


async def add(session: AsyncSession, link: PersonalLink) -> None:
    """Insert a link."""
    session.add(link)
    await session.flush()


async def find(session: AsyncSession, tenant: str, digest: bytes) -> PersonalLink | None:
    """Return a link by the digest of its secret."""
    return await session.get(PersonalLink, (tenant, digest))


async def standing(
    session: AsyncSession, tenant: str, beneficiary: str, kind: str
) -> Sequence[PersonalLink]:
    """Return a person's links of one kind that were not revoked."""
    query = select(PersonalLink).where(
        PersonalLink.tenant == tenant,
        PersonalLink.beneficiary == beneficiary,
        PersonalLink.kind == kind,
        PersonalLink.revoked_at.is_(None),
    )
    return (await session.scalars(query)).all()


async def end_sessions(session: AsyncSession, tenant: str, beneficiary: str, at: datetime) -> None:
    """End the sessions on a person's space; those of ceremonies and withdrawals go on."""
    await session.execute(
        update(PageSession)
        .where(
            PageSession.tenant == tenant,
            PageSession.beneficiary == beneficiary,
            PageSession.kind.in_(("personal", "uncoded")),
        )
        .values(ends_at=at)
    )
