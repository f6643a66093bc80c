"""How a consent stands, and what is written down when that changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store
from gateway.consents.rules import ConsentStatus, Held
from gateway.events.service import EventKind, Events
from gateway.gate.flight import InFlight
from gateway.keyring import Keyring
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import Consent
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.problems import NotFound

_EVENTS = {
    Kind.CONSENT_AUTHORISED: EventKind.CONSENT_AUTHORISED,
    Kind.CONSENT_REJECTED: EventKind.CONSENT_REJECTED,
    Kind.CONSENT_NARROWED: EventKind.CONSENT_NARROWED,
    Kind.CONSENT_REVOKED: EventKind.CONSENT_REVOKED,
    Kind.CONSENT_EXPIRED: EventKind.CONSENT_EXPIRED,
}


def held(row: Consent) -> Held:
    """Return the row as the rules read it."""
    return Held(ConsentStatus(row.status), row.epoch, row.expires_at, row.grants)


@dataclass(frozen=True, slots=True)
class Standing:
    """What every verb of consent stands on; the verbs themselves are beside it, by subject."""

    records: Records
    events: Events
    keyring: Keyring
    in_flight: InFlight
    issuer: str
    validity: timedelta
    ceremony_validity: timedelta
    token_lifetime: timedelta
    now: Callable[[], datetime] = utc_now

    async def find(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        """Return a consent of the tenant, or raise `NotFound`.

        An expiry that is first seen here is written down in the caller's transaction.
        """
        consent = await store.find(session, tenant, consent_id)
        if consent is None:
            raise NotFound
        return await self._see_expiry(session, consent)

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> list[Consent]:
        """Return every consent of a beneficiary, oldest first, as they stand now."""
        rows = await store.of_beneficiary(session, tenant, beneficiary)
        return [await self._see_expiry(session, row) for row in rows]

    async def _locked(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        consent = await store.find(session, tenant, consent_id, locked=True)
        if consent is None:
            raise NotFound
        return consent

    def status_now(self, consent: Consent) -> ConsentStatus:
        """Return the state as of now: expiry needs no job to take effect."""
        status = ConsentStatus(consent.status)
        if status is ConsentStatus.AUTHORISED and self.now() >= consent.expires_at:
            return ConsentStatus.EXPIRED
        if status is ConsentStatus.AWAITING and self.now() >= consent.ceremony_ends_at:
            return ConsentStatus.LAPSED
        return status

    async def _expire(self, session: AsyncSession, consent: Consent) -> None:
        """Write down an expiry that is first seen (section 7.1); the caller holds the row."""
        consent.status = str(ConsentStatus.EXPIRED)
        consent.ended_at, consent.end_reason = consent.expires_at, "expired"
        observed = {"expired_at": rfc3339(consent.expires_at)}
        await self._record(session, consent, Kind.CONSENT_EXPIRED, None, observed)

    async def _see_expiry(self, session: AsyncSession, seen: Consent) -> Consent:
        if not self._expiry_is_new(seen):
            return seen
        consent = await self._locked(session, seen.tenant, seen.id)
        if self._expiry_is_new(consent):  # nobody wrote it while we waited for the row
            await self._expire(session, consent)
        return consent

    def _expiry_is_new(self, consent: Consent) -> bool:
        return (
            consent.status == ConsentStatus.AUTHORISED
            and self.status_now(consent) is ConsentStatus.EXPIRED
        )

    async def _record(
        self,
        session: AsyncSession,
        consent: Consent,
        kind: Kind,
        caller: Caller | None,
        body: Mapping[str, Any] | None = None,
    ) -> str:
        """Write a record of a consent; without a caller, the beneficiary or the clock acted."""
        observed = {
            "notice_version": consent.notice_version,
            "notice_sha256": consent.notice_sha256,
            "purposes": {g["purpose"]: g.get("decision", "asked") for g in consent.grants},
            **(body or {}),
        }
        fact = Fact(
            kind,
            consent.tenant,
            observed,
            beneficiary=consent.beneficiary,
            bilan=consent.bilan,
            client=None if caller is None else caller.client,
            counsellor=None if caller is None else caller.counsellor,
            consent=consent.id,
            consent_epoch=consent.epoch,
        )
        event = _EVENTS.get(kind)
        if event is not None:
            await self.events.emit(
                session,
                consent.tenant,
                event,
                consent=consent.id,
                beneficiary=consent.beneficiary,
                bilan=consent.bilan,
            )
        return await self.records.write(session, fact)
