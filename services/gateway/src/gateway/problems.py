"""Every way the gateway can say no (`consent-and-log` profile, section 5)."""

from keel.problems import Problem


class TokenMissing(Problem):
    """No access token came with the request."""

    code = "token_missing"
    title = "An access token is needed"
    status = 401


class TokenInvalid(Problem):
    """The access token is not one of ours, or its client or tenant is no longer active."""

    code = "token_invalid"
    title = "The access token is not valid"
    status = 401


class TokenHasExpired(Problem):
    """The access token's time is over."""

    code = "token_expired"
    title = "The access token has expired"
    status = 401


class ClientRefused(Problem):
    """The client id or its secret is wrong."""

    code = "invalid_client"
    title = "The client is not known, or its secret is wrong"
    status = 401


class TokenRequestRefused(Problem):
    """A parameter is missing, repeated or malformed, or two ways to authenticate came at once."""

    code = "invalid_request"
    title = "The request is not one of OAuth 2.0"
    status = 400


class ProofRefused(Problem):
    """A client that binds its tokens to a key sent no proof that it holds one (RFC 9449)."""

    code = "invalid_dpop_proof"
    title = "There is no valid proof of the key"
    status = 400


class ScopeRefused(Problem):
    """A scope was asked that the client was not given."""

    code = "invalid_scope"
    title = "The client was not given this scope"
    status = 400


class SigningKeyMissing(Problem):
    """The key folder holds no current key for this use; an operator makes one."""

    code = "signing_key_missing"
    title = "There is no key to sign this with"
    status = 503


class KeyInUse(Problem):
    """The key signs now."""

    code = "key_in_use"
    title = "The key signs now"
    status = 409


class LogRefused(Problem):
    """What an operator asked of the log cannot be done; the detail says what to do."""

    code = "log_refused"
    title = "The log cannot do this now"
    status = 409


class ClientProof(Problem):
    """The client proves itself in another way than this verb changes."""

    code = "client_proof"
    title = "The client proves itself in another way"
    status = 409


class GrantTypeRefused(Problem):
    """Another grant type than client_credentials."""

    code = "unsupported_grant_type"
    title = "Only client_credentials is granted here"
    status = 400


class ConsentTokenMissing(Problem):
    """An assisted run needs the beneficiary's consent token."""

    code = "consent_token_missing"
    title = "A consent token is needed"
    status = 401


class ConsentTokenInvalid(Problem):
    """The consent token is not one of ours."""

    code = "consent_token_invalid"
    title = "The consent token is not valid"
    status = 401


class ConsentTokenHasExpired(Problem):
    """The consent token's time is over; the consent may still hold."""

    code = "consent_token_expired"
    title = "The consent token has expired"
    status = 401


class ScopeInsufficient(Problem):
    """The client may not do this."""

    code = "scope_insufficient"
    title = "The access token does not have the scope for this"
    status = 403


class CounsellorNeeded(Problem):
    """Content of a bilan is for its assigned counsellor (LR-A04)."""

    code = "counsellor_needed"
    title = "Only the assigned counsellor reads or writes the content of a bilan"
    status = 403


class SecrecyNoticeNeeded(Problem):
    """Content of a bilan is for a counsellor who accepted the secrecy notice (LR-A21)."""

    code = "secrecy_notice_needed"
    title = "The counsellor has not accepted the secrecy notice"
    status = 403


class SecrecyNoticeUnknown(Problem):
    """Another version of the secrecy notice than the one that is shown now."""

    code = "secrecy_notice_unknown"
    title = "This is not the version of the secrecy notice that is shown now"
    status = 422


class QualificationPeriod(Problem):
    """A qualification that would end before it began."""

    code = "qualification_period"
    title = "The qualification ends before it was obtained"
    status = 422


class CounsellorInactive(Problem):
    """The counsellor was deactivated."""

    code = "counsellor_inactive"
    title = "The counsellor is no longer active"
    status = 409


class LastCounsellor(Problem):
    """A bilan keeps at least one assigned counsellor."""

    code = "last_counsellor"
    title = "The bilan would be left without a counsellor"
    status = 409


