"""Reads certifications of the current release."""

from collections.abc import Collection, Sequence

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from labour_market.sources.store import CURRENT
from labour_market.tables import CertificationRow, LinkRow, PublicationRow, ReleaseRow
from labour_market.trainings.rules import Certification


async def linked(session: AsyncSession, codes: Collection[str]) -> list[Certification]:
    """Return the certifications that a link ties to one of these occupations (v4 or v3 codes)."""
    rows = await session.execute(
        select(CertificationRow, LinkRow.relation, LinkRow.made_by)
        .join(ReleaseRow, ReleaseRow.id == CertificationRow.release)
        .join(
            LinkRow,
            and_(
                LinkRow.release == CertificationRow.release,
                LinkRow.from_scheme == "rncp",
                LinkRow.from_code == CertificationRow.rncp,
            ),
        )
        .where(ReleaseRow.state == CURRENT, LinkRow.to_code.in_(codes))
        .order_by(CertificationRow.rncp)
    )
    return [
        Certification(
            rncp=row.rncp,
            title=row.title,
            kind=row.kind,
            level=row.level,
            status=row.status,
            valid_until=row.valid_until,
            link=relation,
            made_by=made_by,
        )
        for row, relation, made_by in rows
    ]


async def cited(session: AsyncSession) -> Sequence[tuple[PublicationRow, bool]]:
    """Return the publications of the register's current release, and whether it is bundled."""
    rows = await session.execute(
        select(PublicationRow, ReleaseRow.bundled)
        .join(ReleaseRow, ReleaseRow.id == PublicationRow.release)
        .where(ReleaseRow.state == CURRENT, ReleaseRow.source == "rncp")
    )
    return [(row, bundled) for row, bundled in rows]
