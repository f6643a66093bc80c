"""Runs: a use case at work on one bilan, as JSON or as an event stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Response, status
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import RunCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.problems import (
    BilanNotOpen,
    CategoryNotCovered,
    ConsentBinding,
    ConsentExpired,
    ConsentNotAuthorised,
    ConsentRevoked,
    ConsentStale,
    ConsentTokenHasExpired,
    ConsentTokenInvalid,
    ConsentTokenMissing,
    CounsellorNeeded,
    InputNeeded,
    JurisdictionNotCovered,
    ModelFailed,
    ModeNotAvailable,
    NoRoute,
    ProcessingRestricted,
    PurposeNotCovered,
    QuotaExceeded,
    RecipientNotCovered,
    RunCancelled,
    RunNotReviewable,
    RunNotValidated,
    SecrecyNoticeNeeded,
)
from gateway.quotas.rules import QuotaKind
from gateway.runs import marks
from gateway.runs.rules import Request, RunMode, RunStatus
from gateway.runs.service import Runs, RunView
from gateway.runs.telling import Telling
from gateway.services import LLM_ROUTER, About
from gateway.tables import Run
from gateway.tenants.service import Caller
from gateway.wiring import QuotasDep, RunsDep, ServicesDep
from keel.database import SessionDep
from keel.identifiers import BilanId, DocumentId, RecordId, RunId
from keel.problems import NotFound, Problem, problems

router = APIRouter(prefix="/v1", tags=["runs"], route_class=IdempotentRoute)

UseCaseId = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,59}$")]


class NewRun(BaseModel):
    """What to run. Which inputs a use case needs is on its card."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    mode: RunMode = RunMode.BEST
    document: DocumentId | None = None
    occupation: Annotated[str, Field(pattern=r"^[A-N][0-9]{4}$")] | None = None
    territory: Annotated[str, Field(pattern=r"^(FR|R-[0-9]{2}|D-[0-9AB]{2,3})$")] = "FR"
    runs: list[RunId] = Field(default_factory=list, max_length=20)


class Envelope(BaseModel):
    """What every use case answers in; `result` has the shape of its card's output schema."""

    model_config = ConfigDict(extra="allow")

    use_case: str = Field(max_length=60)
    version: str = Field(max_length=20)
    language: Literal["fr"]
    mode: RunMode
    fallback_reason: str | None = Field(max_length=60)
    result: dict[str, Any]
    evidence_coverage: int | None = Field(ge=0, le=100)
    open_questions: list[Annotated[str, Field(max_length=2000)]] = Field(max_length=200)
    limits: list[Annotated[str, Field(max_length=2000)]] = Field(max_length=200)
    marking: dict[str, Any]
    trace_id: str | None = Field(max_length=32)
    oversight: str = Field(max_length=20)
    automated_decision: Literal[False]


