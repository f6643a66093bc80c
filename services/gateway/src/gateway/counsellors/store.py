"""Rows of counsellors, what they accepted and what they are qualified for."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.counsellors.rules import QualificationKind
from gateway.edge.listing import after_cursor
from gateway.tables import Counsellor, Qualification, SecrecyAcceptance


async def add(session: AsyncSession, row: Counsellor | SecrecyAcceptance | Qualification) -> None:
    """Insert a row."""
    session.add(row)
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, counsellor_id: str, *, locked: bool = False
) -> Counsellor | None:
    """Return a counsellor of the tenant."""
    return await session.get(Counsellor, (tenant, counsellor_id), with_for_update=locked or None)


async def is_active(session: AsyncSession, tenant: str, counsellor_id: str) -> bool:
    """Say whether somebody may act as this counsellor: one of the tenant's, not deactivated."""
    query = select(Counsellor.id).where(
        Counsellor.tenant == tenant,
        Counsellor.id == counsellor_id,
        Counsellor.deactivated_at.is_(None),
    )
    return await session.scalar(query) is not None


async def page(
    session: AsyncSession, tenant: str, *, after: str | None, limit: int
) -> Sequence[Counsellor]:
    """Return counsellors in the order of creation, one more than the page holds."""
    query = select(Counsellor).where(Counsellor.tenant == tenant)
    return (await session.scalars(after_cursor(query, Counsellor.id, after, limit))).all()


async def acceptance(
    session: AsyncSession, tenant: str, counsellor_id: str, version: str
) -> SecrecyAcceptance | None:
    """Return a counsellor's acceptance of one version of the secrecy notice."""
    query = select(SecrecyAcceptance).where(
        SecrecyAcceptance.tenant == tenant,
        SecrecyAcceptance.counsellor == counsellor_id,
        SecrecyAcceptance.notice_version == version,
    )
    return await session.scalar(query)


async def qualifications(
    session: AsyncSession, tenant: str, counsellor_id: str, *, after: str | None, limit: int
) -> Sequence[Qualification]:
    """Return a counsellor's qualifications in the order of recording, one more than the page."""
    query = select(Qualification).where(
        Qualification.tenant == tenant, Qualification.counsellor == counsellor_id
    )
    return (await session.scalars(after_cursor(query, Qualification.id, after, limit))).all()


async def ai_training(
    session: AsyncSession, tenant: str, counsellor_id: str, *, on: str
) -> Qualification | None:
    """Return a counsellor's newest training on AI that is valid on a day (AI Act art. 4)."""
    query = select(Qualification).where(
        Qualification.tenant == tenant,
        Qualification.counsellor == counsellor_id,
        Qualification.kind == str(QualificationKind.AI_TRAINING),
        Qualification.obtained_on <= on,
        or_(Qualification.expires_on.is_(None), Qualification.expires_on >= on),
    )
    newest = query.order_by(Qualification.obtained_on.desc(), Qualification.id.desc())
    return (await session.scalars(newest.limit(1))).first()
