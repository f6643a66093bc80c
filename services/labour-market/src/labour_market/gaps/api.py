"""Gaps over HTTP."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from keel.passes import PassDep
from keel.problems import problems
from labour_market.gaps import service
from labour_market.gaps.rules import Gap, State
from labour_market.matching.api import SkillRef, reference
from labour_market.occupations.api import RomeDep, source_view
from labour_market.occupations.catalogue import Catalogue, Occupation
from labour_market.occupations.service import read
from labour_market.problems import SchemeUnavailable, UnknownOccupation
from labour_market.provenance import Code, Evidence, Label, SourceView, SpanEvidence

router = APIRouter(tags=["gaps"])


class Proof(BaseModel):
    """Words that show a held skill, as `match_skills` found them and a counsellor kept them."""

    code: Code
    source: str = Field(default="text", max_length=80)
    start: int = Field(ge=0, le=200_000)
    end: int = Field(ge=0, le=200_000)
    quote: str = Field(max_length=2_000)


class GapRequest(BaseModel):
    """Held skills by code, the occupation aimed at, and optionally the proofs of what is held."""

    held: list[Code] = Field(max_length=2_000)
    target: Annotated[str, Field(max_length=120, examples=["M1607"])]
    proofs: list[Proof] = Field(default=[], max_length=2_000)


class GapView(BaseModel):
    """One asked skill and how it stands."""

    code: Code
    label: Label
    state: State
    evidence: list[Evidence] = Field(max_length=50)
    importance: str = Field(max_length=12, description="core or specific, as the ROME sheet says")


class SkillGaps(BaseModel):
    """All that the target asks for: to acquire first, held last."""

    target: SkillRef
    gaps: list[GapView] = Field(max_length=1_000)
    source: SourceView


@router.post("/skill-gaps", responses=problems(UnknownOccupation, SchemeUnavailable))
async def compare_skills(_: PassDep, catalogue: RomeDep, asked: GapRequest) -> SkillGaps:
    """Compare held skills with an occupation. Not a level assessment."""
    target = read(catalogue, asked.target)
    return view(catalogue, target, service.compare(catalogue, asked.held, target), asked.proofs)


def view(
    catalogue: Catalogue, target: Occupation, gaps: list[Gap], proofs: list[Proof]
) -> SkillGaps:
    """Show gaps, each with the words or the record that it rests on."""
    labels = catalogue.skill_index.by_code
    return SkillGaps(
        target=SkillRef(code=target.code, label=target.label),
        gaps=[
            GapView(
                code=gap.skill,
                label=labels[gap.skill].label,
                state=gap.state,
                evidence=_evidence(catalogue, target, gap, proofs),
                importance=gap.importance,
            )
            for gap in gaps
        ],
        source=source_view(catalogue.cited),
    )


def _evidence(
    catalogue: Catalogue, target: Occupation, gap: Gap, proofs: list[Proof]
) -> list[Evidence]:
    shown: list[Evidence] = []
    shown += [
        SpanEvidence(source=p.source, start=p.start, end=p.end, quote=p.quote)
        for p in proofs
        if p.code == gap.through
    ][:20]
    if gap.through is not None and gap.through != gap.skill:
        shown.append(reference(catalogue, gap.through))
    return [*shown, reference(catalogue, target.family)]
