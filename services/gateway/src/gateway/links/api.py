"""A new personal link: the centre asks, the person gets it over the centre's own channel."""

from fastapi import APIRouter, Request, status
from pydantic import AwareDatetime, BaseModel, Field

from gateway.access import PeopleCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.links.service import PERSONAL_LIFETIME
from gateway.problems import BeneficiaryErased
from gateway.wiring import LinksDep, PeopleDep
from keel.clock import utc_now
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/beneficiaries", tags=["people"], route_class=IdempotentRoute)


class IssuedPersonalLink(BaseModel):
    """A link to the person's own space; `personal_link` is shown this once. Send it to them."""

    beneficiary: BeneficiaryId
    personal_link: str | None = Field(default=None, max_length=400)
    expires_at: AwareDatetime


@router.post(
    "/{beneficiary_id}/personal-link",
    status_code=status.HTTP_201_CREATED,
    responses=problems(NotFound, BeneficiaryErased),
    openapi_extra={"x-secret-members": ["personal_link"]},
)
async def renew_personal_link(
    beneficiary_id: BeneficiaryId,
    request: Request,
    session: SessionDep,
    people: PeopleDep,
    links: LinksDep,
    caller: PeopleCallerDep,
) -> IssuedPersonalLink:
    """Make a new link to a person's own space; every earlier one opens nothing any more."""
    await people.hold(session, caller.tenant, beneficiary_id)
    secret = await links.renew_personal(session, caller.tenant, beneficiary_id)
    base = request.app.state.settings.public_url.rstrip("/")
    return IssuedPersonalLink(
        beneficiary=beneficiary_id,
        personal_link=f"{base}/me/#{secret}",
        expires_at=utc_now() + PERSONAL_LIFETIME,
    )
