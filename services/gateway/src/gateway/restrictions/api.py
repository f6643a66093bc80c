"""Restriction and objection, recorded by the centre for the person who asked (LR-E05)."""

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import PeopleCallerDep
from gateway.edge.carrying_out import carried_out
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import RestrictionGround, RestrictionOfThePerson
from gateway.restrictions.rules import Ground, RestrictionKind, Side
from gateway.tables import Restriction
from gateway.wiring import DatabaseDep, RestrictionsDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, RestrictionId
from keel.problems import NotFound, problems

router = APIRouter(
    prefix="/v1/beneficiaries/{beneficiary_id}/restrictions",
    tags=["people"],
    route_class=IdempotentRoute,
)


class NewRestriction(BaseModel):
    """What a person asked to stop. The ground is a code: no words of theirs are kept here."""

    model_config = ConfigDict(extra="forbid")

    kind: RestrictionKind
    ground: Ground


class RestrictionView(BaseModel):
    """A restriction or an objection; with `lifted_at`, it is over."""

    model_config = ConfigDict(from_attributes=True)

    id: RestrictionId
    beneficiary: BeneficiaryId
    kind: RestrictionKind
    ground: Ground
    imposed_at: AwareDatetime
    imposed_by: Side = Field(description="The person on their own page, or the centre for them.")
    lifted_at: AwareDatetime | None
    lifted_by: Side | None = Field(description="Null while it stands, and where nobody noted it.")


class RestrictionPage(BaseModel):
    """Restrictions, oldest first; `next` is the cursor of the following page."""

    items: list[RestrictionView] = Field(max_length=200)
    next: RestrictionId | None = None


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=RestrictionView,
    responses=problems(NotFound, RestrictionGround),
)
async def restrict_processing(
    beneficiary_id: BeneficiaryId,
    body: NewRestriction,
    database: DatabaseDep,
    restrictions: RestrictionsDep,
    caller: PeopleCallerDep,
) -> Restriction:
    """Stop the processing of a person's data, or every use of AI on them, with effect from now."""
    async with database.begin(caller.tenant) as session:
        made = await restrictions.impose(
            session, caller.tenant, beneficiary_id, body.kind, body.ground, by=Side.TENANT
        )
        await carried_out(session)
    return made


@router.get("", responses=problems(NotFound))
async def list_restrictions(
    beneficiary_id: BeneficiaryId,
    session: SessionDep,
    restrictions: RestrictionsDep,
    caller: PeopleCallerDep,
    after: RestrictionId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> RestrictionPage:
    """List a person's restrictions and objections, those that were lifted included."""
    rows = await restrictions.page(session, caller.tenant, beneficiary_id, after=after, limit=limit)
    shown, following = cut(rows, limit)
    items = [RestrictionView.model_validate(row) for row in shown]
    return RestrictionPage(items=items, next=following)


@router.delete(
    "/{restriction_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses=problems(NotFound, RestrictionOfThePerson),
)
async def lift_restriction(
    beneficiary_id: BeneficiaryId,
    restriction_id: RestrictionId,
    session: SessionDep,
    restrictions: RestrictionsDep,
    caller: PeopleCallerDep,
) -> None:
    """Lift what the centre recorded; tell the person before you do (GDPR 18(3)).

    What the person imposed on their own page, they alone lift, there.
    """
    await restrictions.lift(session, caller.tenant, beneficiary_id, restriction_id, by=Side.TENANT)
