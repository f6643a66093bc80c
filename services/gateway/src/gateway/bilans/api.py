"""Bilans: created by the centre, opened by the worker's agreement."""

from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import BilanCallerDep
from gateway.bilans.rules import BilanStatus, Funding
from gateway.bilans.service import Agreed, Change, Plan
from gateway.edge.editing import IfMatch, etag, require_match
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import (
    BeneficiaryErased,
    BilanBounds,
    BilanNotOpen,
    ConventionNeeded,
    CounsellorInactive,
    EmployerIsTenant,
    EmployerUnknown,
    HoursExceeded,
    LastCounsellor,
    PreconditionFailed,
    PreconditionNeeded,
    SignatureDate,
    TenantSirenNeeded,
)
from gateway.tables import Assignment, Bilan, BilanAgreement
from gateway.wiring import BilansDep
from keel.database import SessionDep
from keel.identifiers import (
    AgreementId,
    AssignmentId,
    BeneficiaryId,
    BilanId,
    ClientId,
    CounsellorId,
)
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
    public_service: bool = Field(
        default=False,
        description="The worker is a public agent: their own texts apply too, and loosen nothing.",
    )
    employer_siren: Annotated[str, Field(pattern=r"^[0-9]{9}$")] | None = Field(
        description="Compared with the centre's own (R6313-5), then kept as a keyed digest only. "
        "Say null for a person without an employer; PDC and reclassement need one.",
        examples=[None],
    )


class BilanChange(BaseModel):
    """What to change; a member that is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    planned_minutes: int | None = Field(default=None, ge=1, le=100_000)
    support_minutes: int | None = Field(default=None, ge=1, le=100_000)
    starts_on: date | None = None
    ends_on: date | None = None


class Agreement(BaseModel):
    """The worker's consent to the bilan itself; it says nothing about AI (LR-A01)."""

    model_config = ConfigDict(extra="forbid")

    agreed_on: date
    method: Literal["signed_document", "electronic_signature"]
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class AgreementView(BaseModel):
    """The worker's agreement to the bilan: an object of its own, apart from every consent to AI."""

    model_config = ConfigDict(from_attributes=True)

    id: AgreementId
    bilan: BilanId
    agreed_on: date
    method: Literal["signed_document", "electronic_signature"]
    document_sha256: str | None = Field(max_length=64)
    recorded_by: CounsellorId | ClientId | None
    recorded_at: AwareDatetime


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
    public_service: bool
    status: BilanStatus
    created_at: AwareDatetime


class BilanPage(BaseModel):
    """Bilans in the order of creation; `next` is the cursor of the following page."""

    items: list[BilanView] = Field(max_length=200)
    next: BilanId | None = None


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
    responses=problems(
        BeneficiaryErased,
        BilanBounds,
        CounsellorInactive,
        EmployerIsTenant,
        EmployerUnknown,
        TenantSirenNeeded,
        NotFound,
    ),
)
async def create_bilan(
    body: NewBilan, session: SessionDep, bilans: BilansDep, caller: BilanCallerDep
) -> Bilan:
    """Create a bilan; it opens with the worker's agreement."""
    return await bilans.create(session, caller.tenant, Plan(**body.model_dump()))


@router.get("")
async def list_bilans(
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
    beneficiary: BeneficiaryId | None = None,
    status: BilanStatus | None = None,
    after: BilanId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> BilanPage:
    """List the tenant's bilans, all or those of a person or in a state."""
    rows = await bilans.page(
        session, caller.tenant, beneficiary=beneficiary, status=status, after=after, limit=limit
    )
    shown, following = cut(rows, limit)
    return BilanPage(items=[BilanView.model_validate(row) for row in shown], next=following)


@router.get("/{bilan_id}", responses=problems(NotFound))
async def read_bilan(
    bilan_id: BilanId,
    response: Response,
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
) -> BilanView:
    """Return a bilan; its `ETag` is what an edit sends in `If-Match`."""
    view = BilanView.model_validate(await bilans.find(session, caller.tenant, bilan_id))
    response.headers["ETag"] = etag(view)
    return view


@router.patch(
    "/{bilan_id}",
    responses=problems(
        NotFound, BilanBounds, BilanNotOpen, HoursExceeded, PreconditionNeeded, PreconditionFailed
    ),
)
async def change_bilan(
    bilan_id: BilanId,
    body: BilanChange,
    response: Response,
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
    if_match: IfMatch = None,
) -> BilanView:
    """Change the dates or the hours of a bilan, within the law's bounds."""
    bilan = await bilans.find(session, caller.tenant, bilan_id, locked=True)
    require_match(if_match, BilanView.model_validate(bilan))
    changed = await bilans.change(session, caller.tenant, bilan, Change(**body.model_dump()))
    view = BilanView.model_validate(changed)
    response.headers["ETag"] = etag(view)
    return view


@router.post(
    "/{bilan_id}/agreement",
    status_code=status.HTTP_201_CREATED,
    response_model=BilanView,
    responses=problems(NotFound, BilanNotOpen, ConventionNeeded, EmployerIsTenant, SignatureDate),
)
async def record_agreement(
    bilan_id: BilanId,
    body: Agreement,
    session: SessionDep,
    bilans: BilansDep,
    caller: BilanCallerDep,
) -> Bilan:
    """Record the worker's agreement to the bilan, which opens it."""
    return await bilans.agree(session, caller, bilan_id, Agreed(**body.model_dump()))


@router.get("/{bilan_id}/agreement", response_model=AgreementView, responses=problems(NotFound))
async def read_agreement(
    bilan_id: BilanId, session: SessionDep, bilans: BilansDep, caller: BilanCallerDep
) -> BilanAgreement:
    """Return the worker's agreement to the bilan."""
    return await bilans.agreement(session, caller.tenant, bilan_id)


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
