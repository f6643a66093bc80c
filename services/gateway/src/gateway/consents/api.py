"""Consents: asked for, narrowed and withdrawn by the centre, given by the beneficiary alone."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response, status
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import ConsentRequesterDep, ConsentUserDep
from gateway.consents.attesting import attested
from gateway.consents.rules import ConsentStatus
from gateway.consents.service import Consents
from gateway.consents.shapes import (
    Attestation,
    AttestedConsent,
    ConsentEnd,
    ConsentPage,
    ConsentReceipt,
    ConsentView,
    NewConsent,
    RequestedConsent,
)
from gateway.edge.carrying_out import carried_out
from gateway.edge.editing import IfMatch, etag, require_match
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit
from gateway.problems import (
    AttestationForbidden,
    BeneficiaryErased,
    BilanNotOpen,
    ConsentCannotBeLengthened,
    ConsentState,
    ConsentTokenTooLarge,
    CounsellorNeeded,
    DecisionMissing,
    ExplicitConsentNeeded,
    NoticeChanged,
    PreconditionFailed,
    PreconditionNeeded,
    VocabularyUnknown,
)
from gateway.tables import Consent
from gateway.wiring import BilansDep, ConsentsDep, DatabaseDep, LinksDep, ServicesDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, BilanId, ConsentId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["consent"], route_class=IdempotentRoute)

Purpose = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$")]


async def _views(
    session: AsyncSession, consents: Consents, rows: Sequence[Consent]
) -> list[dict[str, Any]]:
    places = await consents.log_places(session, rows)
    return [consents.shown(row, places.get(row.id)) for row in rows]


async def _view(session: AsyncSession, consents: Consents, row: Consent) -> dict[str, Any]:
    (view,) = await _views(session, consents, [row])
    return view


@router.post(
    "/consents",
    status_code=status.HTTP_201_CREATED,
    response_model=RequestedConsent,
    responses=problems(
        NotFound,
        BeneficiaryErased,
        BilanNotOpen,
        VocabularyUnknown,
        ExplicitConsentNeeded,
        ConsentTokenTooLarge,
        ConsentState,
    ),
    openapi_extra={"x-secret-members": ["ceremony_url"]},
)
async def request_consent(
    body: NewConsent,
    request: Request,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    consents: ConsentsDep,
    caller: ConsentRequesterDep,
) -> dict[str, Any]:
    """Ask a beneficiary. Send them `ceremony_url`; only they can answer."""
    recipients = await services.recipients(caller)
    days = body.validity_days
    async with database.begin(caller.tenant) as session:
        bilan = await bilans.find(session, caller.tenant, body.bilan)
        consent, secret = await consents.request(
            session,
            caller,
            bilan,
            [g.model_dump() for g in body.grants],
            recipients,
            validity=None if days is None else timedelta(days=days),
            renewal_of=body.renewal_of,
        )
        # Only now, with the row that points at the bilan: a closing waits for it, or was before it.
        await bilans.require_unclosed(session, bilan)
        await carried_out(session)
    base = request.app.state.settings.public_url.rstrip("/")
    return {**consents.shown(consent), "ceremony_url": f"{base}/consent/#{secret}"}


@router.get("/consents", responses=problems(), response_model=ConsentPage)
async def list_consents(
    session: SessionDep,
    consents: ConsentsDep,
    caller: ConsentUserDep,
    beneficiary: BeneficiaryId | None = None,
    bilan: BilanId | None = None,
    status: ConsentStatus | None = None,
    after: ConsentId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> dict[str, Any]:
    """List consents as they stand now, oldest first."""
    concerned = {"beneficiary": beneficiary, "bilan": bilan}
    rows, cursor = await consents.listed(
        session,
        caller.tenant,
        status=status,
        after=after,
        limit=limit,
        **{name: given for name, given in concerned.items() if given is not None},
    )
    return {"items": await _views(session, consents, rows), "next": cursor}


@router.get("/consents/{consent_id}", response_model=ConsentView, responses=problems(NotFound))
async def read_consent(
    consent_id: ConsentId,
    response: Response,
    session: SessionDep,
    consents: ConsentsDep,
    caller: ConsentUserDep,
) -> dict[str, Any]:
    """Return a consent as it stands now."""
    consent = await consents.find(session, caller.tenant, consent_id)
    response.headers["ETag"] = _tag(consents, consent)
    return await _view(session, consents, consent)


def _tag(consents: Consents, consent: Consent) -> str:
    """Return the tag of what an edit depends on: the sequencer's work is none of it."""
    return etag(consents.shown(consent))


