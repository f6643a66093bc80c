"""Bilans: created by the centre, opened by the worker's agreement."""

from datetime import date
from typing import Literal

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import BilanCallerDep
from gateway.bilans.rules import BilanStatus, Funding
from gateway.bilans.service import Plan
from gateway.edge.idempotency import IdempotentRoute
from gateway.problems import BilanBounds, BilanNotOpen, CounsellorInactive, LastCounsellor
from gateway.tables import Assignment, Bilan
from gateway.wiring import BilansDep
from keel.database import SessionDep
from keel.identifiers import AssignmentId, BeneficiaryId, BilanId, CounsellorId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/bilans", tags=["bilans"], route_class=IdempotentRoute)


class NewBilan(BaseModel):
    """A bilan to create. Minutes, because interviews are not always whole hours."""

    model_config = ConfigDict(extra="forbid")

    beneficiary: BeneficiaryId
    counsellor: CounsellorId
    funding: Funding
    planned_minutes: int = Field(ge=1, le=100_000, examples=[1440])
    support_minutes: int = Field(ge=0, le=100_000, examples=[840])
    starts_on: date
    ends_on: date


class Agreement(BaseModel):
    """The worker's consent to the bilan itself; it says nothing about AI (LR-A01)."""

    model_config = ConfigDict(extra="forbid")

    agreed_on: date
    method: Literal["signed_document", "electronic_signature"]


class BilanView(BaseModel):
    """A bilan."""

    model_config = ConfigDict(from_attributes=True)

    id: BilanId
    beneficiary: BeneficiaryId
    counsellor: CounsellorId
    funding: Funding
    planned_minutes: int = Field(ge=1, le=100_000)
    support_minutes: int = Field(ge=0, le=100_000)
    starts_on: date
    ends_on: date
    status: BilanStatus
    created_at: AwareDatetime


class NewAssignment(BaseModel):
    """A counsellor who is to conduct the bilan too."""

    model_config = ConfigDict(extra="forbid")

    counsellor: CounsellorId


class AssignmentView(BaseModel):
    """That a counsellor conducts a bilan; with `ended_at`, that they did."""

    model_config = ConfigDict(from_attributes=True)

    id: AssignmentId
    counsellor: CounsellorId
    assigned_at: AwareDatetime
    ended_at: AwareDatetime | None


class AssignmentList(BaseModel):
    """Who conducts a bilan, and who did, in the order of assignment."""

    items: list[AssignmentView] = Field(max_length=1000)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=BilanView,
    responses=problems(BilanBounds, CounsellorInactive, NotFound),
)
async def create_bilan(
    body: NewBilan, session: SessionDep, bilans: BilansDep, caller: BilanCallerDep
) -> Bilan:
    """Create a bilan; it opens with the worker's agreement."""
    return await bilans.create(session, caller.tenant, Plan(**body.model_dump()))


@router.get("/{bilan_id}", response_model=BilanView, responses=problems(NotFound))
async def read_bilan(
    bilan_id: BilanId, session: SessionDep, bilans: BilansDep, caller: BilanCallerDep
) -> Bilan:
    """Return a bilan."""
    return await bilans.find(session, caller.tenant, bilan_id)


@router.post(
    "/{bilan_id}/agreement",
    status_code=status.HTTP_201_CREATED,
    response_model=BilanView,
    responses=problems(NotFound, BilanNotOpen),
)
async def record_agreement(
    bilan_id: BilanId,
    body: Agreement,
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
) -> Bilan:
    """Record the worker's agreement to the bilan, which opens it."""
    return await bilans.agree(
        session, caller.tenant, bilan_id, agreed_on=body.agreed_on, method=body.method
    )


@router.post(
    "/{bilan_id}/assignments",
    status_code=status.HTTP_201_CREATED,
    response_model=AssignmentView,
    responses=problems(NotFound, CounsellorInactive),
)
async def assign_counsellor(
    bilan_id: BilanId,
    body: NewAssignment,
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
) -> Assignment:
    """Assign one more counsellor; only assigned counsellors read or write the content."""
    return await bilans.assign(session, caller.tenant, bilan_id, body.counsellor)


@router.get("/{bilan_id}/assignments", responses=problems(NotFound))
async def list_assignments(
    bilan_id: BilanId, session: SessionDep, bilans: BilansDep, caller: BilanCallerDep
) -> AssignmentList:
    """List who conducts a bilan, and who did."""
    rows = await bilans.assignments(session, caller.tenant, bilan_id)
    return AssignmentList(items=[AssignmentView.model_validate(row) for row in rows])


@router.delete(
    "/{bilan_id}/assignments/{assignment_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(NotFound, LastCounsellor),
)
async def end_assignment(
    bilan_id: BilanId,
    assignment_id: AssignmentId,
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
) -> None:
    """End an assignment; its counsellor loses access at once."""
    await bilans.unassign(session, caller.tenant, bilan_id, assignment_id)
