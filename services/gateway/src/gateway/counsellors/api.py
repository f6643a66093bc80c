"""Counsellors: opaque ids; what they accepted, what they are qualified for."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import PeopleCallerDep
from gateway.counsellors.rules import (
    SECRECY_TEXT,
    SECRECY_VERSION,
    QualificationKind,
    secrecy_sha256,
)
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.people.api import NewPerson
from gateway.problems import (
    CounsellorNeeded,
    QualificationPeriod,
    SecrecyNoticeUnknown,
)
from gateway.tables import Counsellor, Qualification, SecrecyAcceptance
from gateway.wiring import CounsellorsDep
from keel.database import SessionDep
from keel.identifiers import AcceptanceId, CounsellorId, QualificationId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["people"], route_class=IdempotentRoute)

Version = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=[SECRECY_VERSION])]
Code = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,59}$")]
"""A code of the tenant's own list: no name, no free text."""


class CounsellorView(BaseModel):
    """A counsellor; with `deactivated_at`, nobody acts as them any more."""

    model_config = ConfigDict(from_attributes=True)

    id: CounsellorId
    created_at: AwareDatetime
    deactivated_at: AwareDatetime | None


class CounsellorPage(BaseModel):
    """Counsellors in the order of creation; `next` is the cursor of the following page."""

    items: list[CounsellorView] = Field(max_length=200)
    next: CounsellorId | None = None


class SecrecyNotice(BaseModel):
    """What each counsellor accepts before the first bilan (Code du travail L6313-4)."""

    version: Version
    lang: str = Field(max_length=5)
    text: str = Field(max_length=5000)
    sha256: str = Field(max_length=64)


class NewSecrecyAcceptance(BaseModel):
    """That a counsellor read and accepted the secrecy notice."""

    model_config = ConfigDict(extra="forbid")

    notice_version: Version


class SecrecyAcceptanceView(BaseModel):
    """An acceptance of the secrecy notice."""

    model_config = ConfigDict(from_attributes=True)

    id: AcceptanceId
    counsellor: CounsellorId
    notice_version: Version
    notice_sha256: str = Field(max_length=64)
    accepted_at: AwareDatetime


class NewQualification(BaseModel):
    """A training on AI, or a certification for a test; `code` is of your own list."""

    model_config = ConfigDict(extra="forbid")

    kind: QualificationKind
    code: Code
    obtained_on: date
    expires_on: date | None = None


class QualificationView(BaseModel):
    """A qualification."""

    model_config = ConfigDict(from_attributes=True)

    id: QualificationId
    counsellor: CounsellorId
    kind: QualificationKind
    code: Code
    obtained_on: date
    expires_on: date | None
    recorded_at: AwareDatetime


class QualificationPage(BaseModel):
    """Qualifications in the order of recording; `next` is the cursor of the following page."""

    items: list[QualificationView] = Field(max_length=200)
    next: QualificationId | None = None


@router.post(
    "/counsellors",
    status_code=status.HTTP_201_CREATED,
    response_model=CounsellorView,
    responses=problems(),
)
async def create_counsellor(
    body: NewPerson, session: SessionDep, counsellors: CounsellorsDep, caller: PeopleCallerDep
) -> Counsellor:
    """Create a counsellor."""
    return await counsellors.add(session, caller.tenant, body.reference)


@router.get("/counsellors")
async def list_counsellors(
    session: SessionDep,
    counsellors: CounsellorsDep,
    caller: PeopleCallerDep,
    after: CounsellorId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> CounsellorPage:
    """List the tenant's counsellors."""
    rows = await counsellors.page(session, caller.tenant, after=after, limit=limit)
    shown, following = cut(rows, limit)
    return CounsellorPage(items=_views(shown), next=following)


def _views(rows: Sequence[Counsellor]) -> list[CounsellorView]:
    return [CounsellorView.model_validate(row) for row in rows]


@router.get(
    "/counsellors/{counsellor_id}", response_model=CounsellorView, responses=problems(NotFound)
)
async def read_counsellor(
    counsellor_id: CounsellorId,
    session: SessionDep,
    counsellors: CounsellorsDep,
    caller: PeopleCallerDep,
) -> Counsellor:
    """Return a counsellor."""
    return await counsellors.find(session, caller.tenant, counsellor_id)


@router.post(
    "/counsellors/{counsellor_id}/deactivation",
    status_code=status.HTTP_201_CREATED,
    response_model=CounsellorView,
    responses=problems(NotFound),
)
async def deactivate_counsellor(
    counsellor_id: CounsellorId,
    session: SessionDep,
    counsellors: CounsellorsDep,
    caller: PeopleCallerDep,
) -> Counsellor:
    """Let nobody act as a counsellor any more; tokens drawn on their behalf end at once."""
    return await counsellors.deactivate(session, caller.tenant, counsellor_id)


@router.get("/secrecy-notice")
async def read_secrecy_notice(caller: PeopleCallerDep) -> SecrecyNotice:  # noqa: ARG001 - the door
    """Return the secrecy notice that each counsellor accepts before the first bilan."""
    return SecrecyNotice(
        version=SECRECY_VERSION, lang="fr", text=SECRECY_TEXT, sha256=secrecy_sha256()
    )


@router.post(
    "/counsellors/{counsellor_id}/secrecy-acceptances",
    status_code=status.HTTP_201_CREATED,
    response_model=SecrecyAcceptanceView,
    responses=problems(NotFound, SecrecyNoticeUnknown, CounsellorNeeded),
)
async def accept_secrecy(
    counsellor_id: CounsellorId,
    body: NewSecrecyAcceptance,
    session: SessionDep,
    counsellors: CounsellorsDep,
    caller: PeopleCallerDep,
) -> SecrecyAcceptance:
    """Record that a counsellor accepted the secrecy notice; content of bilans needs it."""
    return await counsellors.accept_secrecy(session, caller, counsellor_id, body.notice_version)


@router.post(
    "/counsellors/{counsellor_id}/qualifications",
    status_code=status.HTTP_201_CREATED,
    response_model=QualificationView,
    responses=problems(NotFound, QualificationPeriod),
)
async def record_qualification(
    counsellor_id: CounsellorId,
    body: NewQualification,
    session: SessionDep,
    counsellors: CounsellorsDep,
    caller: PeopleCallerDep,
) -> Qualification:
    """Record a training on AI (AI Act art. 4) or a certification for a test."""
    return await counsellors.qualify(
        session,
        caller.tenant,
        counsellor_id,
        kind=body.kind,
        code=body.code,
        obtained_on=body.obtained_on,
        expires_on=body.expires_on,
    )


@router.get("/counsellors/{counsellor_id}/qualifications", responses=problems(NotFound))
async def list_qualifications(
    counsellor_id: CounsellorId,
    session: SessionDep,
    counsellors: CounsellorsDep,
    caller: PeopleCallerDep,
    after: QualificationId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> QualificationPage:
    """List a counsellor's qualifications."""
    rows = await counsellors.qualifications(
        session, caller.tenant, counsellor_id, after=after, limit=limit
    )
    shown, following = cut(rows, limit)
    items = [QualificationView.model_validate(row) for row in shown]
    return QualificationPage(items=items, next=following)
