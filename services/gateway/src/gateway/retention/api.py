"""Retention agreements: what is kept after a bilan's end, by the person's own agreement."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import BilanCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import (
    AnswerState,
    AttestationIncomplete,
    BilanNotOpen,
    CounsellorNeeded,
    RetentionRefused,
    SecrecyNoticeNeeded,
)
from gateway.retention.rules import RetentionReason, RetentionScope
from gateway.retention.service import RetentionAsked, Retentions
from gateway.shares.answering import Asking
from gateway.shares.rules import AnswerMethod, AnswerStatus
from gateway.tables import RetentionAgreement
from gateway.wiring import RetentionsDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, BilanId, CounsellorId, RetentionAgreementId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/retention-agreements", tags=["bilans"], route_class=IdempotentRoute)


class NewRetentionAgreement(BaseModel):
    """What is to be kept. On paper: `signed_document`, with its digest and `act`."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    scope: RetentionScope
    reason: RetentionReason
    until: date
    method: AnswerMethod = AnswerMethod.HOSTED_PAGE
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class RetentionAgreementView(BaseModel):
    """A retention agreement."""

    id: RetentionAgreementId
    beneficiary: BeneficiaryId
    bilan: BilanId
    scope: RetentionScope
    reason: RetentionReason
    ends_at: AwareDatetime
    status: AnswerStatus
    method: AnswerMethod
    document_sha256: str | None = Field(max_length=64)
    attested_by: CounsellorId | None
    asked_at: AwareDatetime
    decided_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class RetentionAgreementPage(BaseModel):
    """Agreements in the order of creation; `next` is the cursor of the following page."""

    items: list[RetentionAgreementView] = Field(max_length=200)
    next: RetentionAgreementId | None = None


def _view(retentions: Retentions, row: RetentionAgreement) -> dict[str, Any]:
    plain = RetentionAgreementView.model_fields.keys() - {"status"}
    return {**{name: getattr(row, name) for name in plain}, "status": retentions.status(row)}


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=RetentionAgreementView,
    responses=problems(
        NotFound,
        RetentionRefused,
        BilanNotOpen,
        AttestationIncomplete,
        CounsellorNeeded,
        SecrecyNoticeNeeded,
    ),
)
async def ask_to_keep(
    body: NewRetentionAgreement,
    session: SessionDep,
    retentions: RetentionsDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """Put to the person what is to be kept after their bilan; or attest their signature."""
    asking = Asking(body.method, body.document_sha256)
    asked = RetentionAsked(body.bilan, body.scope, body.reason, body.until, asking)
    return _view(retentions, await retentions.ask(session, caller, asked))


@router.get("")
async def list_retention_agreements(
    session: SessionDep,
    retentions: RetentionsDep,
    caller: BilanCallerDep,
    beneficiary: BeneficiaryId | None = None,
    after: RetentionAgreementId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> RetentionAgreementPage:
    """List the tenant's retention agreements, all or those of a person."""
    rows = await retentions.page(
        session, caller.tenant, beneficiary=beneficiary, after=after, limit=limit
    )
    shown, following = cut(rows, limit)
    items = [RetentionAgreementView.model_validate(_view(retentions, row)) for row in shown]
    return RetentionAgreementPage(items=items, next=following)


@router.get("/{agreement_id}", response_model=RetentionAgreementView, responses=problems(NotFound))
async def read_retention_agreement(
    agreement_id: RetentionAgreementId,
    session: SessionDep,
    retentions: RetentionsDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """Return a retention agreement as it stands now."""
    return _view(retentions, await retentions.find(session, caller.tenant, agreement_id))


@router.delete(
    "/{agreement_id}",
    response_model=RetentionAgreementView,
    responses=problems(NotFound, AnswerState),
)
async def end_retention_agreement(
    agreement_id: RetentionAgreementId,
    session: SessionDep,
    retentions: RetentionsDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """End a retention agreement, with effect from now."""
    return _view(retentions, await retentions.end(session, caller.tenant, agreement_id))
