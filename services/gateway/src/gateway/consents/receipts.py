"""The person's proof of what they agreed to (profile section 2.3)."""

from dataclasses import dataclass

from gateway.consents.standing import Standing
from gateway.tables import Consent
from keel.clock import rfc3339
from keel.tokens import new_jti

_RECEIPT = "consent-receipt+jwt"


@dataclass(frozen=True, slots=True)
class Receipts(Standing):
    """The verb of receipts."""

    def receipt(self, consent: Consent) -> str:
        """Return the person's proof: a signed copy of the consent and the exact notice.

        It is a proof, not an access token (ISO/IEC TS 27560).
        """
        claims = {
            "iss": self.issuer,
            "sub": consent.beneficiary,
            "iat": int(self.now().timestamp()),
            "jti": new_jti(),
            "consent": {
                "id": consent.id,
                "tenant": consent.tenant,
                "status": self.status_now(consent),
                "epoch": consent.epoch,
                "grants": consent.grants,
                "legal_basis": "consent",
                "authorised_at": consent.authorised_at and rfc3339(consent.authorised_at),
                "expires_at": rfc3339(consent.expires_at),
                "evidence_record": consent.evidence_record,
            },
            "notice": {
                "id": "bilan-ia",
                "version": consent.notice_version,
                "lang": "fr",
                "sha256": consent.notice_sha256,
                "text": consent.notice_text,
            },
        }
        return self.keyring.receipt.sign(_RECEIPT, claims)
