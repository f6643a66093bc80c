"""What consents look like on the wire."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.consents.rules import ConsentStatus, Decision, EndReason, Method
from keel.identifiers import BeneficiaryId, BilanId, ConsentId, RecipientId, RecordId, TenantId

Slug = Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")]
Category = Annotated[str, Field(pattern=r"^[a-z_.]{1,40}$")]
Place = Annotated[str, Field(pattern=r"^([A-Z]{2}|EEA)$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class AskedGrant(BaseModel):
    """One purpose that the beneficiary is asked about.

    `explicit` lets the grant name special categories; the person is asked about each by a question
    of its own (GDPR art. 9).
    """

    model_config = ConfigDict(extra="forbid")

    purpose: Slug
    data_categories: list[Category] = Field(min_length=1, max_length=10)
    recipients: list[RecipientId] = Field(min_length=1, max_length=10)
    jurisdictions: list[Place] = Field(min_length=1, max_length=40)
    explicit: bool = False


class NewConsent(BaseModel):
    """What to ask a beneficiary; `validity_days` counts from their answer."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId
    grants: list[AskedGrant] = Field(min_length=1, max_length=9)
    validity_days: int | None = Field(default=None, ge=1, le=365)
    renewal_of: ConsentId | None = None


class Grant(AskedGrant):
    """One purpose and what was said to it; null while the person has not answered."""

    decision: Decision | None = None


class Notice(BaseModel):
    """The notice that was shown, by version and digest."""

    id: str = Field(max_length=40)
    version: str = Field(max_length=40)
    lang: str = Field(max_length=5)
    sha256: str = Field(max_length=64)


class ConsentEvidence(BaseModel):
    """How the decision was made, and its transparency record; `log_index` once sequenced."""

    method: Method
    ceremony: str = Field(max_length=32)
    actor: str = Field(max_length=20)
    record: RecordId | None
    log_index: int | None = Field(ge=0)


class ConsentView(BaseModel):
    """A consent. While it awaits its answer, `expires_at` is its end if it were given at once."""

    id: ConsentId
    tenant: TenantId
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
    end_reason: EndReason | None
    evidence: ConsentEvidence | None
    renewal_of: ConsentId | None


class ConsentPage(BaseModel):
    """A page of consents."""

    items: list[ConsentView] = Field(max_length=200)
    next: ConsentId | None


class RequestedConsent(ConsentView):
    """A consent that was just asked for; `ceremony_url` is shown this once."""

    ceremony_url: str | None = Field(default=None, max_length=400)


class AttestedConsent(ConsentView):
    """A consent that a counsellor attested; `withdrawal_url` is the person's, shown this once."""

    withdrawal_url: str | None = Field(default=None, max_length=400)


class ConsentEnd(BaseModel):
    """An earlier end."""

    model_config = ConfigDict(extra="forbid")

    expires_at: AwareDatetime


class ExplicitDecision(BaseModel):
    """What was said to one special category, by an act of its own."""

    model_config = ConfigDict(extra="forbid")

    category: Category
    decision: Decision


class PurposeDecision(BaseModel):
    """What was said to one purpose."""

    model_config = ConfigDict(extra="forbid")

    purpose: Slug
    decision: Decision
    explicit: list[ExplicitDecision] = Field(default_factory=list, max_length=10)


class Attestation(BaseModel):
    """What a counsellor saw or heard; the signed paper stays with the centre, its digest here."""

    model_config = ConfigDict(extra="forbid")

    form: Literal["paper", "oral"]
    document_sha256: Sha256
    notice_sha256: Sha256
    decisions: list[PurposeDecision] = Field(min_length=1, max_length=9)


class NarrowerToken(BaseModel):
    """What a token is limited to; a side that is not named is as wide as the consent."""

    model_config = ConfigDict(extra="forbid")

    purposes: list[Slug] | None = Field(default=None, min_length=1, max_length=9)
    data_categories: list[Category] | None = Field(default=None, min_length=1, max_length=10)
    recipients: list[RecipientId] | None = Field(default=None, min_length=1, max_length=10)
    jurisdictions: list[Place] | None = Field(default=None, min_length=1, max_length=40)


class ConsentToken(BaseModel):
    """What travels beside the access token in `Consent-Token`."""

    consent_token: str = Field(max_length=4096)
    expires_in: int = Field(ge=1, le=600)


class ConsentReceipt(BaseModel):
    """The person's proof (JWS, `typ: consent-receipt+jwt`); not an access token."""

    receipt: str = Field(max_length=60_000)


class PlannedCall(BaseModel):
    """A call to a model that might be made: on one consent, or on the best one of a bilan."""

    model_config = ConfigDict(extra="forbid")

    bilan: BilanId | None = None
    consent: ConsentId | None = None
    purpose: Slug
    data_categories: list[Category] = Field(min_length=1, max_length=10)
    recipient: RecipientId


class MissingItem(BaseModel):
    """One thing that the call needs still: the code that it would be refused with."""

    code: str = Field(max_length=40)
    items: list[Annotated[str, Field(max_length=70)]] = Field(max_length=60)


class SimulationView(BaseModel):
    """Whether the call would be let out now, and everything that is missing when not."""

    allowed: bool
    missing: list[MissingItem] = Field(max_length=20)
    consent: ConsentId | None
    epoch: int | None = Field(ge=1)
    checked_at: AwareDatetime
