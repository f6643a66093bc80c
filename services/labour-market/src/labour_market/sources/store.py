"""Releases in the database: staged in pieces, then seen by everybody at once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import islice
from typing import cast

from sqlalchemy import Table, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from keel.database import Database
from labour_market.sources.harvest import Harvest, Row
from labour_market.tables import (
    AppellationRow,
    Base,
    CertificationRow,
    FamilyRow,
    FigureRow,
    LinkRow,
    MobilityRow,
    OccupationRow,
    PublicationRow,
    ReleaseRow,
    RequirementRow,
    SkillRow,
    TerritoryRow,
)

TABLES: Mapping[str, type[Base]] = {
    "occupations": OccupationRow,
    "appellations": AppellationRow,
    "skills": SkillRow,
    "requirements": RequirementRow,
    "mobilities": MobilityRow,
    "links": LinkRow,
    "families": FamilyRow,
    "territories": TerritoryRow,
    "figures": FigureRow,
    "certifications": CertificationRow,
}
# Small enough that on SQLite, where one transaction excludes all others, readers wait little.
_PIECE = 5_000

STAGING = "staging"
CURRENT = "current"
SUPERSEDED = "superseded"


async def current(session: AsyncSession) -> dict[str, ReleaseRow]:
    """Return the release that readers see, by source."""
    rows = await session.scalars(select(ReleaseRow).where(ReleaseRow.state == CURRENT))
    return {row.source: row for row in rows}


async def find(session: AsyncSession, release: str) -> ReleaseRow | None:
    """Return a release in any state."""
    return await session.get(ReleaseRow, release)


async def publications(session: AsyncSession, release: str) -> Sequence[PublicationRow]:
    """Return what a release cites."""
    rows = await session.scalars(
        select(PublicationRow).where(PublicationRow.release == release).order_by(PublicationRow.key)
    )
    return rows.all()


async def stage(database: Database, harvest: Harvest, *, at: datetime) -> int:
    """Write every row of `harvest` where no reader looks yet; return the rows that are there.

    What an interrupted import left under the same id is removed first.
    """
    release = harvest.release
    await discard(database, release)
    async with database.begin() as session:
        session.add(
            ReleaseRow(
                id=release,
                source=harvest.source,
                version=harvest.version,
                state=STAGING,
                bundled=harvest.bundled,
                rows=harvest.size,
                digest=harvest.digest,
                imported_at=at,
            )
        )
        await session.flush()
        session.add_all(PublicationRow(release=release, **asdict(p)) for p in harvest.publications)
    for name, rows in harvest.rows.items():
        for piece in _pieces(rows):
            async with database.begin() as session:
                # The table, not the class: the unit of work would split a piece at every null.
                await session.execute(
                    insert(cast("Table", TABLES[name].__table__)),
                    [{"release": release, **row} for row in piece],
                )
    return await _count(database, release)


def _pieces(rows: Sequence[Row]) -> Iterator[list[Row]]:
    every = iter(rows)
    while piece := list(islice(every, _PIECE)):
        yield piece


async def _count(database: Database, release: str) -> int:
    total = 0
    async with database.begin() as session:
        for table in TABLES.values():
            of_release = table.__table__.c.release == release
            counted = select(func.count()).select_from(table).where(of_release)
            total += await session.scalar(counted) or 0
    return total


async def switch(database: Database, harvest: Harvest) -> str | None:
    """Let readers see the staged release instead of the current one, in one transaction.

    Returns:
        The id of the release that was current until now, if there was one.
    """
    async with database.begin() as session:
        old = (await current(session)).get(harvest.source)
        if old is not None and old.id != harvest.release:
            await _mark(session, old.id, SUPERSEDED)
        await _mark(session, harvest.release, CURRENT)
    return old.id if old is not None and old.id != harvest.release else None


async def _mark(session: AsyncSession, release: str, state: str) -> None:
    await session.execute(update(ReleaseRow).where(ReleaseRow.id == release).values(state=state))


async def discard(database: Database, release: str) -> None:
    """Remove a staged release and its rows."""
    async with database.begin() as session:
        await session.execute(
            delete(ReleaseRow).where(ReleaseRow.id == release, ReleaseRow.state == STAGING)
        )
