"""The reports of one bilan, over HTTP."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, Field

from keel.identifiers import ReportId
from keel.passes import PassDep
from keel.problems import NotFound, problems
from reports.keeping.store import KeptFileRow
from reports.problems import (
    BlockNotEditable,
    ContentDiffers,
    MandatorySectionEmpty,
    NothingToReview,
    RecordMissing,
    RenderingFailed,
    ReportChanged,
    ReportExists,
    ReportFrozen,
    ReviewMissing,
    UnreadableMaterial,
    WrongStatus,
)
from reports.rendering.formats import MEDIA_TYPES, Format
from reports.synthesis.document import (
    Actor,
    Block,
    BlockId,
    Content,
    Cover,
    Digest,
    Line,
    Prose,
    Status,
    Value,
)
from reports.synthesis.materials import DraftRequest
from reports.versions.rules import Decision, missing_reviews
from reports.versions.service import Reports, Standing, tag, version_id
from reports.versions.store import FileRow

router = APIRouter(prefix="/reports", tags=["reports"])


def reports(request: Request, admitted: PassDep) -> Reports:
    """Return the verbs for the holder of this call's pass."""
    state = request.app.state
    return Reports(
        database=state.database,
        keys=state.keys,
        endings=state.endings,
        press=state.press,
        admitted=admitted,
    )


ReportsDep = Annotated[Reports, Depends(reports)]
BlockInPath = Annotated[BlockId, Path()]


class MarkView(BaseModel):
    """A mark of AI in a file; `verified`: it was read back out of the file's own bytes."""

    technique: str = Field(max_length=40)
    layer: str = Field(max_length=40)
    version: str = Field(max_length=20)
    verified: bool


class FileView(BaseModel):
    """A file of a signed version; `sha256` is of its bytes as handed over."""

    format: Format
    sha256: Digest
    bytes: int = Field(ge=0, le=100_000_000)
    marks: list[MarkView] = Field(
        default_factory=list, max_length=10, description="Told at the signature only."
    )


class ObservationView(BaseModel):
    """What the beneficiary wrote about a version, word for word."""

    text: Prose
    author: Literal["beneficiary"] = "beneficiary"
    at: AwareDatetime
    on_version: int = Field(ge=1, le=10_000)


class ReportView(Content):
    """A report as it stands; texts are pseudonymised, in a `kept` one they are as printed."""

    id: ReportId
    kind: Literal["synthesis"]
    status: Status
    version: int = Field(ge=1, le=10_000)
    version_id: Line
    digest: Digest
    reviews_missing: list[BlockId] = Field(max_length=10_000)
    observations: list[ObservationView] = Field(max_length=1000)
    created_at: AwareDatetime
    signed_at: AwareDatetime | None
    files: list[FileView] = Field(default_factory=list, max_length=10)
    kept: bool = Field(
        default=False,
        description="Kept by an agreement after its bilan: its texts are the person's own words.",
    )


class Edit(Value):
    """A passage rewritten by a counsellor."""

    text: Prose = Field(min_length=1)
    editor: Actor
    made_on: list[Line] | None = Field(default=None, max_length=200)
    """Tags (`ETag`) of the states of the report that it may replace; null: of any."""


class ReviewOfBlock(Value):
    """A counsellor's decision about one AI passage, with a reason code."""

    decision: Decision
    reason: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,59}$", max_length=60)
    reviewer: Actor
    text: Prose | None = Field(default=None, min_length=1)


class Signatory(Value):
    """The counsellor who signs, and whose name stands beside what they reviewed."""

    id: Actor
    name: Line = Field(min_length=1)


class SignOff(Value):
    """A signature over the reviewed draft with its texts restored; the cover page's identity."""

    signatory: Signatory
    identity: Cover
    content: Content


class ObservationGiven(Value):
    """What the beneficiary has to say about the version."""

    text: Prose = Field(min_length=1)


@router.post(
    "",
    status_code=201,
    responses={
        **problems(ReportExists, RecordMissing, UnreadableMaterial),
        200: {"model": ReportView, "description": "This very draft was made before."},
    },
)
async def create_report(body: DraftRequest, reports: ReportsDep, response: Response) -> ReportView:
    """Draft a synthesis document from validated runs."""
    standing, is_new = await reports.create(body)
    response.status_code = 201 if is_new else 200
    return _view(standing)


@router.get("/{report_id}", responses=problems(NotFound))
async def read_report(report_id: ReportId, reports: ReportsDep, response: Response) -> ReportView:
    """Read a report as it stands; `ETag` names this state."""
    standing = await reports.read(report_id)
    response.headers["ETag"] = tag(standing)
    return _view(standing, await reports.files(report_id))