class ProcessingRestricted(Problem):
    """The person restricted the processing of their data, or objected to AI (GDPR 18, 21)."""

    code = "processing_restricted"
    title = "The person stopped this processing of their data"
    status = 403


class RestrictionGround(Problem):
    """The law knows other grounds for this kind (GDPR 18(1), 21(1))."""

    code = "restriction_ground"
    title = "This ground does not belong to this kind of restriction"
    status = 422


class RestrictionOfThePerson(Problem):
    """The person stopped it on their own page; they alone lift it (GDPR 18, 21)."""

    code = "restriction_of_the_person"
    title = "The person imposed this themselves, and they alone lift it"
    status = 409


class BeneficiaryErased(Problem):
    """The person is erased, or is being erased (GDPR 17); nothing new comes to be about them."""

    code = "beneficiary_erased"
    title = "The person was erased"
    status = 410


class ReferenceTaken(Problem):
    """The tenant has a person under this reference."""

    code = "reference_taken"
    title = "There is a person of this reference already"
    status = 409


class ConsentRevoked(Problem):
    """The beneficiary took the consent back."""

    code = "consent_revoked"
    title = "The consent was withdrawn"
    status = 403


class ConsentExpired(Problem):
    """The consent's time is over."""

    code = "consent_expired"
    title = "The consent has expired"
    status = 403


class ConsentStale(Problem):
    """The consent changed after this token was drawn."""

    code = "consent_stale"
    title = "The consent changed since this token was drawn"
    status = 403


class ConsentNotAuthorised(Problem):
    """The beneficiary has not agreed (yet)."""

    code = "consent_not_authorised"
    title = "The consent is not authorised"
    status = 403


class ConsentBinding(Problem):
    """A consent token of another client, tenant or beneficiary than the object concerned."""

    code = "consent_binding"
    title = "This consent token belongs to another client, person or bilan"
    status = 403


class ConsentTokenTooLarge(Problem):
    """What the beneficiary agreed to does not fit into one consent token (4096 bytes)."""

    code = "consent_token_too_large"
    title = "The consent holds too much for one token"
    status = 422


class PurposeNotCovered(Problem):
    """The beneficiary did not agree to this purpose."""

    code = "purpose_not_covered"
    title = "The consent does not cover this purpose"
    status = 403


class CategoryNotCovered(Problem):
    """The data hold a category that the beneficiary did not agree to."""

    code = "category_not_covered"
    title = "The consent does not cover this category of data"
    status = 403


class RecipientNotCovered(Problem):
    """The beneficiary did not agree to this recipient."""

    code = "recipient_not_covered"
    title = "The consent does not cover this recipient"
    status = 403


class JurisdictionNotCovered(Problem):
    """The recipient processes where the beneficiary did not agree to."""

    code = "jurisdiction_not_covered"
    title = "The consent does not cover where this recipient processes"
    status = 403


class NoRoute(Problem):
    """No deployment may serve this call under policy, consent and capabilities."""

    code = "no_route"
    title = "No model may be used for this call"
    status = 403


class ConsentState(Problem):
    """The consent is not in a state from which this is possible."""

    code = "consent_state"
    title = "The consent does not allow this step any more"
    status = 409


class NoticeChanged(Problem):
    """The notice that was shown is not the one on record."""

    code = "notice_changed"
    title = "The notice changed while it was being read"
    status = 409


class CeremonyUnknown(Problem):
    """The link is unknown, used or too old."""

    code = "link_unknown"
    title = "This link does not open anything"
    status = 404


class CeremonyCodeNeeded(Problem):
    """The tenant's policy asks for a one-time code before a decision (profile section 2.2, 3)."""

    code = "ceremony_code_needed"
    title = "A one-time code comes before the decision"
    status = 403


class TooManyCodes(Problem):
    """Too many one-time codes were asked for."""

    code = "too_many_codes"
    title = "Too many codes were asked for"
    status = 429


class ConsentCannotBeLengthened(Problem):
    """A consent's end moves towards the present only; a longer one is a new consent."""

    code = "consent_cannot_be_lengthened"
    title = "A consent can only be shortened"
    status = 422


