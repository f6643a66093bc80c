"""Reads figures, links and territories of the current releases."""

from collections.abc import Collection, Sequence
from itertools import product

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from labour_market.sources.store import CURRENT
from labour_market.tables import (
    FamilyRow,
    FigureRow,
    LinkRow,
    PublicationRow,
    ReleaseRow,
    TerritoryRow,
)

Family = tuple[str, str]


def _now(release: ColumnElement[str]) -> ColumnElement[bool]:
    return release.in_(select(ReleaseRow.id).where(ReleaseRow.state == CURRENT))


async def links(session: AsyncSession, scheme: str, code: str) -> Sequence[LinkRow]:
    """Return where a code leads, the heaviest link first."""
    rows = await session.scalars(
        select(LinkRow)
        .where(_now(LinkRow.release.expression))
        .where(LinkRow.from_scheme == scheme, LinkRow.from_code == code)
        .order_by(LinkRow.weight.desc(), LinkRow.to_code)
    )
    return rows.all()


async def labels(session: AsyncSession, families: Collection[Family]) -> dict[Family, str]:
    """Return the labels of families, as (scheme, code)."""
    if not families:
        return {}
    wanted = [and_(FamilyRow.scheme == s, FamilyRow.code == c) for s, c in families]
    rows = await session.execute(
        select(FamilyRow.scheme, FamilyRow.code, FamilyRow.label)
        .where(_now(FamilyRow.release.expression))
        .where(or_(*wanted))
    )
    return {(scheme, code): label for scheme, code, label in rows}


async def territories(session: AsyncSession, codes: Collection[str]) -> Sequence[TerritoryRow]:
    """Return the rows of territories; one that crosses a border has several."""
    rows = await session.scalars(
        select(TerritoryRow)
        .where(_now(TerritoryRow.release.expression), TerritoryRow.code.in_(codes))
        .order_by(TerritoryRow.code, TerritoryRow.parent)
    )
    return rows.all()


async def figures(
    session: AsyncSession, families: Collection[Family], places: Collection[str]
) -> Sequence[FigureRow]:
    """Return every figure of these families in these territories."""
    # Equality look-ups on the whole key, one a family: with an OR over families or a sub-query
    # for the releases, SQLite read every row of the release.
    found: list[FigureRow] = []
    releases = await _releases(session)
    for (scheme, code), release in product(families, releases):
        rows = await session.scalars(
            select(FigureRow)
            .where(FigureRow.release == release)
            .where(FigureRow.occupation_level == scheme, FigureRow.occupation == code)
            .where(FigureRow.territory.in_(places))
            .order_by(FigureRow.indicator, FigureRow.period)
        )
        found.extend(rows)
    return found


async def _releases(session: AsyncSession) -> Sequence[str]:
    """Return the current releases that hold figures."""
    rows = await session.scalars(
        select(ReleaseRow.id)
        .where(ReleaseRow.state == CURRENT, ReleaseRow.source.in_(("bmo", "dares")))
        .order_by(ReleaseRow.source)
    )
    return rows.all()


async def sums_of_bassins(
    session: AsyncSession, occupation: str, territory: str, indicators: Collection[str]
) -> Sequence[tuple[str, str, float, str, str]]:
    """Return indicator, period, sum, release and publication over the bassins in a territory."""
    rows = await session.execute(
        select(
            FigureRow.indicator,
            FigureRow.period,
            func.sum(FigureRow.value),
            FigureRow.release,
            FigureRow.publication,
        )
        .where(_now(FigureRow.release.expression))
        .where(FigureRow.occupation_level == "rome3", FigureRow.occupation == occupation)
        .where(FigureRow.indicator.in_(indicators), FigureRow.territory.in_(_bassins(territory)))
        .group_by(FigureRow.indicator, FigureRow.period, FigureRow.release, FigureRow.publication)
    )
    return [(i, p, float(v), r, k) for i, p, v, r, k in rows if v is not None]


def _bassins(territory: str) -> Select[str]:
    every = select(TerritoryRow.code).where(
        _now(TerritoryRow.release.expression), TerritoryRow.level == "bassin"
    )
    if territory == "FR":
        return every
    if territory.startswith("D-"):
        return every.where(TerritoryRow.parent == territory)
    inside = select(TerritoryRow.code).where(
        _now(TerritoryRow.release.expression),
        TerritoryRow.level == "departement",
        TerritoryRow.parent == territory,
    )
    return every.where(TerritoryRow.parent.in_(inside))


async def publications(session: AsyncSession) -> Sequence[tuple[PublicationRow, bool]]:
    """Return what the current releases cite, and whether each is bundled."""
    rows = await session.execute(
        select(PublicationRow, ReleaseRow.bundled)
        .join(ReleaseRow, ReleaseRow.id == PublicationRow.release)
        .where(ReleaseRow.state == CURRENT)
    )
    return [(row, bundled) for row, bundled in rows]
