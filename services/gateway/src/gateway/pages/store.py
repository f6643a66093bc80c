"""What the pages read beside the verbs: that documents and reports of a person exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Bilan, Document, Report


@dataclass(frozen=True, slots=True)
class KeptOfBilan:
    """What is kept of one bilan: when each document came in, when each report was begun."""

    since: datetime
    documents: Sequence[datetime]
    reports: Sequence[datetime]


async def kept_of(session: AsyncSession, tenant: str, beneficiary: str) -> list[KeptOfBilan]:
    """Return what is kept of each of a person's bilans, newest bilan first."""
    bilans = select(Bilan).where(Bilan.tenant == tenant, Bilan.beneficiary == beneficiary)
    rows = (await session.scalars(bilans.order_by(Bilan.id.desc()))).all()
    return [
        KeptOfBilan(
            bilan.created_at,
            await _dates(session, Document, bilan),
            await _dates(session, Report, bilan),
        )
        for bilan in rows
    ]


async def _dates(
    session: AsyncSession, table: type[Document] | type[Report], bilan: Bilan
) -> Sequence[datetime]:
    query = select(table.created_at).where(table.tenant == bilan.tenant, table.bilan == bilan.id)
    return (await session.scalars(query.order_by(table.id))).all()
