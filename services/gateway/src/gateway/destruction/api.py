"""The end of a bilan and the erasure of a person, asked for and followed over HTTP."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from gateway.access import BilanCallerDep, PeopleCallerDep
from gateway.destruction.rules import (
    DestructionKind,
    DestructionReason,
    DestructionState,
    StepName,
)
from gateway.destruction.service import Told
from gateway.edge.idempotency import IdempotentFrameRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit
from gateway.problems import (
    BeneficiaryErased,
    CounsellorNeeded,
    PhaseOrder,
    ProcessingRestricted,
    SecrecyNoticeNeeded,
)
from gateway.wiring import DestructionsDep
from keel.database import SessionDep
from keel.identifiers import (
    BeneficiaryId,
    BilanId,
    ClientId,
    CounsellorId,
    DestructionId,
    RecordId,
    RetentionAgreementId,
)
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["destruction"], route_class=IdempotentFrameRoute)

_Word = Annotated[str, StringConstraints(max_length=60)]
_Counts = Annotated[dict[_Word, int], Field(max_length=60)]


class BilanClosing(BaseModel):
    """How the bilan ends: `completed` once its three phases are closed, or `abandoned`."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["completed", "abandoned"]


class DestructionStepView(BaseModel):
    """One step: who acknowledged it when, how much there was, or why it is tried again."""

    name: StepName
    state: Literal["waiting", "done"]
    attempts: int = Field(ge=0)
    last_failure: str | None = Field(max_length=60)
    acknowledged_at: AwareDatetime | None
    counts: _Counts


class DestructionCertificate(BaseModel):
    """What proves a destruction: identifiers and counts, no content (R6313-7; LR-A13)."""

    format_version: Literal["1"]
    destruction: DestructionId
    kind: DestructionKind
    reason: DestructionReason
    legal_basis: str = Field(max_length=100)
    subject: BilanId | BeneficiaryId | RetentionAgreementId
    requested_at: AwareDatetime
    destroyed_at: AwareDatetime
    acknowledged: dict[StepName, _Counts] = Field(max_length=10)
    nothing_stored: list[_Word] = Field(
        max_length=10, description="Services that store nothing about anybody."
    )
    found_afterwards: int = Field(
        ge=0,
        le=0,
        description="What a query over every table of the gateway found at the end; the other "
        "services refuse whatever comes after they acknowledged.",
    )
    backups_until: AwareDatetime = Field(
        description="By then no backup holds the destroyed keys any more."
    )
    record: RecordId | None


class DestructionView(BaseModel):
    """A destruction: how far it has come, and its certificate once it is done."""

    id: DestructionId
    kind: DestructionKind
    subject: BilanId | BeneficiaryId | RetentionAgreementId
    reason: DestructionReason
    state: DestructionState
    requested_at: AwareDatetime
    requested_by: CounsellorId | ClientId | None
    held_until: AwareDatetime | None = Field(
        description="Until when a legal hold keeps the keys of records; content is gone before."
    )
    completed_at: AwareDatetime | None
    steps: list[DestructionStepView] = Field(max_length=10)
    certificate: DestructionCertificate | None


class DestructionPage(BaseModel):
    """Destructions in the order of their beginning; `next` is the cursor of the following page."""

    items: list[DestructionView] = Field(max_length=200)
    next: DestructionId | None = None


def _view(told: Told) -> dict[str, Any]:
    row = told.row
    members = DestructionView.model_fields.keys() - {"steps"}
    steps = [
        {
            "name": step.name,
            "state": "waiting" if step.acknowledged_at is None else "done",
            "attempts": step.attempts,
            "last_failure": step.last_failure,
            "acknowledged_at": step.acknowledged_at,
            "counts": {k: v for k, v in (step.counts or {}).items() if isinstance(v, int)},
        }
        for step in told.steps
    ]
    return {**{name: getattr(row, name) for name in members}, "steps": steps}


def _accepted(told: Told, response: Response) -> dict[str, Any]:
    response.headers["Location"] = f"/v1/destructions/{told.row.id}"
    return _view(told)


@router.delete(
    "/beneficiaries/{beneficiary_id}",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=DestructionView,
    responses=problems(NotFound),
)
async def erase_beneficiary(
    beneficiary_id: BeneficiaryId,
    response: Response,
    session: SessionDep,
    destructions: DestructionsDep,
    caller: PeopleCallerDep,
) -> dict[str, Any]:
    """Erase a person (GDPR 17): everything of theirs, in every service; it cannot be taken back.

    With the answer nothing runs for them any more. Asked for again, it is the same erasure.
    """
    return _accepted(await destructions.erase(session, caller, beneficiary_id), response)


@router.post(
    "/bilans/{bilan_id}/closing",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=DestructionView,
    responses=problems(
        NotFound,
        BeneficiaryErased,
        CounsellorNeeded,
        SecrecyNoticeNeeded,
        ProcessingRestricted,
        PhaseOrder,
    ),
)
async def close_bilan(
    bilan_id: BilanId,
    body: BilanClosing,
    response: Response,
    session: SessionDep,
    destructions: DestructionsDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """Close a bilan: its documents are destroyed (R6313-7), save what the person agreed to keep.

    Only an assigned counsellor does it before the end date; after it, it comes by itself.
    """
    outcome = DestructionReason(body.outcome)
    return _accepted(await destructions.close(session, caller, bilan_id, outcome), response)


@router.get(
    "/bilans/{bilan_id}/closing", response_model=DestructionView, responses=problems(NotFound)
)
async def read_bilan_closing(
    bilan_id: BilanId, session: SessionDep, destructions: DestructionsDep, caller: BilanCallerDep
) -> dict[str, Any]:
    """Return the closing of a bilan: how far the destruction has come, and its certificate."""
    return _view(await destructions.of_bilan(session, caller.tenant, bilan_id))


@router.get("/destructions", responses=problems())
async def list_destructions(
    session: SessionDep,
    destructions: DestructionsDep,
    caller: PeopleCallerDep,
    beneficiary: BeneficiaryId | None = None,
    state: DestructionState | None = None,
    after: DestructionId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> DestructionPage:
    """List the tenant's destructions, all or those of a person or in a state.

    After an erasure, what was destroyed before it tells no longer whose it was.
    """
    told = await destructions.page(
        session, caller.tenant, beneficiary=beneficiary, state=state, after=after, limit=limit
    )
    shown = told[:limit]
    items = [DestructionView.model_validate(_view(one)) for one in shown]
    return DestructionPage(items=items, next=shown[-1].row.id if len(told) > limit else None)


@router.get(
    "/destructions/{destruction_id}", response_model=DestructionView, responses=problems(NotFound)
)
async def read_destruction(
    destruction_id: DestructionId,
    session: SessionDep,
    destructions: DestructionsDep,
    caller: PeopleCallerDep,
) -> dict[str, Any]:
    """Return a destruction: how far it has come, and its certificate once it is done."""
    return _view(await destructions.find(session, caller.tenant, destruction_id))
