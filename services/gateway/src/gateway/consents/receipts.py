"""The person's proof of what they agreed to (profile section 2.3)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import notice, store
from gateway.consents.rules import ConsentStatus
from gateway.consents.standing import Standing
from gateway.consents.store import LogPlace
from gateway.problems import ConsentState
from gateway.tables import Consent
from keel.clock import rfc3339
from keel.tokens import new_jti

_RECEIPT = "consent-receipt+jwt"
SCHEMA = "bct-receipt/1"
"""How its members map to the standards: GET /v1/vocabulary/receipt-mapping."""


def consent_object(consent: Consent, state: ConsentStatus, log_index: int | None) -> dict[str, Any]:
    """Return the consent object of profile section 2, as every answer and the receipt show it."""
    return {
        "id": consent.id,
        "tenant": consent.tenant,
        "beneficiary": consent.beneficiary,
        "bilan": consent.bilan,
        "status": str(state),
        "epoch": consent.epoch,
        "notice": {
            "id": notice.ID,
            "version": consent.notice_version,
            "lang": notice.LANGUAGE,
            "sha256": consent.notice_sha256,
        },
        "grants": [{"explicit": False, "decision": None, **g} for g in consent.grants],
        "legal_basis": "consent",
        "requested_at": rfc3339(consent.requested_at),
        "expires_at": rfc3339(consent.expires_at),
        "authorised_at": consent.authorised_at and rfc3339(consent.authorised_at),
        "ended_at": consent.ended_at and rfc3339(consent.ended_at),
        "end_reason": consent.end_reason,
        "evidence": _evidence(consent, log_index),
        "renewal_of": consent.renewal_of,
    }


def _evidence(consent: Consent, log_index: int | None) -> dict[str, Any] | None:
    if consent.method is None:
        return None
    return {
        "method": consent.method,
        "ceremony": consent.ceremony,
        "actor": "counsellor" if consent.method == "counsellor_attested" else "beneficiary",
        "record": consent.evidence_record,
        "log_index": log_index,
    }


@dataclass(frozen=True, slots=True)
class Receipts(Standing):
    """The verbs of what a consent looks like, and of its proof."""

    def shown(self, consent: Consent, place: LogPlace | None = None) -> dict[str, Any]:
        """Return the consent object as it stands now."""
        log_index = None if place is None else place.index
        return consent_object(consent, self.status_now(consent), log_index)

    async def log_places(
        self, session: AsyncSession, consents: Iterable[Consent]
    ) -> Mapping[str, LogPlace]:
        """Return, by consent, where the record of its decision stands in the log, once it does."""
        return await store.log_places(session, [c for c in consents if c.evidence_record])

    def receipt(self, consent: Consent, place: LogPlace | None = None) -> str:
        """Return the person's proof: the signed consent object, the exact notice, and its record.

        `log.index` is null until the record is sequenced, and `log.origin` then the first one of
        this installation. It is a proof, not an access token (ISO/IEC TS 27560).

        Raises:
            ConsentState: nobody answered the request: there is nothing to prove.
        """
        if consent.method is None:
            raise ConsentState("A receipt proves an answer, and nobody answered this request.")
        shown = self.shown(consent, place)
        claims = {
            "iss": self.issuer,
            "sub": consent.beneficiary,
            "iat": int(self.now().timestamp()),
            "jti": new_jti(),
            "schema_version": SCHEMA,
            "jurisdiction": "FR",
            "withdrawal_method": f"{self.issuer}/me/",
            "retention": "end_of_bilan",
            "consent": shown,
            "notice": {**shown["notice"], "text": consent.notice_text},
            "log": {
                "origin": self.log_origin if place is None else place.origin,
                "record": consent.evidence_record,
                "index": None if place is None else place.index,
            },
        }
        return self.keyring.receipt.sign(_RECEIPT, claims)
