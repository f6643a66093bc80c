"""Access and portability: what is held about a person, as JSON (GDPR 15, 20; LR-E02, E03)."""

from typing import Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import PeopleCallerDep
from gateway.exports.rules import ExportKind
from gateway.problems import CounsellorNeeded, SecrecyNoticeNeeded
from gateway.wiring import ExportsDep, RegistersDep
from keel.calls import ServiceUnavailable
from keel.identifiers import BeneficiaryId
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
