"""The beneficiary's answer: the ceremony and its evidence."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import notice, store
from gateway.consents.ending import Ending
from gateway.consents.rules import (
    ConsentStatus,
    Decision,
    EndReason,
    Explicit,
    Method,
    decided,
    end_of,
    explicit_asked,
    granted,
)
from gateway.problems import CeremonyCodeNeeded, CeremonyUnknown, ConsentState, NoticeChanged
from gateway.records.rules import Actor, Kind
from gateway.tables import Consent
from gateway.tenants import doors
from gateway.tenants import store as tenant_store
from gateway.tenants.rules import secret_digest
from gateway.tenants.service import Caller
from keel.clock import rfc3339
from keel.problems import NotFound
from keel.sealing import seal, unseal

OBSERVABLE = frozenset(("second_factor", "user_agent_family", "document_sha256", "form"))
"""What may be kept of how a decision was made, beside the decision. No IP address is among it."""


@dataclass(frozen=True, slots=True)
class Deciding(Ending):
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
        *,
        explicit: Explicit | None = None,
        validity: timedelta | None = None,
        method: Method = Method.PAGE,
        evidence: Mapping[str, str] | None = None,
        attested_by: Caller | None = None,
    ) -> Consent:
        """Record the beneficiary's decision and its evidence.

        `explicit` are the separate acts on special categories: without one the category is left
        out. `validity` is a shorter one that the person chose. `evidence` says how it was decided
        (`OBSERVABLE`). What older consents of the bilan allowed gives way, purpose by purpose, to a
        refusal too: whoever refuses everything takes back what they granted before.

        Raises:
            NotFound: nobody was asked for this consent.
            ConsentState: it was decided before, or withdrawn by the centre.
            NoticeChanged: another notice was read than the one on record.
            CeremonyCodeNeeded: the tenant's policy asks for a code, and none was typed.
        """
        consent, others = await self._hold(session, tenant, consent_id)
        if self.status_now(consent) is not ConsentStatus.AWAITING:
            raise ConsentState("This request was answered before, or is no longer open.")
        if notice_sha256 != consent.notice_sha256:
            raise NoticeChanged("Read the notice again before you decide.")
        if method is Method.PAGE and await self.asks_for_code(session, tenant):
            raise CeremonyCodeNeeded("Type the code that the centre's channel hands to you.")
        at, asked = self.now(), consent.grants
        consent.grants = decided(asked, decisions, explicit)
        consent.ceremony_used_at, consent.method = at, str(method)
        if granted(consent.grants):
            length = timedelta(seconds=consent.validity_seconds)
            consent.status, consent.authorised_at = str(ConsentStatus.AUTHORISED), at
            consent.expires_at = end_of(at, length, validity)
            kind = Kind.CONSENT_AUTHORISED
        else:
            self._end(consent, ConsentStatus.REJECTED, EndReason.REFUSED, at)
            kind = Kind.CONSENT_REJECTED
        observed = _observed(consent, asked, explicit or {}, evidence or {}, at)
        consent.evidence = await self._sealed(session, consent, observed)
        body = {"method": consent.method}
        consent.evidence_record = await self._record(
            session, consent, kind, attested_by, body, actor=Actor.BENEFICIARY
        )
        await self._replace(session, consent, others)
        return consent

    async def asks_for_code(self, session: AsyncSession, tenant: str) -> bool:
        """Say whether the tenant's policy wants a one-time code before a decision."""
        found = await tenant_store.find_tenant(session, tenant)
        return found is not None and found.ceremony_code

    async def _hold(
        self, session: AsyncSession, tenant: str, consent_id: str
    ) -> tuple[Consent, list[Consent]]:
        """Lock every consent of the person, in the order of ids; return the one and the others."""
        seen = await store.find(session, tenant, consent_id)
        if seen is None:
            raise NotFound
        rows = await store.of_beneficiary(session, tenant, seen.beneficiary, locked=True)
        (consent,) = (row for row in rows if row.id == consent_id)
        return consent, [row for row in rows if row.id != consent_id and row.bilan == seen.bilan]

    async def _replace(
        self, session: AsyncSession, consent: Consent, others: list[Consent]
    ) -> None:
        """Let the latest decision on each purpose win over what the bilan's consents said."""
        purposes = {g["purpose"] for g in consent.grants}
        for older in others:
            if self._end_is_new(older):
                await self._write_end(session, older)
            elif older.status == ConsentStatus.AUTHORISED:
                await self._give_way(session, older, consent, purposes)

    async def _sealed(
        self, session: AsyncSession, consent: Consent, observed: Mapping[str, Any]
    ) -> bytes:
        key = await self.records.key_of(session, consent.tenant, consent.beneficiary)
        return seal(key, json.dumps(observed).encode(), f"{consent.tenant}|{consent.id}")

    async def evidence_of(self, session: AsyncSession, consent: Consent) -> dict[str, Any] | None:
        """Return what is kept of how a consent was decided; None before, and after an erasure."""
        key = await self.records.keys.find(session, consent.tenant, consent.beneficiary)
        if key is None or consent.evidence is None:
            return None
        opened = unseal(key, consent.evidence, f"{consent.tenant}|{consent.id}")
        evidence: dict[str, Any] = json.loads(opened)
        return evidence


def _observed(
    consent: Consent,
    asked: list[dict[str, Any]],
    explicit: Explicit,
    evidence: Mapping[str, str],
    at: datetime,
) -> dict[str, Any]:
    """Return the evidence record of profile section 2.2."""
    unknown = set(evidence) - OBSERVABLE
    if unknown:
        raise ValueError(f"evidence that nobody may keep: {', '.join(sorted(unknown))}")
    attested = consent.method == Method.ATTESTED
    return {
        "notice_sha256": consent.notice_sha256,
        "notice_version": consent.notice_version,
        "lang": notice.LANGUAGE,
        "decisions": {g["purpose"]: g["decision"] for g in consent.grants},
        "explicit_decisions": [
            {
                "purpose": purpose,
                "category": category,
                "decision": str(explicit.get(purpose, {}).get(category, Decision.REFUSED)),
            }
            for purpose, category in explicit_asked(asked)
        ],
        "at": rfc3339(at),
        "expires_at": rfc3339(consent.expires_at),
        "method": consent.method,
        "ceremony": consent.ceremony,
        "ceremony_secret_sha256": consent.ceremony_sha256.hex(),
        "actor": "counsellor" if attested else "beneficiary",
        "second_factor": "code" if consent.method == Method.PAGE_AND_CODE else "none",
        **evidence,
    }
