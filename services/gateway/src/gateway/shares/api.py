"""Shares: the signed synthesis, to the CEP operator or to somebody named, as the person asked."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import ReportCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import (
    AnswerState,
    AttestationIncomplete,
    BilanNotOpen,
    CounsellorNeeded,
    ProcessingRestricted,
    ReportNotSigned,
    SecrecyNoticeNeeded,
    ShareNotLive,
    SharePeriod,
)
from gateway.shares.answering import Asking
from gateway.shares.rules import AnswerMethod, AnswerStatus, RecipientKind
from gateway.shares.service import ShareAsked, Shares
from gateway.tables import Share
from gateway.wiring import SharesDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, BilanId, CounsellorId, ReportId, ShareId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/shares", tags=["reports"], route_class=IdempotentRoute)

Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]


_BINARY = {"type": "string", "format": "binary"}
_KINDS = ("application/pdf", "application/octet-stream")
"""A PDF; the second for client generators, which know no file by its own name."""


class ShareRecipient(BaseModel):
    """Who receives it; a third party is named, and the name rests sealed."""

    model_config = ConfigDict(extra="forbid")

    kind: RecipientKind
    name: Name | None = None

    @model_validator(mode="after")
    def _is_named(self) -> "ShareRecipient":
        if (self.kind is RecipientKind.THIRD_PARTY) is (self.name is None):
            message = "a third party has a name, the CEP operator has none"
            raise ValueError(message)
        return self


class NewShare(BaseModel):
    """What the person asked to hand over. On paper: `signed_document`, its digest, and `act`."""

    model_config = ConfigDict(extra="forbid")

    report: ReportId
    version: int = Field(ge=1, le=10_000)
    recipient: ShareRecipient = Field(examples=[{"kind": "cep"}])
    requested_on: date
    until: date
    method: AnswerMethod = AnswerMethod.HOSTED_PAGE
    document_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


class ShareView(BaseModel):
    """A share."""

    id: ShareId
    beneficiary: BeneficiaryId
    bilan: BilanId
    report: ReportId
    version: int = Field(ge=1, le=10_000)
    recipient: ShareRecipient
    requested_on: date
    ends_at: AwareDatetime
    status: AnswerStatus
    method: AnswerMethod
    document_sha256: str | None = Field(max_length=64)
    attested_by: CounsellorId | None
    asked_at: AwareDatetime
    decided_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class SharePage(BaseModel):
    """Shares in the order of creation; `next` is the cursor of the following page."""

    items: list[ShareView] = Field(max_length=200)
    next: ShareId | None = None


async def _view(session: AsyncSession, shares: Shares, row: Share) -> dict[str, Any]:
    plain = ShareView.model_fields.keys() - {"recipient", "status"}
    return {
        **{name: getattr(row, name) for name in plain},
        "status": shares.status(row),
        "recipient": {
            "kind": row.recipient,
            "name": await shares.recipient_name(session, row)
            or ("…" if row.recipient == RecipientKind.THIRD_PARTY else None),
        },
    }


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=ShareView,
    responses=problems(
        NotFound,
        SharePeriod,
        ReportNotSigned,
        BilanNotOpen,
        AttestationIncomplete,
        CounsellorNeeded,
        SecrecyNoticeNeeded,
        ProcessingRestricted,
    ),
)
async def ask_to_share(
    body: NewShare, shares: SharesDep, caller: ReportCallerDep
) -> dict[str, Any]:
    """Put a share to the person, who answers on their own page; or attest their signature."""
    asked = ShareAsked(
        body.report,
        body.version,
        body.recipient.kind,
        body.recipient.name,
        body.requested_on,
        body.until,
        Asking(body.method, body.document_sha256),
    )
    share = await shares.ask(caller, asked)
    async with shares.database.begin(caller.tenant) as session:
        return await _view(session, shares, share)


@router.get("")
async def list_shares(
    session: SessionDep,
    shares: SharesDep,
    caller: ReportCallerDep,
    beneficiary: BeneficiaryId | None = None,
    after: ShareId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> SharePage:
    """List the tenant's shares, all or those of a person."""
    rows = await shares.page(
        session, caller.tenant, beneficiary=beneficiary, after=after, limit=limit
    )
    shown, following = cut(rows, limit)
    items = [ShareView.model_validate(await _view(session, shares, row)) for row in shown]
    return SharePage(items=items, next=following)


@router.get("/{share_id}", response_model=ShareView, responses=problems(NotFound))
async def read_share(
    share_id: ShareId, session: SessionDep, shares: SharesDep, caller: ReportCallerDep
) -> dict[str, Any]:
    """Return a share as it stands now."""
    return await _view(session, shares, await shares.find(session, caller.tenant, share_id))


@router.delete("/{share_id}", response_model=ShareView, responses=problems(NotFound, AnswerState))
async def end_share(
    share_id: ShareId, session: SessionDep, shares: SharesDep, caller: ReportCallerDep
) -> dict[str, Any]:
    """End a share, with effect from now."""
    return await _view(session, shares, await shares.end(session, caller.tenant, share_id))


@router.get(
    "/{share_id}/document",
    response_class=Response,
    responses={
        **problems(NotFound, ShareNotLive, BilanNotOpen, ProcessingRestricted),
        200: {"content": {kind: {"schema": _BINARY} for kind in _KINDS}},
    },
)
async def read_shared_document(
    share_id: ShareId, shares: SharesDep, caller: ReportCallerDep
) -> Response:
    """Hand over the signed synthesis while the share is live; each time is recorded."""
    content = await shares.document(caller, share_id)
    headers = {
        "Content-Disposition": f'attachment; filename="{share_id}.pdf"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type="application/pdf", headers=headers)
