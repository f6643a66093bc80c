"""Trends over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from keel.clock import utc_now
from keel.database import SessionDep
from keel.passes import PassDep
from keel.problems import problems
from labour_market.occupations.api import RomeDep
from labour_market.occupations.service import read
from labour_market.problems import SchemeUnavailable, UnknownOccupation, UnknownTerritory
from labour_market.provenance import Code, Label, SourceView
from labour_market.trends import rules, service, store
from labour_market.trends.rules import Figure
from labour_market.trends.service import Gathered

router = APIRouter(tags=["trends"])

Territory = Annotated[
    str,
    Query(
        pattern=r"^(FR|R-\d{2}|D-(\d{2,3}|2A|2B)|B-\d{4})$",
        description="FR, a region (R-52), a département (D-44), a bassin d'emploi (B-5203)",
    ),
]
Period = Annotated[str, Field(max_length=10, examples=["2019"])]


class Place(BaseModel):
    """A territory."""

    code: str = Field(max_length=8)
    label: str = Field(max_length=120)
    level: str = Field(max_length=12, description="country, region, departement, bassin")


class OccupationRef(BaseModel):
    """An occupation by code and label."""

    code: Code
    label: Label


class Provenance(BaseModel):
    """What every figure says of itself."""

    territory: str = Field(max_length=8)
    territory_level: str = Field(max_length=12)
    occupation_level: str = Field(
        max_length=12, description="rome3, fap2009, fap2009_87, fap2021: whom the figure counts"
    )
    occupation_code: Code
    occupation_label: Label
    source: SourceView


class Indicator(Provenance):
    """One figure.

    `flag`: published, computed (an exact sum of ours), lower_bound, estimated, suppressed.
    """

    id: str = Field(max_length=40)
    name: str = Field(max_length=200)
    value: float | None = Field(ge=-1e12, le=1e12, description="Null where it is withheld.")
    unit: str = Field(max_length=20)
    period: Period
    n: int | None = Field(ge=0, le=1_000_000_000, description="The count it rests on, where known.")
    flag: str = Field(max_length=12)


class Series(Provenance):
    """One indicator over time, oldest first; a withheld value is null."""

    id: str = Field(max_length=40)
    name: str = Field(max_length=200)
    unit: str = Field(max_length=20)
    points: list[tuple[Period, float | None]] = Field(max_length=500)
    n: int | None = Field(ge=0, le=1_000_000_000)
    flag: str = Field(max_length=12)


class Freshness(BaseModel):
    """How old the figures are."""

    latest_period: Period | None
    oldest_period: Period | None
    stale: bool = Field(description="True: the newest figure is more than three years old.")
    text: str = Field(max_length=500)


class Trends(BaseModel):
    """What is published for an occupation in a territory and the larger ones around it."""

    occupation: OccupationRef
    territory: Place
    indicators: list[Indicator] = Field(max_length=2_000)
    series: list[Series] = Field(max_length=500)
    freshness: Freshness
    reading: str = Field(max_length=2_000)


@router.get("/trends", responses=problems(UnknownOccupation, UnknownTerritory, SchemeUnavailable))
async def read_trends(
    _: PassDep,
    session: SessionDep,
    catalogue: RomeDep,
    occupation: Annotated[str, Query(max_length=120)],
    territory: Territory = "FR",
) -> Trends:
    """Read the figures of an occupation in a territory, each with its source."""
    found = await service.gather(session, read(catalogue, occupation), territory)
    return view(found, await sources(session))


async def sources(session: SessionDep) -> dict[tuple[str, str], SourceView]:
    """Return what figures cite, by release and publication."""
    return {
        (row.release, row.key): SourceView(
            key=row.key,
            name=row.name,
            producer=row.producer,
            licence=row.licence,
            url=row.url,
            published_on=row.published_on,
            retrieved_on=row.retrieved_on,
            release=row.release,
            bundled=bundled,
        )
        for row, bundled in await store.publications(session)
    }


def view(trends: Gathered, cited: dict[tuple[str, str], SourceView]) -> Trends:
    """Show trends."""
    return Trends(
        occupation=OccupationRef(code=trends.occupation.code, label=trends.occupation.label),
        territory=Place(
            code=trends.territory,
            label=trends.territory_label,
            level=rules.level(trends.territory),
        ),
        indicators=[_indicator(f, cited[f.release, f.publication]) for f in trends.latest],
        series=[_series(line, cited) for line in trends.series],
        freshness=_freshness(trends),
        reading=rules.reading(trends.occupation.label, trends.territory_label, trends.latest),
    )


def _provenance(figure: Figure, source: SourceView) -> dict[str, object]:
    return {
        "territory": figure.territory,
        "territory_level": figure.territory_level,
        "occupation_level": figure.occupation_level,
        "occupation_code": figure.occupation_code,
        "occupation_label": figure.occupation_label,
        "source": source,
        "id": figure.indicator,
        "name": rules.MEANINGS[figure.indicator].name,
        "unit": rules.MEANINGS[figure.indicator].unit,
        "n": figure.n,
        "flag": figure.flag,
    }


def _indicator(figure: Figure, source: SourceView) -> Indicator:
    return Indicator.model_validate(
        {**_provenance(figure, source), "value": figure.value, "period": figure.period}
    )


def _series(line: tuple[Figure, ...], cited: dict[tuple[str, str], SourceView]) -> Series:
    last = line[-1]
    points = [(f.period, f.value) for f in line]
    source = cited[last.release, last.publication]
    return Series.model_validate({**_provenance(last, source), "points": points})


def _freshness(trends: Gathered) -> Freshness:
    periods = sorted(f.period for f in trends.latest)
    if not periods:
        return Freshness(
            latest_period=None, oldest_period=None, stale=True, text="Aucun chiffre publié."
        )
    stale = rules.is_stale(periods[-1], utc_now().year)
    text = f"Le chiffre le plus récent porte sur {periods[-1]}, le plus ancien sur {periods[0]}."
    return Freshness(
        latest_period=periods[-1],
        oldest_period=periods[0],
        stale=stale,
        text=text + (" Des données plus récentes sont à importer." if stale else ""),
    )
