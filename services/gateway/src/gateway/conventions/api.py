"""Conventions between employer, worker and provider: drafted, signed, or refused by silence."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request, status
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import BilanCallerDep
from gateway.conventions.rules import ConventionStatus, Party
from gateway.conventions.service import Conventions
from gateway.edge.idempotency import IdempotentFrameRoute
from gateway.problems import BilanNotOpen, ConventionNotAsked, ConventionState, SignatureDate
from gateway.tables import Convention
from gateway.wiring import ConventionsDep
from keel.database import SessionDep
from keel.identifiers import BilanId, ConventionId
from keel.problems import NotFound, problems

router = APIRouter(
    prefix="/v1/bilans/{bilan_id}/convention", tags=["bilans"], route_class=IdempotentFrameRoute
)

Line = Annotated[str, Field(min_length=1, max_length=300)]
Words = Annotated[str, Field(min_length=1, max_length=4000)]


class Terms(BaseModel):
    """What the law asks a convention to say (Code du travail R6313-8); sealed with the bilan."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    aim: Words
    content: Words
    means: Words
    minutes: int = Field(ge=1, le=1440)
    starts_on: date
    ends_on: date
    conduct: Words = Field(description="How the bilan is run and followed.")
    handover: Words = Field(description="How detailed results and synthesis are handed over.")
    price_cents: int = Field(ge=0, le=100_000_000)
    payment: Words


class NewConvention(BaseModel):
    """A draft that the worker received, with its terms."""

    model_config = ConfigDict(extra="forbid")

    terms: Terms
    received_on: date


class NewSignature(BaseModel):
    """That a party signed."""

    model_config = ConfigDict(extra="forbid")

    party: Party
    signed_on: date


class ConventionStanding(BaseModel):
    """Where a convention stands; without the worker's signature by `answer_by`, it is refused."""

    id: ConventionId
    bilan: BilanId
    status: ConventionStatus
    received_on: date
    answer_by: date
    worker_signed_on: date | None
    employer_signed_on: date | None
    provider_signed_on: date | None


class ConventionView(ConventionStanding):
    """A convention with its terms."""

    terms: Terms


def _members(conventions: Conventions, held: Convention) -> dict[str, Any]:
    return {
        "id": held.id,
        "bilan": held.bilan,
        "status": conventions.status(held),
        "received_on": held.received_on,
        "answer_by": conventions.last_day(held),
        "worker_signed_on": held.worker_signed_on,
        "employer_signed_on": held.employer_signed_on,
        "provider_signed_on": held.provider_signed_on,
    }


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=ConventionStanding,
    responses=problems(NotFound, ConventionNotAsked, ConventionState, BilanNotOpen, SignatureDate),
)
async def draft_convention(
    bilan_id: BilanId,
    body: NewConvention,
    request: Request,
    session: SessionDep,
    conventions: ConventionsDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """Keep the draft that the worker received; ten days of silence are a refusal."""
    made = await conventions.draft(
        session,
        caller.tenant,
        bilan_id,
        terms=body.terms.model_dump(mode="json"),
        received_on=body.received_on,
    )
    request.state.subject = bilan_id
    return _members(conventions, made)


@router.get("", response_model=ConventionView, responses=problems(NotFound))
async def read_convention(
    bilan_id: BilanId, session: SessionDep, conventions: ConventionsDep, caller: BilanCallerDep
) -> dict[str, Any]:
    """Return the newest convention of a bilan."""
    held, terms = await conventions.read(session, caller.tenant, bilan_id)
    return {**_members(conventions, held), "terms": terms}


@router.post(
    "/signatures",
    status_code=status.HTTP_201_CREATED,
    response_model=ConventionStanding,
    responses=problems(NotFound, ConventionState, SignatureDate),
)
async def sign_convention(
    bilan_id: BilanId,
    body: NewSignature,
    session: SessionDep,
    conventions: ConventionsDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """Record that the worker, the employer or the provider signed."""
    held = await conventions.sign(
        session, caller.tenant, bilan_id, party=body.party, signed_on=body.signed_on
    )
    return _members(conventions, held)
