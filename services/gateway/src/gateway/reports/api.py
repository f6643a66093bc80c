"""Reports: drafted from validated runs, reviewed passage by passage, signed, handed over."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Request, Response, status
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import ReportCallerDep
from gateway.edge.editing import IfMatch, tags_of
from gateway.edge.idempotency import IdempotentRoute
from gateway.problems import (
    BilanNotOpen,
    CounsellorNeeded,
    PreconditionFailed,
    PreconditionNeeded,
    ProcessingRestricted,
    RunNotValidated,
    SecrecyNoticeNeeded,
)
from gateway.wiring import ReportsDep
from keel.identifiers import BilanId, ReportId, RunId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/reports", tags=["reports"], route_class=IdempotentRoute)

Words = Annotated[str, Field(min_length=1, max_length=4000)]
_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
BlockId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,80}$")]
_REFUSALS = problems(
    NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ProcessingRestricted, BilanNotOpen
)
_EDIT_REFUSALS = problems(
    NotFound,
    CounsellorNeeded,
    SecrecyNoticeNeeded,
    ProcessingRestricted,
    BilanNotOpen,
    PreconditionNeeded,
    PreconditionFailed,
)


class NewInterview(BaseModel):
    """One individual interview."""

    model_config = ConfigDict(extra="forbid")

    date: date
    minutes: int = Field(ge=1, le=600)
    mode: Literal["in_person", "video", "phone"]


class NewTool(BaseModel):
    """A tool or test that was used, with its version."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=200)]
    version: Annotated[str, Field(max_length=60)]
    purpose: Annotated[str, Field(max_length=400)]


class NewCircumstances(BaseModel):
    """Why and how the bilan was made (first block of the synthesis)."""

    model_config = ConfigDict(extra="forbid")

    request: Words
    need: Words
    trigger: Words | None = None
    funding: Literal["CPF", "PDC", "reclassement", "autre"] | None = None
    start: date
    end: date
    hours: Annotated[float, Field(gt=0, le=24)]
    interviews: list[NewInterview] = Field(default_factory=list, max_length=30)
    tools: list[NewTool] = Field(default_factory=list, max_length=20)


class NewProject(BaseModel):
    """A professional project, in the person's words."""

    model_config = ConfigDict(extra="forbid")

    title: Annotated[str, Field(min_length=1, max_length=300)]
    why: Words
    occupation: Annotated[str, Field(pattern=r"^[A-N][0-9]{4}$")] | None = None


class NewStep(BaseModel):
    """One step of the action plan: each has a date and a means."""

    model_config = ConfigDict(extra="forbid")

    step: Annotated[str, Field(min_length=1, max_length=600)]
    due_on: date
    means: Annotated[str, Field(max_length=600)]
    support: Annotated[str, Field(max_length=600)]
    indicator: Annotated[str, Field(max_length=600)]


class NewFollowUp(BaseModel):
    """The follow-up interview, usually six months later."""

    model_config = ConfigDict(extra="forbid")

    offered: bool
    on: date | None = None


class NewReport(BaseModel):
    """A report to draft from accepted runs and what the counsellor writes."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    kind: Literal["synthesis"] = "synthesis"
    runs: list[RunId] = Field(min_length=1, max_length=20)
    circumstances: NewCircumstances
    projects: list[NewProject] = Field(default_factory=list, max_length=4)
    action_plan: list[NewStep] = Field(default_factory=list, max_length=30)
    follow_up: NewFollowUp


class BlockText(BaseModel):
    """A block's new text."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=20_000)]