class DecisionMissing(Problem):
    """Each purpose, and each special category of it, is decided by an act of its own."""

    code = "decision_missing"
    title = "A decision is missing, or is about something that was not asked"
    status = 422


class AttestationForbidden(Problem):
    """This deployment takes decisions from the person's own hand only (profile section 2.2)."""

    code = "attestation_forbidden"
    title = "A counsellor cannot attest a consent here"
    status = 403


class ExplicitConsentNeeded(Problem):
    """Special categories are asked for explicitly, each by a question of its own (GDPR art. 9)."""

    code = "explicit_consent_needed"
    title = "A special category of data needs an explicit question"
    status = 422


class VocabularyUnknown(Problem):
    """A purpose, category or recipient that is not in the published vocabulary."""

    code = "vocabulary_unknown"
    title = "A purpose, data category or recipient is not in the vocabulary"
    status = 422


class BilanNotOpen(Problem):
    """The bilan has no agreement yet, or is closed."""

    code = "bilan_not_open"
    title = "The bilan is not open"
    status = 409


class BilanBounds(Problem):
    """Hours outside the law's bounds (Code du travail L6313-4, R6313-4)."""

    code = "bilan_bounds"
    title = "The planned hours are outside the legal bounds"
    status = 422


class EmployerIsTenant(Problem):
    """The employer can never be the provider of the bilan (Code du travail R6313-5; LR-A11)."""

    code = "employer_is_tenant"
    title = "The employer cannot conduct the bilan"
    status = 422


class EmployerUnknown(Problem):
    """The employer's number is not a SIREN, or the funding asks for one that is not given."""

    code = "employer_unknown"
    title = "The employer's SIREN is missing or wrong"
    status = 422


class TenantSirenNeeded(Problem):
    """Without the centre's own SIREN nobody can tell that it is not the employer."""

    code = "tenant_siren_needed"
    title = "The centre's own SIREN is not on record"
    status = 409


class ConventionNotAsked(Problem):
    """This funding asks for no convention with the employer (LR-A19)."""

    code = "convention_not_asked"
    title = "This funding asks for no convention"
    status = 409


class ConventionNeeded(Problem):
    """Employer, worker and provider sign first (Code du travail R6313-8; LR-A17)."""

    code = "convention_needed"
    title = "The convention is not signed by all three"
    status = 409


class ConventionState(Problem):
    """The convention is not in a state from which this is possible."""

    code = "convention_state"
    title = "The convention does not allow this step"
    status = 409


class SignatureDate(Problem):
    """The day cannot be that of this signature or receipt."""

    code = "signature_date"
    title = "The day does not fit the signature"
    status = 422


class PhaseOrder(Problem):
    """The three phases come in their order (Code du travail R6313-4; LR-A08)."""

    code = "phase_order"
    title = "The bilan is in another phase"
    status = 409


class HoursExceeded(Problem):
    """Interviews would last longer than the planned hours."""

    code = "hours_exceeded"
    title = "The interviews would exceed the planned hours"
    status = 409


class PhaseAimsMissing(Problem):
    """A legal aim of the phase is not met (Code du travail R6313-4)."""

    code = "phase_aims_missing"
    title = "A legal aim of the phase is missing"
    status = 422


class CosignatureNeeded(Problem):
    """How the bilan is run is settled together (R6313-4, 1° c; LR-A09)."""

    code = "cosignature_needed"
    title = "The beneficiary's co-signature is needed"
    status = 422


class InterviewNeeded(Problem):
    """The conclusion needs an individual interview by a human (R6313-4, 3°; LR-A10)."""

    code = "interview_needed"
    title = "An individual interview is needed first"
    status = 409


class InterviewDate(Problem):
    """What is still to come, or was before the bilan, is not recorded as done in it."""

    code = "interview_date"
    title = "The day is still to come, or before the bilan starts"
    status = 422


class ReportNotSigned(Problem):
    """Only a signed version is handed over."""

    code = "report_not_signed"
    title = "This version of the report is not signed"
    status = 409


class ShareNotLive(Problem):
    """The person did not agree to the share, or it is over (Code du travail L6313-4)."""

    code = "share_not_live"
    title = "The share does not stand"
    status = 403


