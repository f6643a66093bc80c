"""Occupations over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from keel.database import SessionDep
from keel.passes import PassDep
from keel.problems import problems
from labour_market.occupations import service
from labour_market.occupations.catalogue import Catalogue, Cited, Occupation
from labour_market.problems import SchemeUnavailable, UnknownOccupation
from labour_market.provenance import Code, Label, SourceView

router = APIRouter(tags=["occupations"])


class OccupationItem(BaseModel):
    """An occupation in a list."""

    code: Code
    scheme: str = Field(max_length=8, examples=["rome4"])
    label: Label
    parent_code: Code | None
    parent_label: Label | None
    source: SourceView


class OccupationPage(BaseModel):
    """Some occupations, in the order of their codes."""

    items: list[OccupationItem] = Field(max_length=200)
    next: Code | None = Field(description="Give it as `after` to go on; null at the end.")


class RequiredSkill(BaseModel):
    """A skill that the occupation asks for."""

    code: Code
    label: Label
    kind: str = Field(max_length=20)
    importance: str = Field(max_length=12, description="core, specific; ESCO essential, optional")


class MoveView(BaseModel):
    """A move that ROME names: near, or evolution."""

    code: Code
    label: Label
    kind: str = Field(max_length=12)


class OccupationDetail(OccupationItem):
    """An occupation with what the taxonomy says of it."""

    definition: str | None = Field(max_length=10_000)
    appellations: list[Label] = Field(max_length=1_000)
    skills: list[RequiredSkill] = Field(max_length=1_000)
    riasec: str | None = Field(max_length=2, description="Holland codes, major then minor.")
    mobility: list[MoveView] = Field(max_length=200)


def taxonomies(request: Request) -> service.Taxonomies:
    """Return the taxonomies that this process holds."""
    held: service.Taxonomies = request.app.state.taxonomies
    return held


TaxonomiesDep = Annotated[service.Taxonomies, Depends(taxonomies)]


async def rome(session: SessionDep, held: TaxonomiesDep) -> Catalogue:
    """Return ROME of the current release."""
    return await held.of(session, "rome4")


RomeDep = Annotated[Catalogue, Depends(rome)]
After = Annotated[str, Query(max_length=300, description="`next` of the page before.")]
Limit = Annotated[int, Query(ge=1, le=200)]
Words = Annotated[str, Query(max_length=200, description="Part of a label or appellation.")]


@router.get("/occupations", responses=problems(SchemeUnavailable))
async def list_occupations(
    _: PassDep, catalogue: RomeDep, query: Words = "", after: After = "", limit: Limit = 50
) -> OccupationPage:
    """List ROME 4.0 occupations, all or those whose names hold some words."""
    found, more = service.page(catalogue, query, after, limit)
    return OccupationPage(items=[item(o, catalogue.cited) for o in found], next=more)


@router.get("/occupations/{code}", responses=problems(UnknownOccupation, SchemeUnavailable))
async def read_occupation(
    _: PassDep, catalogue: RomeDep, code: Annotated[str, Field(max_length=120)]
) -> OccupationDetail:
    """Read one occupation: definition, names, skills, interests, moves."""
    return view(catalogue, service.read(catalogue, code))


def source_view(cited: Cited) -> SourceView:
    """Show what a catalogue cites."""
    return SourceView(
        key=cited.key,
        name=cited.name,
        producer=cited.producer,
        licence=cited.licence,
        url=cited.url,
        published_on=cited.published_on,
        retrieved_on=cited.retrieved_on,
        release=cited.release,
        bundled=cited.bundled,
    )


def item(occupation: Occupation, cited: Cited) -> OccupationItem:
    """Show an occupation in a list."""
    return OccupationItem(
        code=occupation.code,
        scheme=occupation.scheme,
        label=occupation.label,
        parent_code=occupation.parent,
        parent_label=occupation.parent_label,
        source=source_view(cited),
    )


def view(catalogue: Catalogue, occupation: Occupation) -> OccupationDetail:
    """Show an occupation with all that the catalogue says of it."""
    skills = catalogue.skill_index.by_code
    return OccupationDetail(
        **item(occupation, catalogue.cited).model_dump(),
        definition=occupation.definition,
        appellations=list(service.names(catalogue, occupation.code)),
        skills=[
            RequiredSkill(
                code=r.skill,
                label=skills[r.skill].label,
                kind=skills[r.skill].kind,
                importance=r.importance,
            )
            for r in catalogue.required(occupation)
            if r.skill in skills
        ],
        riasec=occupation.riasec,
        mobility=_moves(catalogue, occupation),
    )


def _moves(catalogue: Catalogue, occupation: Occupation) -> list[MoveView]:
    return [
        MoveView(code=there.code, label=there.label, kind=move.kind)
        for move in catalogue.moves.get(occupation.family, ())
        if (there := catalogue.by_family.get(move.target)) is not None
    ]