class RunReview(BaseModel):
    """What the counsellor decided; a reason is needed even to accept (LR-K03)."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accepted", "accepted_modified", "rejected"]
    reason: Literal["verified", "completed", "corrected", "inaccurate", "not_useful", "unproved"]


class RunBody(BaseModel):
    """A run."""

    id: RunId
    use_case: str = Field(max_length=60)
    mode: RunMode
    status: RunStatus
    record: RecordId | None
    problem: dict[str, Any] | None
    review: dict[str, Any] | None
    created_at: AwareDatetime
    ended_at: AwareDatetime | None
    timings_ms: dict[str, int]
    envelope: Envelope | None


_TOKEN_LENGTH = {"maxLength": 4096}
"""Said, not checked here: a token that is too long is one that is not valid (401), not a 422."""

_REFUSALS = problems(
    ConsentTokenMissing,
    ConsentTokenInvalid,
    ConsentTokenHasExpired,
    ConsentBinding,
    ConsentRevoked,
    ConsentExpired,
    ConsentStale,
    ConsentNotAuthorised,
    PurposeNotCovered,
    CategoryNotCovered,
    RecipientNotCovered,
    JurisdictionNotCovered,
    NoRoute,
    CounsellorNeeded,
    SecrecyNoticeNeeded,
    ProcessingRestricted,
    NotFound,
    BilanNotOpen,
    RunNotValidated,
    RunCancelled,
    ModeNotAvailable,
    InputNeeded,
    ModelFailed,
    QuotaExceeded,
)


def _body(view: RunView) -> dict[str, Any]:
    run = view.run
    names = ("id", "use_case", "mode", "status", "record", "problem", "review")
    return {
        **{name: getattr(run, name) for name in names},
        "created_at": run.created_at,
        "ended_at": run.ended_at,
        "timings_ms": run.timings_ms,
        "envelope": view.envelope,
    }


@router.get("/use-cases", responses={200: {"x-schema": "llm-router#UseCaseList"}})
async def list_use_cases(services: ServicesDep, caller: RunCallerDep) -> Response:
    """List the use cases: what each is for, what it needs, and how it is done without AI."""
    about = About.tenant_of(caller)
    found = await services.call(LLM_ROUTER, "list_use_cases", "GET", "/use-cases", about)
    return Response(found.content, media_type="application/json")


@router.get(
    "/use-cases/{use_case_id}",
    responses={**problems(NotFound), 200: {"x-schema": "llm-router#UseCase"}},
)
async def read_use_case(
    use_case_id: UseCaseId, services: ServicesDep, caller: RunCallerDep
) -> Response:
    """Return the card of one use case."""
    about, path = About.tenant_of(caller), f"/use-cases/{use_case_id}"
    found = await services.call(LLM_ROUTER, "read_use_case", "GET", path, about)
    return Response(found.content, media_type="application/json")


@router.get("/recipients", responses={200: {"x-schema": "llm-router#RecipientList"}})
async def list_recipients(services: ServicesDep, caller: RunCallerDep) -> Response:
    """List who may receive pseudonymised text: where they process, what they keep."""
    about = About.tenant_of(caller)
    found = await services.call(LLM_ROUTER, "list_recipients", "GET", "/recipients", about)
    return Response(found.content, media_type="application/json")


@router.post(
    "/use-cases/{use_case_id}/runs",
    status_code=status.HTTP_201_CREATED,
    response_model=RunBody,
    responses={
        **_REFUSALS,
        201: {
            "model": RunBody,
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
    },
)
async def start_run(
    use_case_id: UseCaseId,
    body: NewRun,
    http_request: HttpRequest,
    response: Response,
    runs: RunsDep,
    quotas: QuotasDep,
    caller: RunCallerDep,
    consent_token: Annotated[str | None, Header(json_schema_extra=_TOKEN_LENGTH)] = None,
    accept: Annotated[str, Header(max_length=200)] = "application/json",
) -> Any:  # noqa: ANN401 - a run, or the stream that ends with it
    """Run a use case on one bilan.

    With `Accept: text/event-stream` the answer is a stream of `progress`, `delta` (restored text
    as the model speaks; void after a `restart`), then `result` or `problem`.
    """
    http_request.state.subject = body.bilan
    request = Request(
        use_case=use_case_id,
        bilan=body.bilan,
        mode=body.mode,
        document=body.document,
        occupation=body.occupation,
        territory=body.territory,
        runs=tuple(body.runs),
    )
    if "text/event-stream" in accept:
        events = _events(runs, caller, request, consent_token, http_request)
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)
    try:
        view = await runs.start(caller, request, consent_token, None)
    finally:
        if body.mode is not RunMode.COMPUTED:
            quotas.tell(http_request, caller.tenant, QuotaKind.ASSISTED_RUNS)
    http_request.state.consent = view.consent
    return await _marked(runs, caller, view, response)


async def _marked(runs: Runs, caller: Caller, view: RunView, response: Response) -> RunBody:
    """Mark an answer, and write down how it is marked before it leaves."""
    body, head = RunBody.model_validate(_body(view)), marks.headers(view.envelope)
    response.headers.update(head)
    await runs.leaves(caller, view, body.model_dump(mode="json"), head, layer="response_body")
    return body


def _event(name: str, data: dict[str, Any]) -> bytes:
    # ASCII: half of a character may end one delta and start the next.
    return f"event: {name}\ndata: {json.dumps(data)}\n\n".encode()


async def _events(
    runs: Runs,
    caller: Caller,
    request: Request,
    consent_token: str | None,
    http_request: HttpRequest,
) -> AsyncIterator[bytes]:
    """Tell a run as it goes. Leaving the stream cancels the run, and with it the model call."""
    telling = Telling()

    async def perform() -> None:
        try:
            view = await runs.start(caller, request, consent_token, telling)
            body = RunBody.model_validate(_body(view)).model_dump(mode="json")
            http_request.state.consent = view.consent
            head = marks.headers(view.envelope)
            http_request.state.final = JSONResponse(body, 201, headers=head)
            # The headers of a stream were sent before the model spoke: the mark is in its events.
            await runs.leaves(caller, view, body, {}, layer="event_stream")
            await telling.tell("result", body)
        except Problem as problem:
            await telling.tell("problem", problem.document())
        except Exception:
            await telling.tell("problem", Problem().document())
            raise
        finally:
            telling.end()

    yield _event("progress", {"step": "started"})
    task = asyncio.create_task(perform())
    try:
        async for told in telling.told():
            yield _event(told.name, told.data)
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@router.get(
    "/runs/{run_id}",
    responses=problems(
        NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ProcessingRestricted, BilanNotOpen
    ),
)
async def read_run(
    run_id: RunId, response: Response, runs: RunsDep, caller: RunCallerDep
) -> RunBody:
    """Return a run with its result."""
    view = await runs.read(caller, run_id)
    return await _marked(runs, caller, view, response)


class ReviewedRun(BaseModel):
    """A run and the review that was recorded."""

    id: RunId
    review: dict[str, Any]


@router.post(
    "/runs/{run_id}/review",
    status_code=status.HTTP_201_CREATED,
    response_model=ReviewedRun,
    responses=problems(
        NotFound,
        CounsellorNeeded,
        SecrecyNoticeNeeded,
        ProcessingRestricted,
        BilanNotOpen,
        RunNotReviewable,
    ),
)
async def review_run(
    run_id: RunId, body: RunReview, session: SessionDep, runs: RunsDep, caller: RunCallerDep
) -> Run:
    """Accept, accept with changes or reject a result, with a reason."""
    return await runs.review(session, caller, run_id, decision=body.decision, reason=body.reason)
