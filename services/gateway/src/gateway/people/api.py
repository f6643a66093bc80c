"""Beneficiaries: opaque ids; their names stay in the centre's software."""

from typing import Annotated, Literal

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import PeopleCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.edge.strict import StrictRoute
from gateway.problems import BeneficiaryErased, ReferenceTaken
from gateway.tables import Beneficiary
from gateway.wiring import PeopleDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["people"], route_class=IdempotentRoute)
lookups = APIRouter(prefix="/v1", tags=["people"], route_class=StrictRoute)
"""Looking somebody up creates nothing, so it takes no Idempotency-Key."""


_PRINTED = r"^[^\x00-\x1f\x7f]*$"
"""No control characters."""
Reference = Annotated[str, Field(min_length=1, max_length=200, pattern=_PRINTED)]


class NewPerson(BaseModel):
    """A person to create. `reference` is your own key for them; it is stored sealed."""

    model_config = ConfigDict(extra="forbid")

    reference: Reference | None = None


class BeneficiaryView(BaseModel):
    """A beneficiary."""

    model_config = ConfigDict(from_attributes=True)

    id: BeneficiaryId
    created_at: AwareDatetime


class BeneficiaryPage(BaseModel):
    """Beneficiaries in the order of creation; `next` is the cursor of the following page."""

    items: list[BeneficiaryView] = Field(max_length=200)
    next: BeneficiaryId | None = None


class NewPeople(BaseModel):
    """Persons to create at once."""

    model_config = ConfigDict(extra="forbid")

    items: list[NewPerson] = Field(min_length=1, max_length=500)


class AdmittedPerson(BaseModel):
    """What became of one item: a new person, or the one that you had under this reference."""

    index: int = Field(ge=0, le=499)
    outcome: Literal["created", "duplicate"]
    beneficiary: BeneficiaryId


class AdmittedPeople(BaseModel):
    """What became of each item, in the order sent."""

    items: list[AdmittedPerson] = Field(max_length=500)
    created: int = Field(ge=0, le=500)
    duplicates: int = Field(ge=0, le=500)


class ReferenceSought(BaseModel):
    """The reference that you gave when you created the person."""

    model_config = ConfigDict(extra="forbid")

    reference: Reference


@router.post(
    "/beneficiaries",
    status_code=status.HTTP_201_CREATED,
    response_model=BeneficiaryView,
    responses=problems(ReferenceTaken),
)
async def create_beneficiary(
    body: NewPerson, session: SessionDep, people: PeopleDep, caller: PeopleCallerDep
) -> Beneficiary:
    """Create a beneficiary: an opaque id, no name."""
    return await people.add_beneficiary(session, caller.tenant, body.reference)


@router.post(
    "/beneficiaries/bulk",
    status_code=status.HTTP_201_CREATED,
    responses=problems(ReferenceTaken),
)
async def create_beneficiaries(
    body: NewPeople, session: SessionDep, people: PeopleDep, caller: PeopleCallerDep
) -> AdmittedPeople:
    """Create up to 500 beneficiaries; a reference that you used before is reported, not doubled."""
    references = [item.reference for item in body.items]
    made = await people.add_beneficiaries(session, caller.tenant, references)
    created = sum(one.is_new for one in made)
    return AdmittedPeople(
        items=[
            AdmittedPerson(
                index=index,
                outcome="created" if one.is_new else "duplicate",
                beneficiary=one.beneficiary,
            )
            for index, one in enumerate(made)
        ],
        created=created,
        duplicates=len(made) - created,
    )


@lookups.post("/beneficiaries/lookup", response_model=BeneficiaryView, responses=problems(NotFound))
async def find_beneficiary(
    body: ReferenceSought, session: SessionDep, people: PeopleDep, caller: PeopleCallerDep
) -> Beneficiary:
    """Find a person again by your own reference, which never stands in an address."""
    return await people.of_reference(session, caller.tenant, body.reference)


@router.get("/beneficiaries")
async def list_beneficiaries(
    session: SessionDep,
    people: PeopleDep,
    caller: PeopleCallerDep,
    after: BeneficiaryId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> BeneficiaryPage:
    """List the tenant's beneficiaries."""
    rows = await people.page(session, caller.tenant, after=after, limit=limit)
    shown, following = cut(rows, limit)
    items = [BeneficiaryView.model_validate(row) for row in shown]
    return BeneficiaryPage(items=items, next=following)


@router.get(
    "/beneficiaries/{beneficiary_id}",
    response_model=BeneficiaryView,
    responses=problems(NotFound, BeneficiaryErased),
)
async def read_beneficiary(
    beneficiary_id: BeneficiaryId, session: SessionDep, people: PeopleDep, caller: PeopleCallerDep
) -> Beneficiary:
    """Return a beneficiary."""
    return await people.beneficiary(session, caller.tenant, beneficiary_id)
