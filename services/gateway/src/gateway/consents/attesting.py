"""A consent given on paper or aloud: read off the counsellor's attestation, and recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.deciding import Deciding
from gateway.consents.rules import ANSWERS, Decision, Explicit, Method, explicit_asked
from gateway.consents.shapes import Attestation
from gateway.events.service import EventKind
from gateway.problems import DecisionMissing
from gateway.tables import Consent
from gateway.tenants.service import Caller


def attested(
    grants: Sequence[Mapping[str, Any]], body: Attestation
) -> tuple[dict[str, Decision], dict[str, dict[str, Decision]]]:
    """Return the decisions and the explicit acts that a counsellor attests.

    Raises:
        DecisionMissing: not exactly one decision for each purpose, or an explicit act on something
            that was not asked.
    """
    decisions = {d.purpose: d.decision for d in body.decisions}
    acts = [(d.purpose, e.category, e.decision) for d in body.decisions for e in d.explicit]
    asked = [g["purpose"] for g in grants]
    once = sorted(d.purpose for d in body.decisions) == sorted(asked)
    answered = {*decisions.values(), *(decision for _, _, decision in acts)} <= ANSWERS
    named = {(purpose, category) for purpose, category, _ in acts}
    if not (once and answered and named <= set(explicit_asked(grants)) and len(named) == len(acts)):
        raise DecisionMissing(
            "Send `granted` or `refused` once for each purpose that was asked about, and for each "
            "special category of it that the person decided on."
        )
    explicit: dict[str, dict[str, Decision]] = {}
    for purpose, category, decision in acts:
        explicit.setdefault(purpose, {})[category] = decision
    return decisions, explicit


@dataclass(frozen=True, slots=True)
class Attesting(Deciding):
    """The verb of attesting."""

    async def attest(
        self,
        session: AsyncSession,
        caller: Caller,
        consent_id: str,
        decisions: Mapping[str, Decision],
        explicit: Explicit,
        *,
        notice_sha256: str,
        evidence: Mapping[str, str],
    ) -> Consent:
        """Record a decision made on paper or aloud; an event asks the centre to confirm it.

        Raises:
            ConsentState, NoticeChanged: as for a decision on the page.
        """
        consent = await self.decide(
            session,
            caller.tenant,
            consent_id,
            decisions,
            notice_sha256,
            explicit=explicit,
            method=Method.ATTESTED,
            evidence=evidence,
            attested_by=caller,
        )
        await self._tell(session, consent, EventKind.CONSENT_CONFIRMATION_DUE)
        return consent
