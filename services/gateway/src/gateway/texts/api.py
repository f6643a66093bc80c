"""Free texts of a bilan: pseudonymised and restored on demand, in memory."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import DocumentCallerDep
from gateway.edge.strict import StrictRoute
from gateway.problems import (
    BilanNotOpen,
    CounsellorNeeded,
    ProcessingRestricted,
    SecrecyNoticeNeeded,
)
from gateway.services import ANONYMIZER, About
from gateway.wiring import ServicesDep
from keel.identifiers import BilanId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["text"], route_class=StrictRoute)

_REFUSALS = problems(
    NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ProcessingRestricted, BilanNotOpen
)


class RawText(BaseModel):
    """One text as it was written; `id` is yours."""

    model_config = ConfigDict(extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=100)]
    text: Annotated[str, Field(max_length=200_000)]


class ToPseudonymise(BaseModel):
    """Texts of one bilan."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    texts: list[RawText] = Field(min_length=1, max_length=50)


class ToRestore(BaseModel):
    """Any JSON value with surrogates of one bilan in its strings."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    value: Any


@router.post(
    "/pseudonymisations",
    responses={**_REFUSALS, 200: {"x-schema": "anonymizer#Pseudonymisations"}},
)
async def pseudonymise(
    body: ToPseudonymise,
    services: ServicesDep,
    caller: DocumentCallerDep,
) -> Response:
    """Pseudonymise texts; the surrogates join those of the bilan."""
    about = About(caller, body.bilan)
    texts = [text.model_dump() for text in body.texts]
    made = await services.call(
        ANONYMIZER, "pseudonymise", "POST", "/pseudonymisations", about, json={"texts": texts}
    )
    return Response(made.content, media_type="application/json")


@router.post("/restorations", responses={**_REFUSALS, 200: {"x-schema": "anonymizer#Restoration"}})
async def restore(
    body: ToRestore,
    services: ServicesDep,
    caller: DocumentCallerDep,
) -> Response:
    """Give the person's own words back; unknown surrogates stay and are reported."""
    about = About(caller, body.bilan)
    made = await services.call(
        ANONYMIZER, "restore", "POST", "/restorations", about, json={"value": body.value}
    )
    return Response(made.content, media_type="application/json")
