"""Occupations, skills and the labour market, relayed; a person's text needs an open bilan."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import MarketCallerDep
from gateway.edge.strict import StrictRoute
from gateway.problems import (
    BilanNotOpen,
    CounsellorNeeded,
    ProcessingRestricted,
    SecrecyNoticeNeeded,
)
from gateway.services import LABOUR_MARKET, About, Services
from gateway.tenants.service import Caller
from gateway.wiring import ServicesDep
from keel.identifiers import BilanId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["labour market"], route_class=StrictRoute)

Words = Annotated[str | None, Query(max_length=200)]
Cursor = Annotated[str | None, Query(max_length=300)]
Limit = Annotated[int, Query(ge=1, le=200)]
RomeCode = Annotated[str, Field(pattern=r"^[A-N][0-9]{4}$")]
SkillCode = Annotated[str, Field(max_length=300)]
_PERSON = problems(
    NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ProcessingRestricted, BilanNotOpen
)


def _shape(
    name: str, refusals: dict[int | str, dict[str, Any]] | None = None
) -> dict[int | str, dict[str, Any]]:
    return {**(refusals or problems(NotFound)), 200: {"x-schema": f"labour-market#{name}"}}


async def _relay(
    services: Services, caller: Caller, operation: str, path: str, **asked: object
) -> Response:
    params = {name: value for name, value in asked.items() if value is not None}
    about = About.tenant_of(caller)
    found = await services.call(LABOUR_MARKET, operation, "GET", path, about, params=params)
    return Response(found.content, media_type="application/json")


@router.get("/occupations", responses=_shape("OccupationPage"))
async def list_occupations(
    services: ServicesDep,
    caller: MarketCallerDep,
    query: Words = None,
    after: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Search occupations (ROME 4.0)."""
    return await _relay(
        services, caller, "list_occupations", "/occupations", query=query, after=after, limit=limit
    )


@router.get("/occupations/{code}", responses=_shape("OccupationDetail"))
async def read_occupation(
    code: Annotated[RomeCode, Path()],
    services: ServicesDep,
    caller: MarketCallerDep,
) -> Response:
    """Return one occupation with its skills and the moves that start from it."""
    return await _relay(services, caller, "read_occupation", f"/occupations/{code}")


@router.get("/skills", responses=_shape("SkillPage"))
async def list_skills(
    services: ServicesDep,
    caller: MarketCallerDep,
    query: Words = None,
    after: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Search skills."""
    return await _relay(
        services, caller, "list_skills", "/skills", query=query, after=after, limit=limit
    )


@router.get("/trends", responses=_shape("Trends"))
async def read_trends(
    services: ServicesDep,
    caller: MarketCallerDep,
    occupation: Annotated[RomeCode, Query()],
    territory: Annotated[str, Query(pattern=r"^(FR|R-[0-9]{2}|D-[0-9AB]{2,3})$")] = "FR",
) -> Response:
    """Situate an occupation in a territory; every figure says where it comes from."""
    return await _relay(
        services, caller, "read_trends", "/trends", occupation=occupation, territory=territory
    )


@router.get("/trainings", responses=_shape("Trainings"))
async def list_trainings(
    services: ServicesDep,
    caller: MarketCallerDep,
    occupation: Annotated[RomeCode, Query()],
    skills: Annotated[list[SkillCode] | None, Query(max_length=50)] = None,
) -> Response:
    """List certifications that lead to an occupation, and ways without training."""
    return await _relay(
        services, caller, "list_trainings", "/trainings", occupation=occupation, skills=skills
    )


@router.get("/sources", responses=_shape("SourceList"))
async def list_sources(services: ServicesDep, caller: MarketCallerDep) -> Response:
    """Say where the figures come from, how old they are and under which licence."""
    return await _relay(services, caller, "list_sources", "/sources")


class _OfBilan(BaseModel):
    model_config = ConfigDict(extra="forbid")

    bilan: BilanId


class TitlesToMatch(_OfBilan):
    """Titles and skills of a person; free text must be pseudonymised first."""

    titles: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=50)
    skills: list[SkillCode] = Field(default_factory=list, max_length=300)
    limit: int = Field(default=8, ge=1, le=20)


class TextToMatch(_OfBilan):
    """A pseudonymised text."""

    text: str = Field(max_length=200_000)
    scheme: Annotated[str, Field(pattern="^(rome3|esco)$")] = "rome3"


class SkillsToCompare(_OfBilan):
    """Skills held and an occupation."""

    held: list[SkillCode] = Field(max_length=500)
    target: RomeCode


async def _ask(
    services: Services,
    caller: Caller,
    operation: str,
    path: str,
    body: _OfBilan,
) -> Response:
    about = About(caller, body.bilan)
    asked = body.model_dump(exclude={"bilan"})
    found = await services.call(LABOUR_MARKET, operation, "POST", path, about, json=asked)
    return Response(found.content, media_type="application/json")


@router.post("/occupation-matches", responses=_shape("OccupationMatches", _PERSON))
async def match_occupations(
    body: TitlesToMatch,
    services: ServicesDep,
    caller: MarketCallerDep,
) -> Response:
    """Propose occupations for titles and skills, with reasons."""
    path = "/occupation-matches"
    return await _ask(services, caller, "match_occupations", path, body)


@router.post("/skill-matches", responses=_shape("SkillMatches", _PERSON))
async def match_skills(
    body: TextToMatch,
    services: ServicesDep,
    caller: MarketCallerDep,
) -> Response:
    """Find skills in a text, each with the words that show it."""
    path = "/skill-matches"
    return await _ask(services, caller, "match_skills", path, body)


@router.post("/skill-gaps", responses=_shape("SkillGaps", _PERSON))
async def compare_skills(
    body: SkillsToCompare,
    services: ServicesDep,
    caller: MarketCallerDep,
) -> Response:
    """Compare skills held with an occupation: held, partial, missing, unknown."""
    path = "/skill-gaps"
    return await _ask(services, caller, "compare_skills", path, body)
