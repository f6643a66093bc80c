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


_PATIENCE = 120
"""Seconds for texts to be examined: longer than the anonymizer gives a text, and its turn."""


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


class HowToPseudonymise(BaseModel):
    """What goes beside whatever is to be pseudonymised."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    policy: ByLabel = Field(default_factory=dict)
    explain: bool = Field(
        default=False,
        description="Say of each span where it is in your text, by which rule and with which score "
        "it was found, and what became of it; never its words.",
    )
    surrogates: Literal["placeholders", "plausible"] = Field(
        default="placeholders",
        description="What stands in the place of values: `[FEMME_1]`, or an invented name that "
        "some models write better about (`plausible`). Names, places, organisations, addresses, "
        "e-mail addresses and telephones are invented where that is safe; everything else keeps "
        "its placeholder. None occurs in these texts or in the bilan's documents, and all are "
        "restored for as long as the bilan is open.",
    )


class ToPseudonymise(HowToPseudonymise):
    """Texts of one bilan, each read on its own."""

    texts: list[RawText] = Field(min_length=1, max_length=50)


Labels = Annotated[
    dict[Annotated[str, Field(max_length=1000)], Annotated[str, Field(max_length=30)]],
    Field(
        max_length=500,
        description="What you know of a string, by JSON pointer "
        '(`{"/person/last_name": "PERSON"}`): it is masked whole, and wherever it stands again.',
    ),
]


class ValueToPseudonymise(HowToPseudonymise):
    """Any JSON value of one bilan: its strings are read together.

    Names of members stay as they are, and nobody reads them: put nothing there that identifies
    somebody. Numbers stay too; one of eight digits or more in which something is found is refused:
    send it as a string.
    """

    value: Any
    labels: Labels = Field(default_factory=dict)


class MessagesToPseudonymise(HowToPseudonymise):
    """A conversation as OpenAI-compatible models are asked with, read as a whole.

    `content` (a string, or parts of type `text`), `name` and the strings in the arguments of tool
    calls are masked; pictures, voices and files are refused, and so are ids, names of functions
    and long numbers that identify somebody. Arguments come back without needless escapes.
    """

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=500)
    labels: Labels = Field(default_factory=dict)


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
    body: ToPseudonymise, services: ServicesDep, caller: DocumentCallerDep
) -> Response:
    """Pseudonymise texts; the surrogates join those of the bilan."""
    about, asked = About(caller, body.bilan), body.model_dump(exclude={"bilan"})
    made = await services.call(
        ANONYMIZER,
        "pseudonymise",
        "POST",
        "/pseudonymisations",
        about,
        json=asked,
        timeout=_PATIENCE,
    )
    return Response(made.content, media_type="application/json")


@router.post(
    "/pseudonymisations/values",
    responses={**_REFUSALS, 200: {"x-schema": "anonymizer#PseudonymisedValue"}},
)
async def pseudonymise_value(
    body: ValueToPseudonymise, services: ServicesDep, caller: DocumentCallerDep
) -> Response:
    """Pseudonymise every string of a JSON value; the surrogates join those of the bilan."""
    about, asked = About(caller, body.bilan), body.model_dump(exclude={"bilan"})
    path = "/pseudonymisations/values"
    made = await services.call(
        ANONYMIZER, "pseudonymise_value", "POST", path, about, json=asked, timeout=_PATIENCE
    )
    return Response(made.content, media_type="application/json")


@router.post(
    "/pseudonymisations/messages",
    responses={**_REFUSALS, 200: {"x-schema": "anonymizer#PseudonymisedMessages"}},
)
async def pseudonymise_messages(
    body: MessagesToPseudonymise, services: ServicesDep, caller: DocumentCallerDep
) -> Response:
    """Pseudonymise a conversation with a model; the surrogates join those of the bilan."""
    about, asked = About(caller, body.bilan), body.model_dump(exclude={"bilan"})
    path = "/pseudonymisations/messages"
    made = await services.call(
        ANONYMIZER, "pseudonymise_messages", "POST", path, about, json=asked, timeout=_PATIENCE
    )
    return Response(made.content, media_type="application/json")


@router.post("/restorations", responses={**_REFUSALS, 200: {"x-schema": "anonymizer#Restoration"}})
async def restore(
    body: ToRestore,
    services: ServicesDep,
    caller: DocumentCallerDep,
) -> Response:
    """Give the person's own words back; unknown surrogates stay and are reported.

    Plausible values that were issued to the bilan are taken back too: whole words, whatever their
    case, and the given name or the surname alone of a full name.
    """
    about = About(caller, body.bilan)
    made = await services.call(
        ANONYMIZER,
        "restore",
        "POST",
        "/restorations",
        about,
        json={"value": body.value, "plausible": True},
    )
    return Response(made.content, media_type="application/json")
