"""Free texts of a bilan: pseudonymised and restored on demand, in memory."""

from typing import Annotated, Any, Literal

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


ByLabel = Annotated[
    dict[
        Annotated[str, Field(max_length=30)],
        Literal["surrogate", "generalise", "keep", "drop"],
    ],
    Field(
        max_length=20,
        description="What becomes of a label (`PERSON`, `AGE`…), over the operator's policy: "
        "`surrogate` (restored later), `generalise` (an age band, a département, a sector), "
        "`keep`, or `drop`; the last three cannot be taken back. DATE_OF_BIRTH, AGE, LOCATION and "
        "ORGANISATION may have any treatment; ADDRESS any but `keep`; all others, which name "
        "somebody by themselves, `surrogate` or `drop`.",
    ),
]


class ToPseudonymise(BaseModel):
    """Texts of one bilan."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    texts: list[RawText] = Field(min_length=1, max_length=50)
    policy: ByLabel = Field(default_factory=dict)


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
    asked = body.model_dump(exclude={"bilan"})
    made = await services.call(
        ANONYMIZER, "pseudonymise", "POST", "/pseudonymisations", about, json=asked
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