@router.patch(
    "/consents/{consent_id}",
    response_model=ConsentView,
    responses=problems(
        NotFound, ConsentState, ConsentCannotBeLengthened, PreconditionNeeded, PreconditionFailed
    ),
)
async def shorten_consent(
    consent_id: ConsentId,
    body: ConsentEnd,
    response: Response,
    database: DatabaseDep,
    consents: ConsentsDep,
    caller: ConsentRequesterDep,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Let a consent end earlier. It can never be lengthened: ask for a new one (`renewal_of`)."""
    async with database.begin(caller.tenant) as session:
        consent = await consents.find_for_edit(session, caller.tenant, consent_id)
        require_match(if_match, consents.shown(consent))
        await consents.shorten(session, consent, body.expires_at, caller=caller)
        response.headers["ETag"] = _tag(consents, consent)
        return await _view(session, consents, consent)


@router.delete(
    "/consents/{consent_id}",
    response_model=ConsentView,
    responses=problems(NotFound, ConsentState),
)
async def withdraw_consent(
    consent_id: ConsentId, database: DatabaseDep, consents: ConsentsDep, caller: ConsentRequesterDep
) -> dict[str, Any]:
    """Withdraw a consent on the person's behalf, with effect from now."""
    async with database.begin(caller.tenant) as session:
        consent = await consents.withdraw(session, caller, consent_id)
        return await _view(session, consents, consent)


@router.delete(
    "/consents/{consent_id}/grants/{purpose}",
    response_model=ConsentView,
    responses=problems(NotFound, ConsentState),
)
async def withdraw_purpose(
    consent_id: ConsentId,
    purpose: Purpose,
    database: DatabaseDep,
    consents: ConsentsDep,
    caller: ConsentRequesterDep,
) -> dict[str, Any]:
    """Withdraw one purpose on the person's behalf, with effect from now.

    Tokens drawn before are stale. When no purpose is left, the consent is revoked.
    """
    async with database.begin(caller.tenant) as session:
        consent = await consents.narrow(session, caller.tenant, consent_id, purpose, caller=caller)
        return await _view(session, consents, consent)


@router.post(
    "/consents/{consent_id}/cancellation",
    status_code=status.HTTP_201_CREATED,
    response_model=ConsentView,
    responses=problems(NotFound, ConsentState),
)
async def cancel_consent_request(
    consent_id: ConsentId, database: DatabaseDep, consents: ConsentsDep, caller: ConsentRequesterDep
) -> dict[str, Any]:
    """Take back a request that was not answered yet; its link opens nothing any more."""
    async with database.begin(caller.tenant) as session:
        consent = await consents.cancel(session, caller, consent_id)
        await carried_out(session)
        return await _view(session, consents, consent)


@router.post(
    "/consents/{consent_id}/attestation",
    status_code=status.HTTP_201_CREATED,
    response_model=AttestedConsent,
    responses=problems(
        NotFound,
        AttestationForbidden,
        CounsellorNeeded,
        BilanNotOpen,
        ConsentState,
        NoticeChanged,
        DecisionMissing,
    ),
    openapi_extra={"x-secret-members": ["withdrawal_url"]},
)
async def attest_consent(
    consent_id: ConsentId,
    body: Attestation,
    request: Request,
    database: DatabaseDep,
    bilans: BilansDep,
    consents: ConsentsDep,
    links: LinksDep,
    caller: ConsentRequesterDep,
) -> dict[str, Any]:
    """Record what the person decided on paper or aloud, attested by their counsellor.

    Off unless the deployment allows it. The centre's channel confirms it to the person, with
    `withdrawal_url`: the event `consent.confirmation_due` asks for that.
    """
    settings = request.app.state.settings
    async with database.begin(caller.tenant) as session:
        asked = await consents.find(session, caller.tenant, consent_id)
        if not settings.counsellor_attestation:
            raise AttestationForbidden(
                "Send the person the link; the operator decides whether a counsellor may attest "
                "(GATEWAY_COUNSELLOR_ATTESTATION)."
            )
        await bilans.open_for(session, caller, asked.bilan)
        decisions, explicit = attested(asked.grants, body)
        consent = await consents.attest(
            session,
            caller,
            consent_id,
            decisions,
            explicit,
            notice_sha256=body.notice_sha256,
            evidence={"document_sha256": body.document_sha256, "form": body.form},
        )
        await carried_out(session)
        view = await _view(session, consents, consent)
        if consent.status == ConsentStatus.AUTHORISED:
            secret = await links.issue_withdrawal(session, consent)
            base = settings.public_url.rstrip("/")
            view["withdrawal_url"] = f"{base}/consent/withdrawal/#{secret}"
    return view


@router.get("/consents/{consent_id}/receipt", responses=problems(NotFound, ConsentState))
async def read_consent_receipt(
    consent_id: ConsentId, session: SessionDep, consents: ConsentsDep, caller: ConsentUserDep
) -> ConsentReceipt:
    """Return the person's proof of what they agreed to, signed."""
    consent = await consents.find(session, caller.tenant, consent_id)
    places = await consents.log_places(session, [consent])
    return ConsentReceipt(receipt=consents.receipt(consent, places.get(consent.id)))