@router.patch(
    "/{report_id}/blocks/{block_id}",
    responses=problems(NotFound, ReportFrozen, BlockNotEditable, ReportChanged),
)
async def edit_block(
    report_id: ReportId,
    block_id: BlockInPath,
    body: Edit,
    reports: ReportsDep,
    response: Response,
) -> Block:
    """Rewrite a passage; what a machine wrote never becomes a human's by editing.

    `ETag` names the state that the report is in now.
    """
    block, response.headers["ETag"] = await reports.edit(
        report_id, block_id, body.text, body.editor, body.made_on
    )
    return block


@router.post(
    "/{report_id}/blocks/{block_id}/review",
    responses=problems(NotFound, ReportFrozen, NothingToReview),
)
async def review_block(
    report_id: ReportId, block_id: BlockInPath, body: ReviewOfBlock, reports: ReportsDep
) -> Block:
    """Accept, correct or reject one AI passage; a rejected one leaves the document."""
    return await reports.review(
        report_id,
        block_id,
        body.decision,
        reason=body.reason,
        reviewer=body.reviewer,
        text=body.text,
    )


@router.post(
    "/{report_id}/sign-off",
    responses=problems(
        NotFound,
        ReportFrozen,
        ReviewMissing,
        MandatorySectionEmpty,
        ContentDiffers,
        ReportChanged,
        RenderingFailed,
    ),
)
async def sign_off(report_id: ReportId, body: SignOff, reports: ReportsDep) -> ReportView:
    """Sign a reviewed version: render it, seal its files, freeze it."""
    standing, files, marks = await reports.sign_off(
        report_id, body.content, body.identity, body.signatory.id, body.signatory.name
    )
    view = _view(standing, files)
    for file in view.files:
        file.marks = [MarkView(**asdict(mark)) for mark in marks[file.format]]
    return view


@router.get(
    "/{report_id}/versions/{version}/{format}",
    response_class=Response,
    responses={
        **problems(NotFound, RenderingFailed),
        200: {"content": {kind: {} for kind in MEDIA_TYPES.values()}},
    },
)
async def read_version(
    report_id: ReportId,
    version: Annotated[int, Path(ge=1, le=10_000)],
    format: Format,  # noqa: A002 - the word of the route
    reports: ReportsDep,
) -> Response:
    """Read a version as a file: as signed, else as a draft marked « Projet »."""
    content = await reports.file(report_id, version, format)
    name = f'attachment; filename="{report_id}-v{version}.{format}"'
    return Response(content, media_type=MEDIA_TYPES[format], headers={"Content-Disposition": name})


@router.post("/{report_id}/submission", responses=problems(NotFound, WrongStatus))
async def submit(report_id: ReportId, reports: ReportsDep) -> ReportView:
    """Hand a signed version to the beneficiary."""
    return _view(await reports.step(report_id, "submission"), await reports.files(report_id))


@router.post("/{report_id}/observations", responses=problems(NotFound, WrongStatus))
async def observe(report_id: ReportId, body: ObservationGiven, reports: ReportsDep) -> ReportView:
    """Keep what the beneficiary says about a version; nothing rewrites it."""
    standing = await reports.step(report_id, "observation", body.text)
    return _view(standing, await reports.files(report_id))


@router.post("/{report_id}/agreement", responses=problems(NotFound, WrongStatus))
async def agree(report_id: ReportId, reports: ReportsDep) -> ReportView:
    """Record that the beneficiary agrees with a submitted version."""
    return _view(await reports.step(report_id, "agreement"), await reports.files(report_id))


@router.get("/{report_id}/files", responses=problems(NotFound))
async def list_files(report_id: ReportId, reports: ReportsDep) -> list[FileView]:
    """List the files of the signed version with their digests; none before the signature."""
    return [_file(row) for row in await reports.files(report_id)]


def _view(standing: Standing, files: Sequence[FileRow | KeptFileRow] | None = None) -> ReportView:
    row, content = standing.row, standing.content
    return ReportView.model_validate(
        {
            **{name: getattr(content, name) for name in Content.model_fields},
            "id": row.id,
            "kind": row.kind,
            "status": row.status,
            "version": row.version,
            "version_id": version_id(row),
            "digest": standing.digest,
            "reviews_missing": missing_reviews(content),
            "observations": [
                ObservationView(text=o.text, at=o.at, on_version=o.on_version)
                for o in standing.observations
            ],
            "created_at": row.created_at,
            "signed_at": row.signed_at,
            "files": [_file(file) for file in files or []],
            "kept": standing.kept,
        }
    )


def _file(row: FileRow | KeptFileRow) -> FileView:
    return FileView.model_validate(
        {"format": row.format, "sha256": row.sha256, "bytes": row.size_bytes}
    )
