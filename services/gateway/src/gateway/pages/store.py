"""What the pages read beside the verbs: which documents and reports of a person exist."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Bilan, Document, Report


@dataclass(frozen=True, slots=True)
class Kept:
    """A document or a report: its id, and when it came in or was begun."""

    id: str
    since: datetime


@dataclass(frozen=True, slots=True)
class KeptOfBilan:
    """What is kept of one bilan, oldest first."""

    since: datetime
    documents: Sequence[Kept]
    reports: Sequence[Kept]


async def kept_of(session: AsyncSession, tenant: str, beneficiary: str) -> list[KeptOfBilan]:
    """Return what is kept of each of a person's bilans, newest bilan first."""
    bilans = select(Bilan).where(Bilan.tenant == tenant, Bilan.beneficiary == beneficiary)
    rows = (await session.scalars(bilans.order_by(Bilan.id.desc()))).all()
    return [
        KeptOfBilan(
            bilan.created_at,
            await _kept(session, Document, bilan),
            await _kept(session, Report, bilan),
        )
        for bilan in rows
    ]


async def _kept(
    session: AsyncSession, table: type[Document] | type[Report], bilan: Bilan
) -> Sequence[Kept]:
    query = select(table.id, table.created_at).where(
        table.tenant == bilan.tenant, table.bilan == bilan.id
    )
    return [Kept(*row) for row in await session.execute(query.order_by(table.id))]
