"""Restoration over HTTP: of a JSON value, and in a stream that flows both ways at once."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from anonymizer.restoration.duplex import NDJSON, RestoredStream
from anonymizer.restoration.rules import Context
from anonymizer.restoration.service import Restorations, Restored
from keel.passes import PassDep
from keel.problems import problems

router = APIRouter(prefix="/restorations", tags=["texts"])


_PLAUSIBLE = (
    "Take plausible values back too. Leave it out for what was made of placeholders alone: a word "
    "that stood in such a text may since have become somebody's plausible value."
)


class ToRestore(BaseModel):
    """Any JSON value; its strings may hold surrogates of the pass's bilan."""

    model_config = ConfigDict(extra="forbid")

    value: Any
    plausible: bool = Field(default=False, description=_PLAUSIBLE)


class Restoration(BaseModel):
    """The value restored, and the surrogates that nobody issued to this bilan."""

    model_config = ConfigDict(from_attributes=True)

    value: Any
    unknown: list[Annotated[str, Field(max_length=64)]] = Field(max_length=100_000)


def _restorations(request: Request) -> Restorations:
    found: Restorations = request.app.state.restorations
    return found


RestorationsDep = Annotated[Restorations, Depends(_restorations)]


@router.post("", response_model=Restoration, responses=problems())
async def restore(body: ToRestore, admitted: PassDep, restorations: RestorationsDep) -> Restored:
    """Give the person's own words back in every string of a JSON value."""
    bilan = admitted.subject_bilan
    return await restorations.restore(admitted.tenant, bilan, body.value, plausible=body.plausible)


_LINES = {"schema": {"type": "string", "description": "One JSON document a line."}}


@router.post(
    "/stream",
    status_code=200,
    response_class=RestoredStream,
    responses={**problems(), 200: {"content": {NDJSON: _LINES}}},
    openapi_extra={"requestBody": {"required": True, "content": {NDJSON: _LINES}}},
)
async def restore_stream(
    admitted: PassDep,
    restorations: RestorationsDep,
    context: Annotated[Context, Query()] = Context.TEXT,
    plausible: Annotated[bool, Query(description=_PLAUSIBLE)] = False,  # noqa: FBT002 - a query
) -> RestoredStream:
    """Restore `{"delta": "…"}` lines while they arrive; at most 64 characters are held back."""
    bilan = admitted.subject_bilan
    restorer = await restorations.stream(admitted.tenant, bilan, context, plausible=plausible)
    return RestoredStream(restorer)
