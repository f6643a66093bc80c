"""The verb of trends: gather what is published for an occupation in a territory."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from labour_market.occupations.catalogue import Occupation
from labour_market.problems import UnknownTerritory
from labour_market.tables import FigureRow, TerritoryRow
from labour_market.trends import rules, store
from labour_market.trends.rules import Figure
from labour_market.trends.store import Family

_SUMMED = ("ft.offers", "ft.jobseekers")
_MOST_FAMILIES = 3
_SERIES = 3


@dataclass(frozen=True, slots=True)
class Gathered:
    """The newest figures, and the series behind those that have one."""

    occupation: Occupation
    territory: str
    territory_label: str
    latest: tuple[Figure, ...]
    series: tuple[tuple[Figure, ...], ...]


async def gather(session: AsyncSession, occupation: Occupation, territory: str) -> Gathered:
    """Return the figures of the territory and, beside them, of the larger ones around it.

    Raises:
        UnknownTerritory: the geography of the current release does not have it.
    """
    places = await _around(session, territory)
    families = await _families(session, occupation)
    labels = await store.labels(session, families)
    labels["rome3", occupation.family] = occupation.parent_label or occupation.label
    rows = await store.figures(session, families, list(places))
    figures = [_figure(row, places, labels) for row in rows]
    figures += await _summed(session, occupation, places, labels)
    rank = {family: place for place, family in enumerate(families)}
    lines = _lines(figures, rank, list(places))
    return Gathered(
        occupation=occupation,
        territory=territory,
        territory_label=places[territory].label,
        latest=tuple(line[-1] for line in lines),
        series=tuple(tuple(line) for line in lines if len(line) >= _SERIES),
    )


async def _around(session: AsyncSession, territory: str) -> dict[str, TerritoryRow]:
    """Return the territory and those that hold it, the smallest first."""
    around: dict[str, TerritoryRow] = {}
    ask = {territory}
    while ask:
        rows = await store.territories(session, ask)
        for row in rows:
            around.setdefault(row.code, row)
        ask = {row.parent for row in rows if row.parent} - around.keys()
    if territory not in around:
        raise UnknownTerritory(
            "Use FR, a region (R-52), a département (D-44) or a bassin (B-5203)."
        )
    return around


async def _families(session: AsyncSession, occupation: Occupation) -> list[Family]:
    """Return under which codes figures speak of the occupation, the closest first."""
    direct = await store.links(session, "rome4", occupation.code)
    official = await store.links(session, "rome3", occupation.family)
    old = [(li.to_scheme, li.to_code) for li in official if li.to_scheme == "fap2009"]
    old = list(dict.fromkeys(old))[:_MOST_FAMILIES]
    new = [(li.to_scheme, li.to_code) for li in direct if li.to_scheme == "fap2021"]
    for scheme, code in old if not new else ():
        further = await store.links(session, scheme, code)
        new += [(li.to_scheme, li.to_code) for li in further if li.to_scheme == "fap2021"]
    return [*old, *dict.fromkeys(new), ("rome3", occupation.family)]


async def _summed(
    session: AsyncSession,
    occupation: Occupation,
    places: dict[str, TerritoryRow],
    labels: dict[Family, str],
) -> list[Figure]:
    """Return sums over bassins, which cross borders: an estimate of the territory, and said so."""
    found = []
    for code, place in places.items():
        if place.level == "bassin":
            continue
        sums = await store.sums_of_bassins(session, occupation.family, code, _SUMMED)
        for indicator, period, value, release, publication in sums:
            row = FigureRow(
                release=release,
                occupation_level="rome3",
                occupation=occupation.family,
                territory=code,
                indicator=indicator,
                period=period,
                value=round(value),
                n=round(value),
                flag="estimated",
                publication=publication,
            )
            found.append(_figure(row, places, labels))
    return found


def _figure(row: FigureRow, places: dict[str, TerritoryRow], labels: dict[Family, str]) -> Figure:
    family = (row.occupation_level, row.occupation)
    return Figure(
        indicator=row.indicator,
        value=row.value,
        period=row.period,
        territory=row.territory,
        territory_level=rules.level(row.territory),
        territory_label=places[row.territory].label,
        occupation_level=row.occupation_level,
        occupation_code=row.occupation,
        occupation_label=labels.get(family, row.occupation),
        n=row.n,
        flag=row.flag,
        release=row.release,
        publication=row.publication,
    )


def _lines(
    figures: Sequence[Figure], rank: dict[Family, int], places: list[str]
) -> list[list[Figure]]:
    """Group figures in lines of one indicator, family, territory and source, oldest first."""
    lines: dict[tuple[str, str, str, str, str], list[Figure]] = {}
    for f in sorted(figures, key=lambda f: f.period):
        key = (f.indicator, f.occupation_level, f.occupation_code, f.territory, f.publication)
        lines.setdefault(key, []).append(f)
    return sorted(
        lines.values(),
        key=lambda line: (
            places.index(line[0].territory),
            rules.ORDER.get(line[0].indicator, len(rules.ORDER)),
            # The newest publication of an indicator first, then the closest family.
            -int(line[-1].period[:4]),
            rank.get((line[0].occupation_level, line[0].occupation_code), len(rank)),
        ),
    )
