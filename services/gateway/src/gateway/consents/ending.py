"""How a consent ends before its time: withdrawn, at once, by whoever may."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store
from gateway.consents.rules import ConsentStatus, Decision, granted
from gateway.consents.standing import Standing
from gateway.problems import ConsentState
from gateway.records.rules import Kind
from gateway.tables import Consent
from gateway.tenants.service import Caller


@dataclass(frozen=True, slots=True)
class Ending(Standing):
    """The verbs of withdrawal, and what makes drawn tokens stale."""

    async def withdraw(self, session: AsyncSession, caller: Caller, consent_id: str) -> Consent:
        """End a consent at once, on the person's behalf; what is in flight is cancelled after.

        Raises:
            NotFound: nobody gave this consent.
            ConsentState: it ended earlier; the first end keeps its date.
        """
        consent = await self._locked(session, caller.tenant, consent_id)
        if self.status_now(consent) is not ConsentStatus.AUTHORISED:
            raise ConsentState("Only an authorised consent can be withdrawn.")
        await self._revoke(session, consent, caller)
        return consent

    async def withdraw_one(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        """End one consent at once, by the beneficiary's own act.

        Raises:
            NotFound: nobody gave this consent.
            ConsentState: it ended earlier; the first end keeps its date.
        """
        consent = await self._locked(session, tenant, consent_id)
        if self.status_now(consent) is not ConsentStatus.AUTHORISED:
            raise ConsentState("Only an authorised consent can be withdrawn.")
        await self._revoke(session, consent, None)
        return consent

    async def narrow(
        self,
        session: AsyncSession,
        tenant: str,
        consent_id: str,
        purpose: str,
        *,
        caller: Caller | None = None,
    ) -> Consent:
        """Take one purpose out of a consent, at once; without any left the consent is over.

        Raises:
            NotFound: nobody gave this consent.
            ConsentState: it ended, or the purpose is not granted (any more).
        """
        consent = await self._locked(session, tenant, consent_id)
        if self.status_now(consent) is not ConsentStatus.AUTHORISED:
            raise ConsentState("Only an authorised consent can be withdrawn.")
        if purpose not in {g["purpose"] for g in granted(consent.grants)}:
            raise ConsentState("This purpose is not granted: there is nothing to withdraw.")
        consent.grants = [
            {**g, "decision": str(Decision.WITHDRAWN)} if g["purpose"] == purpose else g
            for g in consent.grants
        ]
        if granted(consent.grants):
            consent.epoch += 1
            observed = {"withdrawn_by": _who(caller), "withdrawn_purposes": [purpose]}
            await self._record(session, consent, Kind.CONSENT_NARROWED, caller, observed)
        else:
            await self._revoke(session, consent, caller)
        return consent

    async def withdraw_all(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> tuple[str, ...]:
        """End every consent of a beneficiary, by their own act; returns the ids that ended."""
        rows = await store.of_beneficiary(session, tenant, beneficiary, locked=True)
        standing = [row for row in rows if row.status == ConsentStatus.AUTHORISED]
        for consent in standing:
            if self.status_now(consent) is ConsentStatus.EXPIRED:
                await self._expire(session, consent)
            else:
                await self._revoke(session, consent, None)
        return tuple(consent.id for consent in standing)

    async def _revoke(self, session: AsyncSession, consent: Consent, caller: Caller | None) -> None:
        by = _who(caller)
        consent.status = str(ConsentStatus.REVOKED)
        consent.epoch += 1
        consent.ended_at, consent.end_reason = self.now(), f"withdrawn_by_{by}"
        await self._record(session, consent, Kind.CONSENT_REVOKED, caller, {"withdrawn_by": by})

    async def raise_epochs(
        self, session: AsyncSession, tenant: str, **concerned: str
    ) -> tuple[str, ...]:
        """Make every token that was drawn on these consents stale; returns their ids.

        Restriction, objection, closing and suspension stop AI at once by this, in their own
        transaction, under the lock that the gate takes. `concerned` is `beneficiary=` or `bilan=`;
        without it, all of the tenant's. What runs on them is cancelled after the commit.
        """
        rows = await store.standing(session, tenant, **concerned)
        for consent in rows:
            consent.epoch += 1
        await session.flush()
        return tuple(consent.id for consent in rows)

    def cancel_in_flight(self, consent_id: str) -> None:
        """Stop the calls that run on a consent; called once its withdrawal is committed."""
        self.in_flight.cancel(consent_id)


def _who(caller: Caller | None) -> str:
    """Name the role that withdraws (section 2.1); nobody calls for the beneficiary."""
    if caller is None:
        return "beneficiary"
    return "tenant" if caller.counsellor is None else "counsellor"
