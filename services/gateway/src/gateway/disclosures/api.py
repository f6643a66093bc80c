"""That people were told of AI before it was used (AI Act 50(1), 50(5); LR-J01, LR-J10)."""

from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import RunCallerDep
from gateway.disclosures.rules import NOTICES, Audience, Channel, Declared, Moment, Profile
from gateway.disclosures.service import Shown
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import BilanNotOpen, DisclosureUnknown
from gateway.tables import Disclosure
from gateway.wiring import DisclosuresDep
from keel.database import SessionDep
from keel.identifiers import BilanId, DisclosureId, RecordId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/disclosures", tags=["runs"], route_class=IdempotentRoute)

NoticeName = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$", examples=["ia-beneficiaire"])]
Version = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-11-23"])]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DisclosureNotice(BaseModel):
    """A notice, word for word. Show it as it is, before or with what it is about."""

    model_config = ConfigDict(from_attributes=True)

    id: NoticeName
    version: Version
    language: str = Field(max_length=5)
    audience: Audience
    profiles: list[Profile] = Field(max_length=3)
    text: str = Field(max_length=3000)
    sha256: Digest


class DisclosureNotices(BaseModel):
    """Every version that was ever published."""

    items: list[DisclosureNotice] = Field(max_length=100)


class NewDisclosure(BaseModel):
    """That a notice was shown, word for word. When is observed here."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    disclosure_id: NoticeName
    disclosure_version: Version
    sha256: Digest = Field(description="Of the text that was shown.")
    channel: Channel
    moment: Declared
    accessibility_profile: Profile = Profile.STANDARD
    acknowledged: bool = Field(
        default=False, description="Whether the person said that they read it."
    )


class DisclosureView(BaseModel):
    """A notice that was shown. A `moment` of `late` opened an incident."""

    model_config = ConfigDict(from_attributes=True)

    id: DisclosureId
    bilan: BilanId
    disclosure_id: NoticeName = Field(validation_alias="notice")
    disclosure_version: Version = Field(validation_alias="version")
    language: str = Field(max_length=5)
    audience: Audience
    channel: Channel
    moment: Moment
    accessibility_profile: Profile
    confirmed_at: AwareDatetime
    acknowledged_at: AwareDatetime | None
    record: RecordId


class DisclosurePage(BaseModel):
    """Disclosures in the order of confirmation; `next` is the cursor of the following page."""

    items: list[DisclosureView] = Field(max_length=200)
    next: DisclosureId | None = None


@router.get("/notices")
async def list_disclosure_notices() -> DisclosureNotices:
    """Return the notices that the centre's software shows; the same for everybody."""
    items = [DisclosureNotice.model_validate(notice) for notice in NOTICES.values()]
    return DisclosureNotices(items=items)


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=DisclosureView,
    responses=problems(NotFound, BilanNotOpen, DisclosureUnknown),
)
async def confirm_disclosure(
    body: NewDisclosure, session: SessionDep, disclosures: DisclosuresDep, caller: RunCallerDep
) -> Disclosure:
    """Confirm that a notice about AI was shown; what comes after a first use of AI is late."""
    shown = Shown(
        body.bilan,
        body.disclosure_id,
        body.disclosure_version,
        body.sha256,
        body.channel,
        body.moment,
        body.accessibility_profile,
        body.acknowledged,
    )
    return await disclosures.confirm(session, caller, shown)


@router.get("", responses=problems(NotFound))
async def list_disclosures(
    session: SessionDep,
    disclosures: DisclosuresDep,
    caller: RunCallerDep,
    bilan: Annotated[BilanId, Query()],
    after: DisclosureId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> DisclosurePage:
    """List what was shown in a bilan."""
    rows = await disclosures.page(session, caller.tenant, bilan, after=after, limit=limit)
    shown, following = cut(rows, limit)
    return DisclosurePage(
        items=[DisclosureView.model_validate(row) for row in shown], next=following
    )
