"""Matching over HTTP: pseudonymised text comes in, nothing of it is kept."""

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from keel.database import SessionDep
from keel.passes import PassDep
from keel.problems import problems
from labour_market.matching import service
from labour_market.matching.mentions import Mention
from labour_market.matching.suggestions import SORT_CRITERION, Lead, Reason
from labour_market.occupations.api import RomeDep, TaxonomiesDep, source_view
from labour_market.occupations.catalogue import Catalogue
from labour_market.problems import SchemeUnavailable
from labour_market.provenance import (
    Code,
    Evidence,
    Label,
    ReferenceEvidence,
    SourceView,
    SpanEvidence,
)
from labour_market.skills.api import SkillScheme

router = APIRouter(tags=["matching"])

Title = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=200_000)]
SourceName = Annotated[str, Field(max_length=80, description="Name of the text, for evidence.")]


class OccupationMatchRequest(BaseModel):
    """What is known of a career: titles, a text, skills by code; each may be empty."""

    titles: list[Title] = Field(default=[], max_length=30)
    text: Text = ""
    source: SourceName = "text"
    skills: list[Code] = Field(default=[], max_length=500)
    limit: int = Field(default=10, ge=1, le=50)


class ReasonView(BaseModel):
    """A short French sentence and its evidence."""

    text: str = Field(max_length=2_000)
    evidence: list[Evidence] = Field(max_length=500)


class SkillRef(BaseModel):
    """A skill by code and label."""

    code: Code
    label: Label


class LeadView(BaseModel):
    """An occupation worth looking at, and why.

    `probability` is about the reading of a title (how often such a reading is right), never about
    a person; null for a lead that no title names.
    """

    code: Code
    label: Label
    probability: float | None = Field(ge=0, le=1)
    reasons: list[ReasonView] = Field(max_length=10)
    supporting_skills: list[SkillRef] = Field(max_length=50)
    skills_to_acquire: list[SkillRef] = Field(max_length=50)


class OccupationMatches(BaseModel):
    """Leads in a stated order, and the titles that were not understood."""

    items: list[LeadView] = Field(max_length=50)
    sort_criterion: str = Field(max_length=1_000)
    abstained: list[Title] = Field(max_length=30)
    source: SourceView


class SkillMatchRequest(BaseModel):
    """A text in which to find skills."""

    text: Text
    scheme: SkillScheme = SkillScheme.ROME3


class SkillMatch(BaseModel):
    """A skill and the words that show it; offsets in code points, end excluded."""

    code: Code
    label: Label
    scheme: SkillScheme
    kind: str = Field(max_length=20)
    start: int = Field(ge=0, le=200_000)
    end: int = Field(ge=0, le=200_000)
    text: str = Field(max_length=2_000)
    how: str = Field(
        max_length=20, description="verbatim, inflected, nominalised, shortened, near, lexicon"
    )


class SkillMatches(BaseModel):
    """Skills in the order of the text, never overlapping."""

    skills: list[SkillMatch] = Field(max_length=5_000)
    source: SourceView


@router.post("/occupation-matches", responses=problems(SchemeUnavailable))
async def match_occupations(
    _: PassDep, catalogue: RomeDep, asked: OccupationMatchRequest
) -> OccupationMatches:
    """Suggest occupations, each with its reasons and what it would take."""
    found = await asyncio.to_thread(
        service.occupations, catalogue, asked.titles, asked.text, asked.skills, asked.limit
    )
    return OccupationMatches(
        items=[_lead(lead, catalogue, asked) for lead in found.leads],
        sort_criterion=SORT_CRITERION,
        abstained=list(found.abstained),
        source=source_view(catalogue.cited),
    )


@router.post("/skill-matches", responses=problems(SchemeUnavailable))
async def match_skills(
    _: PassDep, session: SessionDep, held: TaxonomiesDep, asked: SkillMatchRequest
) -> SkillMatches:
    """Find the skills that a text shows, with the words that show them."""
    catalogue = await held.of(session, asked.scheme)
    found = await asyncio.to_thread(service.skills, catalogue, asked.text)
    skills = [_match(mention, asked) for mention in found]
    return SkillMatches(skills=skills, source=source_view(catalogue.cited))


def _match(mention: Mention, asked: SkillMatchRequest) -> SkillMatch:
    return SkillMatch(
        code=mention.skill.code,
        label=mention.skill.label,
        scheme=asked.scheme,
        kind=mention.skill.kind,
        start=mention.start,
        end=mention.end,
        text=asked.text[mention.start : mention.end][:2_000],
        how=mention.how,
    )


def _lead(lead: Lead, catalogue: Catalogue, asked: OccupationMatchRequest) -> LeadView:
    return LeadView(
        code=lead.occupation.code,
        label=lead.occupation.label,
        probability=lead.probability,
        reasons=[_reason(reason, catalogue, asked) for reason in lead.reasons],
        supporting_skills=[SkillRef(code=s.code, label=s.label) for s in lead.supporting],
        skills_to_acquire=[SkillRef(code=s.code, label=s.label) for s in lead.to_acquire],
    )


def _reason(reason: Reason, catalogue: Catalogue, asked: OccupationMatchRequest) -> ReasonView:
    evidence: list[Evidence] = [
        SpanEvidence(
            source=asked.source, start=m.start, end=m.end, quote=asked.text[m.start : m.end][:2_000]
        )
        for m in reason.mentions
    ]
    if reason.record is not None:
        evidence.append(reference(catalogue, reason.record))
    return ReasonView(text=reason.text[:2_000], evidence=evidence)


def reference(catalogue: Catalogue, record: str) -> ReferenceEvidence:
    """Point to a record of the catalogue's release."""
    return ReferenceEvidence(
        source=catalogue.cited.source,
        record=record,
        version=catalogue.cited.version[:80],
        retrieved_at=catalogue.cited.retrieved_on,
    )
