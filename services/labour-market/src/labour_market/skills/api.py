"""Skills over HTTP."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from keel.database import SessionDep
from keel.passes import PassDep
from keel.problems import problems
from labour_market.occupations.api import After, Limit, TaxonomiesDep, Words, source_view
from labour_market.problems import SchemeUnavailable
from labour_market.provenance import Code, Label, SourceView
from labour_market.skills import service

router = APIRouter(tags=["skills"])


class SkillScheme(StrEnum):
    """A taxonomy of skills."""

    ROME3 = "rome3"
    ESCO = "esco"


class SkillItem(BaseModel):
    """A skill; `code` is a ROME `code_ogr` or an ESCO concept URI."""

    code: Code
    scheme: SkillScheme
    label: Label
    kind: str = Field(max_length=20, description="know-how, knowledge, language")


class SkillPage(BaseModel):
    """Some skills, in the order of their codes, and the taxonomy that they come from."""

    items: list[SkillItem] = Field(max_length=200)
    next: Code | None = Field(description="Give it as `after` to go on; null at the end.")
    source: SourceView


@router.get("/skills", responses=problems(SchemeUnavailable))
async def list_skills(
    _: PassDep,
    session: SessionDep,
    held: TaxonomiesDep,
    scheme: Annotated[SkillScheme, Query()] = SkillScheme.ROME3,
    query: Words = "",
    after: After = "",
    limit: Limit = 50,
) -> SkillPage:
    """List skills, all or those whose labels hold some words."""
    catalogue = await held.of(session, scheme)
    found, more = service.page(catalogue, query, after, limit)
    items = [SkillItem(code=s.code, scheme=scheme, label=s.label, kind=s.kind) for s in found]
    return SkillPage(items=items, next=more, source=source_view(catalogue.cited))
