"""Access and portability: what is held about a person, as JSON (GDPR 15, 20; LR-E02, E03)."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import PeopleCallerDep
from gateway.exports.rules import ExportKind
from gateway.problems import CounsellorNeeded, SecrecyNoticeNeeded
from gateway.wiring import ExportsDep, RegistersDep
from keel.calls import ServiceUnavailable
from keel.identifiers import BeneficiaryId, RecordId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/beneficiaries", tags=["people"])

_KINDS = ("application/pdf", "application/octet-stream")
"""The second is what generators of clients know a file by."""


class Export(BaseModel):
    """A copy of what is held. `access` has every section, `portable` what the person gave."""

    model_config = ConfigDict(extra="forbid")

    format_version: int = Field(ge=1, le=1)
    kind: ExportKind
    language: str = Field(max_length=5)
    made_at: str = Field(max_length=20)
    controller: str | None = Field(max_length=200)
    beneficiary: dict[str, Any]
    in_plain_words: dict[str, Any] | None = None
    bilans: list[dict[str, Any]] | None = None
    consents: list[dict[str, Any]]
    ai_uses: list[dict[str, Any]] | None = None
    computed_runs: list[dict[str, Any]] | None = None
    unused_calls: list[dict[str, Any]] | None = None
    records: list[dict[str, Any]] | None = None
    runs: list[dict[str, Any]] | None = None
    documents: list[dict[str, Any]]
    reports: list[dict[str, Any]] | None = None
    shares: list[dict[str, Any]] | None = None
    retention_agreements: list[dict[str, Any]] | None = None
    restrictions: list[dict[str, Any]] | None = None
    contestations: list[dict[str, Any]]


@router.get(
    "/{beneficiary_id}/export",
    response_model=Export,
    response_model_exclude_unset=True,
    responses=problems(NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ServiceUnavailable),
)
async def export_beneficiary(
    beneficiary_id: BeneficiaryId,
    response: Response,
    exports: ExportsDep,
    caller: PeopleCallerDep,
    kind: ExportKind = ExportKind.ACCESS,
) -> dict[str, Any]:
    """Return what is held about a person, in their own words; each time is recorded.

    It holds content: the token is drawn for a counsellor who is assigned to each of their bilans.
    """
    response.headers["Cache-Control"] = "no-store"
    return await exports.of(caller.tenant, beneficiary_id, kind, caller=caller)


class ToldLineView(BaseModel):
    """One of the seven lines that tell a use."""

    label: str = Field(max_length=60)
    text: str = Field(max_length=4000)


class ToldUseView(BaseModel):
    """One use in seven plain French lines: of a model, or of rules where `computed`."""

    record: RecordId
    when: AwareDatetime
    what: str = Field(max_length=400)
    computed: bool
    contested: bool
    lines: list[ToldLineView] = Field(max_length=7)


class ToldInShortView(BaseModel):
    """What is told in one line."""

    record: RecordId
    when: AwareDatetime
    text: str = Field(max_length=4000)


class LogStateView(BaseModel):
    """The public log when this was written: what the records can be checked against."""

    origin: str = Field(max_length=400)
    url: str = Field(max_length=400)
    size: int = Field(ge=0)
    root: str = Field(max_length=64, description="Standard base64, as in the checkpoint.")


class TransparencyRegister(BaseModel):
    """What was done with AI for one person, newest first, told from the records alone."""

    beneficiary: BeneficiaryId
    person: str = Field(max_length=400, description="Your own reference; empty without one.")
    centre: str = Field(max_length=400)
    made_at: AwareDatetime
    made_on: str = Field(max_length=100, description="The same, as people in France read it.")
    log: LogStateView
    uses: list[ToldUseView] = Field(max_length=2000)
    computed: list[ToldUseView] = Field(max_length=2000)
    unused: list[ToldInShortView] = Field(
        max_length=2000, description="Refused before anything was sent, or stopped."
    )
    consents: list[ToldInShortView] = Field(
        max_length=2000, description="Asked for, given, narrowed, withdrawn; newest first."
    )


@router.get(
    "/{beneficiary_id}/transparency",
    response_model=TransparencyRegister,
    responses=problems(NotFound, CounsellorNeeded, SecrecyNoticeNeeded),
)
async def read_transparency(
    beneficiary_id: BeneficiaryId,
    response: Response,
    registers: RegistersDep,
    caller: PeopleCallerDep,
) -> dict[str, Any]:
    """Tell what was done with AI for a person, in plain French; each time is recorded.

    The token is drawn for a counsellor who is assigned to each of their bilans.
    """
    response.headers["Cache-Control"] = "no-store"
    return await registers.tell(caller.tenant, beneficiary_id, caller=caller)


@router.get(
    "/{beneficiary_id}/transparency-report",
    response_class=Response,
    responses={
        **problems(NotFound, CounsellorNeeded, SecrecyNoticeNeeded, ServiceUnavailable),
        200: {"content": {k: {"schema": {"type": "string", "format": "binary"}} for k in _KINDS}},
    },
)
async def export_transparency_report(
    beneficiary_id: BeneficiaryId, registers: RegistersDep, caller: PeopleCallerDep
) -> Response:
    """Return what was done with AI for a person, in plain French, as PDF; each time is recorded.

    The token is drawn for a counsellor who is assigned to each of their bilans.
    """
    pages = await registers.of(caller.tenant, beneficiary_id, caller=caller)
    headers = {"Cache-Control": "no-store"}
    return Response(pages, media_type="application/pdf", headers=headers)
