"""Consents: asked for and withdrawn by the centre, given by the beneficiary alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Request, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import ConsentRequesterDep, ConsentUserDep
from gateway.consents.rules import ConsentStatus, Decision
from gateway.consents.vocabulary import vocabulary
from gateway.edge.idempotency import IdempotentRoute
from gateway.problems import (
    ConsentBinding,
    ConsentExpired,
    ConsentNotAuthorised,
    ConsentRevoked,
    ConsentState,
    ConsentTokenTooLarge,
    ProcessingRestricted,
    VocabularyUnknown,
)
from gateway.tables import Consent
from gateway.wiring import BilansDep, ConsentsDep, DatabaseDep, PeopleDep, ServicesDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, BilanId, ConsentId, RecipientId, RecordId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["consent"], route_class=IdempotentRoute)
tokens = APIRouter(prefix="/v1", tags=["consent"])
"""Drawing a token creates nothing that a repeat could double, so it takes no Idempotency-Key."""

Slug = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Category = Annotated[str, Field(pattern=r"^[a-z_.]{1,40}$")]
Place = Annotated[str, Field(pattern=r"^([A-Z]{2}|EEA)$")]


class AskedGrant(BaseModel):
    """One purpose that the beneficiary is asked about."""

    model_config = ConfigDict(extra="forbid")

    purpose: Slug
    data_categories: list[Category] = Field(min_length=1, max_length=10)
    recipients: list[RecipientId] = Field(min_length=1, max_length=10)
    jurisdictions: list[Place] = Field(min_length=1, max_length=40)


class NewConsent(BaseModel):
    """What to ask a beneficiary."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    grants: list[AskedGrant] = Field(min_length=1, max_length=9)


class Grant(AskedGrant):
    """One purpose and what the beneficiary said to it; null while they have not answered."""

    decision: Decision | None = None


class Notice(BaseModel):
    """The notice that was shown, by version and digest."""

    id: str = Field(max_length=40)
    version: str = Field(max_length=40)
    lang: str = Field(max_length=5)
    sha256: str = Field(max_length=64)


class ConsentView(BaseModel):
    """A consent."""

    id: ConsentId
    beneficiary: BeneficiaryId
    bilan: BilanId
    status: ConsentStatus
    epoch: int = Field(ge=1)
    notice: Notice
    grants: list[Grant] = Field(max_length=9)
    legal_basis: str = Field(max_length=20)
    requested_at: AwareDatetime
    expires_at: AwareDatetime
    authorised_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    end_reason: str | None = Field(max_length=40)
    evidence_record: RecordId | None


class RequestedConsent(ConsentView):
    """A consent that was just asked for; `ceremony_url` is shown this once."""

    ceremony_url: str | None = Field(default=None, max_length=400)


class ConsentToken(BaseModel):
    """What travels beside the access token in `Consent-Token`."""

    consent_token: str = Field(max_length=4096)
    expires_in: int = Field(ge=1, le=600)


class ConsentReceipt(BaseModel):
    """The person's proof (JWS, `typ: consent-receipt+jwt`); not an access token."""

    receipt: str = Field(max_length=40_000)


class VocabularyEntry(BaseModel):
    """One word of the vocabulary, with what people read."""

    id: str = Field(max_length=40)
    fr: str = Field(max_length=200)
    en: str = Field(max_length=200)


class PurposeEntry(VocabularyEntry):
    """A purpose; `plain` is what the beneficiary reads."""

    plain: str = Field(max_length=400)


class CategoryEntry(VocabularyEntry):
    """A data category; `special` are those of GDPR art. 9."""

    special: bool


class VocabularyView(BaseModel):
    """The closed vocabulary of consent."""

    version: str = Field(max_length=40)
    purposes: list[PurposeEntry] = Field(max_length=50)
    data_categories: list[CategoryEntry] = Field(max_length=50)


def _members(consent: Consent, state: ConsentStatus) -> dict[str, Any]:
    return {
        "id": consent.id,
        "beneficiary": consent.beneficiary,
        "bilan": consent.bilan,
        "status": state,
        "epoch": consent.epoch,
        "notice": {
            "id": "bilan-ia",
            "version": consent.notice_version,
            "lang": "fr",
            "sha256": consent.notice_sha256,
        },
        "grants": consent.grants,
        "legal_basis": "consent",
        "requested_at": consent.requested_at,
        "expires_at": consent.expires_at,
        "authorised_at": consent.authorised_at,
        "ended_at": consent.ended_at,
        "end_reason": consent.end_reason,
        "evidence_record": consent.evidence_record,
    }


@router.get("/vocabulary")
async def read_vocabulary() -> VocabularyView:
    """Return the purposes and data categories that a consent can name."""
    words = vocabulary()
    return VocabularyView.model_validate(
        {
            "version": words.version,
            "purposes": list(words.purposes.values()),
            "data_categories": list(words.data_categories.values()),
        }
    )


@router.post(
    "/consents",
    status_code=status.HTTP_201_CREATED,
    response_model=RequestedConsent,
    responses=problems(NotFound, VocabularyUnknown),
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
    grants = [g.model_dump() for g in body.grants]
    async with database.begin(caller.tenant) as session:
        bilan = await bilans.find(session, caller.tenant, body.bilan)
        consent, secret = await consents.request(session, caller, bilan, grants, recipients)
    base = request.app.state.settings.public_url.rstrip("/")
    return {
        **_members(consent, ConsentStatus.AWAITING),
        "ceremony_url": f"{base}/consent/#{secret}",
    }


@router.get("/consents/{consent_id}", response_model=ConsentView, responses=problems(NotFound))
async def read_consent(
    consent_id: ConsentId, session: SessionDep, consents: ConsentsDep, caller: ConsentUserDep
) -> dict[str, Any]:
    """Return a consent as it stands now."""
    consent = await consents.find(session, caller.tenant, consent_id)
    return _members(consent, consents.status_now(consent))


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
    consents.cancel_in_flight(consent_id)
    return _members(consent, ConsentStatus(consent.status))


@tokens.post(
    "/consents/{consent_id}/token",
    responses=problems(
        NotFound,
        ConsentBinding,
        ConsentRevoked,
        ConsentExpired,
        ConsentNotAuthorised,
        ConsentTokenTooLarge,
        ProcessingRestricted,
    ),
)
async def draw_consent_token(
    consent_id: ConsentId,
    database: DatabaseDep,
    consents: ConsentsDep,
    people: PeopleDep,
    caller: ConsentUserDep,
) -> ConsentToken:
    """Draw a consent token; it never permits what the consent no longer permits."""
    async with database.begin(caller.tenant) as session:
        consent = await consents.find(session, caller.tenant, consent_id)
        # After the row was read: a restriction that commits in between raised its epoch.
        await people.require_unrestricted(session, caller.tenant, consent.beneficiary, ai=True)
    # Refused after the commit: an expiry that was first seen stays written down.
    drawn = consents.draw_token(caller, consent)
    return ConsentToken(consent_token=drawn.token, expires_in=drawn.expires_in)


@router.get("/consents/{consent_id}/receipt", responses=problems(NotFound))
async def read_consent_receipt(
    consent_id: ConsentId, session: SessionDep, consents: ConsentsDep, caller: ConsentUserDep
) -> ConsentReceipt:
    """Return the person's proof of what they agreed to, signed."""
    consent = await consents.find(session, caller.tenant, consent_id)
    return ConsentReceipt(receipt=consents.receipt(consent))
