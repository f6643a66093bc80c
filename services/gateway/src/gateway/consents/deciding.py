"""The beneficiary's answer: the ceremony and its evidence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store
from gateway.consents.rules import ConsentStatus, Decision, decided, granted
from gateway.consents.standing import Standing
from gateway.problems import CeremonyUnknown, ConsentState, NoticeChanged
from gateway.records.rules import Kind
from gateway.tables import Consent
from gateway.tenants import doors
from gateway.tenants.rules import secret_digest
from keel.clock import rfc3339
from keel.sealing import seal


@dataclass(frozen=True, slots=True)
class Deciding(Standing):
    """The verbs of a ceremony."""

    async def open_ceremony(self, session: AsyncSession, secret: str) -> Consent:
        """Return the consent that a link opens, for reading; nothing changes.

        Raises:
            CeremonyUnknown: unknown, used, or too old; the three look the same.
        """
        await doors.go_through(session, secret)
        consent = await store.find_by_ceremony(session, secret_digest(secret))
        if (
            consent is None
            or consent.ceremony_used_at is not None
            or consent.status != ConsentStatus.AWAITING
            or self.now() >= consent.ceremony_ends_at
        ):
            raise CeremonyUnknown("Ask your centre for a new link.")
        return consent

    async def decide(
        self,
        session: AsyncSession,
        tenant: str,
        consent_id: str,
        decisions: Mapping[str, Decision],
        notice_sha256: str,
    ) -> Consent:
        """Record the beneficiary's decision and its evidence.

        Raises:
            ConsentState: it was decided before, or withdrawn by the centre.
            NoticeChanged: another notice was read than the one on record.
        """
        consent = await self._locked(session, tenant, consent_id)
        at = self.now()
        if consent.status != ConsentStatus.AWAITING or at >= consent.ceremony_ends_at:
            raise ConsentState("This request was answered before, or is no longer open.")
        if notice_sha256 != consent.notice_sha256:
            raise NoticeChanged("Read the notice again before you decide.")
        consent.grants = decided(consent.grants, decisions)
        consent.ceremony_used_at = at
        accepted = bool(granted(consent.grants))
        consent.status = str(ConsentStatus.AUTHORISED if accepted else ConsentStatus.REJECTED)
        if accepted:
            consent.authorised_at = at
        else:
            consent.ended_at, consent.end_reason = at, "refused"
        kind = Kind.CONSENT_AUTHORISED if accepted else Kind.CONSENT_REJECTED
        consent.evidence = await self._evidence(session, consent, at)
        consent.evidence_record = await self._record(session, consent, kind, None)
        return consent

    async def _evidence(self, session: AsyncSession, consent: Consent, at: datetime) -> bytes:
        observed = {
            "notice_sha256": consent.notice_sha256,
            "lang": "fr",
            "decisions": {g["purpose"]: g["decision"] for g in consent.grants},
            "at": rfc3339(at),
            "method": "hosted_page",
            "ceremony": consent.ceremony,
            "ceremony_secret_sha256": consent.ceremony_sha256.hex(),
            "actor": "beneficiary",
        }
        key = await self.records.key_of(session, consent.tenant, consent.beneficiary)
        return seal(key, json.dumps(observed).encode(), f"{consent.tenant}|{consent.id}")