class SharePeriod(Problem):
    """A share ends within a year, and was asked for before it is recorded."""

    code = "share_period"
    title = "The days do not fit a share"
    status = 422


class AnswerState(Problem):
    """What was put to the person was answered before, or is over."""

    code = "answer_state"
    title = "It does not allow this step any more"
    status = 409


class AttestationIncomplete(Problem):
    """A counsellor attests a signed document by its digest."""

    code = "attestation_incomplete"
    title = "The attestation and its document belong together"
    status = 422


class RetentionRefused(Problem):
    """The law keeps nothing for this reason, or not for so long (R6313-7; LR-A14, A15)."""

    code = "retention_refused"
    title = "Nothing may be kept like this"
    status = 422


class DisclosureUnknown(Problem):
    """Only a published notice, shown word for word, counts as one (AI Act 50; LR-J10)."""

    code = "disclosure_unknown"
    title = "No notice was published under this id, version and digest"
    status = 422


class IncidentState(Problem):
    """An incident is opened and closed once, and not before it was known."""

    code = "incident_state"
    title = "The incident does not allow this step"
    status = 409


class HoldPeriod(Problem):
    """A legal hold has an end, and not just any (profile section 7.2)."""

    code = "hold_period"
    title = "A legal hold does not last like this"
    status = 422


class IdempotencyKeyNeeded(Problem):
    """A POST that creates or dispatches needs an Idempotency-Key."""

    code = "idempotency_key_needed"
    title = "An Idempotency-Key header is needed"
    status = 400


class IdempotencyConflict(Problem):
    """The key was used for another request; or its first is running, or its answer was lost."""

    code = "idempotency_conflict"
    title = "This Idempotency-Key was used for another request"
    status = 409


class RateLimited(Problem):
    """Too many requests in too short a time, or too many wrong secrets."""

    code = "rate_limited"
    title = "Too many requests in a short time"
    status = 429


class QuotaExceeded(Problem):
    """The contract's number for this month is used up."""

    code = "quota_exceeded"
    title = "The contract's quota for this month is used up"
    status = 429


class PreconditionNeeded(Problem):
    """An edit needs to say which state it was made on."""

    code = "precondition_needed"
    title = "An If-Match header is needed"
    status = 428


class PreconditionFailed(Problem):
    """The edit was made on a state that is gone."""

    code = "precondition_failed"
    title = "It changed since it was read"
    status = 412


class WebhookUrlRefused(Problem):
    """An address that nothing is sent to: not https, or not of the public Internet."""

    code = "webhook_url_refused"
    title = "Events are not sent to this address"
    status = 422


class WebhookEndpointsFull(Problem):
    """The tenant has as many endpoints as it may have."""

    code = "webhook_endpoints_full"
    title = "There are as many webhook endpoints as there may be"
    status = 409


class ModeNotAvailable(Problem):
    """The use case has no such mode."""

    code = "mode_not_available"
    title = "This use case has no such mode"
    status = 422


class InputNeeded(Problem):
    """The use case needs an input that the request does not give."""

    code = "input_needed"
    title = "The use case needs one more input"
    status = 422


class ModelFailed(Problem):
    """Every permitted attempt failed; nothing was stored."""

    code = "model_failed"
    title = "The model did not give a usable answer"
    status = 502


class RestorationFailed(Problem):
    """The person's own words could not be given back; the model's answer is not delivered."""

    code = "restoration_failed"
    title = "The answer could not be restored"
    status = 503


class RunCancelled(Problem):
    """The run was stopped: consent withdrawn, or stopped by a person."""

    code = "run_cancelled"
    title = "The run was stopped"
    status = 409


class RunNotReviewable(Problem):
    """The run has no result to review."""

    code = "run_not_reviewable"
    title = "There is no result to review"
    status = 409


class RunNotValidated(Problem):
    """A report is drafted from runs that the counsellor has accepted."""

    code = "run_not_validated"
    title = "A run has not been accepted by the counsellor"
    status = 409


class LogUnavailable(Problem):
    """The transparency log cannot be written, so nothing is sent (fail closed)."""

    code = "log_unavailable"
    title = "The transparency log cannot be written"
    status = 503
