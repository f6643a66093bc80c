"""Beneficiaries: opaque ids; their names stay in the centre's software."""

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import PeopleCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.tables import Beneficiary
from gateway.wiring import PeopleDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["people"], route_class=IdempotentRoute)


_PRINTED = r"^[^\x00-\x1f\x7f]*$"
"""No control characters."""


class NewPerson(BaseModel):
    """A person to create. `reference` is your own key for them; it is stored sealed."""

    model_config = ConfigDict(extra="forbid")

    reference: Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTED)] | None = None


class BeneficiaryView(BaseModel):
    """A beneficiary."""

    model_config = ConfigDict(from_attributes=True)

    id: BeneficiaryId
    created_at: AwareDatetime


@router.post(
    "/beneficiaries",
    status_code=status.HTTP_201_CREATED,
    response_model=BeneficiaryView,
    responses=problems(),
)
async def create_beneficiary(
    body: NewPerson, session: SessionDep, people: PeopleDep, caller: PeopleCallerDep
) -> Beneficiary:
    """Create a beneficiary: an opaque id, no name."""
    return await people.add_beneficiary(session, caller.tenant, body.reference)


@router.get(
    "/beneficiaries/{beneficiary_id}",
    response_model=BeneficiaryView,
    responses=problems(NotFound),
)
async def read_beneficiary(
    beneficiary_id: BeneficiaryId, session: SessionDep, people: PeopleDep, caller: PeopleCallerDep
) -> Beneficiary:
    """Return a beneficiary."""
    return await people.beneficiary(session, caller.tenant, beneficiary_id)