class PassageReview(BaseModel):
    """What the counsellor decided about one passage; a reason even to accept (LR-K03)."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["accepted", "accepted_modified", "rejected"]
    reason: Literal["verified", "completed", "corrected", "inaccurate", "not_useful", "unproved"]
    text: Annotated[str, Field(min_length=1, max_length=20_000)] | None = None


class Identity(BaseModel):
    """Names for the cover page; they rest in the sealed file only."""

    model_config = ConfigDict(extra="forbid")

    beneficiary_name: Annotated[str, Field(min_length=1, max_length=200)]
    organisation: Annotated[str, Field(min_length=1, max_length=200)]
    counsellor_name: Annotated[str, Field(min_length=1, max_length=200)]


class NewSignOff(BaseModel):
    """A counsellor signs."""

    model_config = ConfigDict(extra="forbid")

    identity: Identity


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses={
        **problems(
            NotFound,
            CounsellorNeeded,
            SecrecyNoticeNeeded,
            ProcessingRestricted,
            BilanNotOpen,
            RunNotValidated,
        ),
        201: {"x-schema": "reports#ReportView"},
    },
)
async def create_report(
    body: NewReport, request: Request, reports: ReportsDep, caller: ReportCallerDep
) -> dict[str, Any]:
    """Draft a report. AI passages keep their origin and wait for their review."""
    request.state.subject = body.bilan
    content = body.model_dump(mode="json", exclude={"bilan", "runs"})
    return await reports.compose(caller, body.bilan, body.runs, content)


@router.get(
    "/{report_id}",
    responses={**_REFUSALS, 200: {"x-schema": "reports#ReportView"}},
)
async def read_report(
    report_id: ReportId, response: Response, reports: ReportsDep, caller: ReportCallerDep
) -> dict[str, Any]:
    """Return a report with the person's own words.

    Its `ETag` is what an edit of one of its blocks sends in `If-Match`.
    """
    found, response.headers["ETag"] = await reports.read(caller, report_id)
    return found


@router.patch(
    "/{report_id}/blocks/{block_id}",
    responses={**_EDIT_REFUSALS, 200: {"x-schema": "reports#Block"}},
)
async def edit_block(
    report_id: ReportId,
    block_id: BlockId,
    body: BlockText,
    response: Response,
    reports: ReportsDep,
    caller: ReportCallerDep,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Change a block's text; its provenance is recomputed. `ETag` is the report's, from now on."""
    made_on = tags_of(if_match)
    block, response.headers["ETag"] = await reports.edit(
        caller, report_id, block_id, body.text, made_on
    )
    return block


@router.post(
    "/{report_id}/blocks/{block_id}/review",
    status_code=status.HTTP_201_CREATED,
    responses={**_REFUSALS, 201: {"x-schema": "reports#Block"}},
)
async def review_block(
    report_id: ReportId,
    block_id: BlockId,
    body: PassageReview,
    request: Request,
    reports: ReportsDep,
    caller: ReportCallerDep,
) -> dict[str, Any]:
    """Accept, correct or reject one passage."""
    request.state.subject = await reports.bilan_of(caller, report_id)
    return await reports.review(caller, report_id, block_id, body.model_dump())


@router.post(
    "/{report_id}/sign-off",
    status_code=status.HTTP_201_CREATED,
    responses={**_REFUSALS, 201: {"x-schema": "reports#ReportView"}},
)
async def sign_off_report(
    report_id: ReportId,
    body: NewSignOff,
    request: Request,
    reports: ReportsDep,
    caller: ReportCallerDep,
) -> dict[str, Any]:
    """Sign a report: every AI passage was reviewed, the files are sealed."""
    request.state.subject = await reports.bilan_of(caller, report_id)
    return await reports.sign_off(caller, report_id, body.identity.model_dump())


@router.post(
    "/{report_id}/submission",
    status_code=status.HTTP_201_CREATED,
    responses={**_REFUSALS, 201: {"x-schema": "reports#ReportView"}},
)
async def submit_report(
    report_id: ReportId, request: Request, reports: ReportsDep, caller: ReportCallerDep
) -> dict[str, Any]:
    """Hand a signed report to the beneficiary for observations."""
    request.state.subject = await reports.bilan_of(caller, report_id)
    return await reports.act(caller, report_id, "submit", "submission", {})


@router.get(
    "/{report_id}/versions/{version_file}",
    response_class=Response,
    responses={
        **_REFUSALS,
        200: {
            "content": {
                "application/pdf": {"schema": {"type": "string", "format": "binary"}},
                _DOCX: {"schema": {"type": "string", "format": "binary"}},
                "text/html": {"schema": {"type": "string"}},
                "application/json": {"schema": {"type": "object"}},
            }
        },
    },
)
async def read_report_file(
    report_id: ReportId,
    version_file: Annotated[str, Path(pattern=r"^[1-9][0-9]{0,3}\.(pdf|docx|html|json)$")],
    reports: ReportsDep,
    caller: ReportCallerDep,
) -> Response:
    """Return a version as `{version}.pdf`, `.docx`, `.html` or `.json`."""
    version, _, kind = version_file.partition(".")
    content, media_type = await reports.file(caller, report_id, int(version), kind)
    name = f"{report_id}-v{version}.{kind}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)
