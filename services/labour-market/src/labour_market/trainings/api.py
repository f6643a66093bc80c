"""Trainings over HTTP."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from keel.clock import utc_now
from keel.database import SessionDep
from keel.passes import PassDep
from keel.problems import problems
from labour_market.occupations.api import RomeDep
from labour_market.occupations.service import read
from labour_market.problems import SchemeUnavailable, UnknownOccupation
from labour_market.provenance import Code, Day, SourceView
from labour_market.tables import PublicationRow
from labour_market.trainings import service, store
from labour_market.trainings.rules import ALTERNATIVES, Certification

router = APIRouter(tags=["trainings"])


class Training(BaseModel):
    """A certification that leads to the occupation; not a session of a training body."""

    title: str = Field(max_length=400)
    certification: str | None = Field(max_length=40, description="CAP, TP, BTS …")
    rncp: str = Field(max_length=12)
    level: str | None = Field(max_length=12, description="European level, 3 to 8")
    status: str = Field(max_length=12)
    valid_until: Day | None
    link: str = Field(max_length=200, description="How the link to the occupation was made.")
    source: SourceView
    retrieved_on: Day


class AlternativeView(BaseModel):
    """A way without a training, and where it stands in the law."""

    kind: str = Field(max_length=20)
    text: str = Field(max_length=500)
    source: str = Field(max_length=200)


class Trainings(BaseModel):
    """Certifications, lowest level first, and ways without a training."""

    trainings: list[Training] = Field(max_length=500)
    alternatives_without_training: list[AlternativeView] = Field(max_length=20)
    limits: list[Annotated[str, Field(max_length=500)]] = Field(max_length=10)


_LINKS = {
    "title": "intitulé de la certification lu par {by} ; à vérifier sur la fiche RNCP",
    "rome": "code ROME de la fiche RNCP ({by})",
}
_LIMITS = (
    "Ni sessions, ni prix, ni financements : le catalogue Mon Compte Formation n'est pas importé.",
    "Les blocs de compétences ne sont pas importés : à comparer sur la fiche RNCP.",
)


@router.get("/trainings", responses=problems(UnknownOccupation, SchemeUnavailable))
async def list_trainings(
    _: PassDep,
    session: SessionDep,
    catalogue: RomeDep,
    occupation: Annotated[str, Query(max_length=120)],
    skills: Annotated[list[Code] | None, Query(max_length=100)] = None,
) -> Trainings:
    """List certifications for an occupation, and ways without a training."""
    target = read(catalogue, occupation)
    found = await service.suggest(session, target, on=utc_now().date())
    return view(found, await store.cited(session), asked_skills=bool(skills))


def view(
    found: list[Certification], cited: Sequence[tuple[PublicationRow, bool]], *, asked_skills: bool
) -> Trainings:
    """Show certifications with the one source that they come from."""
    limits = list(_LIMITS if asked_skills else _LIMITS[:1])
    sources = [_source(row, bundled=bundled) for row, bundled in cited]
    return Trainings(
        trainings=[_training(c, sources[0]) for c in found],
        alternatives_without_training=[
            AlternativeView(kind=a.kind, text=a.text, source=a.source) for a in ALTERNATIVES
        ],
        limits=limits,
    )


def _training(certification: Certification, source: SourceView) -> Training:
    return Training(
        title=certification.title,
        certification=certification.kind,
        rncp=certification.rncp,
        level=certification.level,
        status=certification.status,
        valid_until=certification.valid_until,
        link=_LINKS[certification.link].format(by=certification.made_by),
        source=source,
        retrieved_on=source.retrieved_on,
    )


def _source(row: PublicationRow, *, bundled: bool) -> SourceView:
    return SourceView(
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
