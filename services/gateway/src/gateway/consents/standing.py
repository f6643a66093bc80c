"""How a consent stands, and what is written down when that changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from gateway.consents import store
from gateway.consents.rules import ConsentStatus, EndReason, Held
from gateway.edge.listing import cut
from gateway.events.service import EventKind, Events
from gateway.gate.flight import InFlight
from gateway.keyring import Keyring
from gateway.records.rules import Actor, Fact, Kind
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
    Kind.CONSENT_SUPERSEDED: EventKind.CONSENT_SUPERSEDED,
}


def held(row: Consent) -> Held:
    """Return the row as the rules read it."""
    return Held(ConsentStatus(row.status), row.epoch, row.expires_at, row.grants)


@dataclass(frozen=True, slots=True)
class Standing:
    """What every verb of consent stands on; the verbs themselves are beside it, by subject.

    Where a verb takes a caller, None means that the beneficiary acts, or the clock.
    """

    records: Records
    events: Events
    keyring: Keyring
    in_flight: InFlight
    issuer: str
    validity: timedelta
    ceremony_validity: timedelta
    token_lifetime: timedelta
    log_origin: str
    now: Callable[[], datetime] = utc_now

    async def find(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        """Return a consent of the tenant, or raise `NotFound`.

        An end that is first seen here is written down in the caller's transaction.
        """
        consent = await store.find(session, tenant, consent_id)
        if consent is None:
            raise NotFound
        return await self._see_its_end(session, consent)

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> list[Consent]:
        """Return every consent of a beneficiary, oldest first, as they stand now."""
        rows = await store.of_beneficiary(session, tenant, beneficiary)
        return [await self._see_its_end(session, row) for row in rows]

    async def listed(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        after: str | None,
        limit: int,
        status: ConsentStatus | None = None,
        **concerned: str,
    ) -> tuple[list[Consent], str | None]:
        """Return a page of the tenant's consents as they stand now, and the next cursor.

        `concerned` is `beneficiary=`, `bilan=`, both or neither.
        """
        at = self.now()
        query = store.of_tenant(tenant, status, at=at, after=after, limit=limit, **concerned)
        rows, cursor = cut((await session.scalars(query)).all(), limit)
        return [await self._see_its_end(session, row) for row in rows], cursor

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
        self._end(consent, ConsentStatus.EXPIRED, EndReason.EXPIRED, consent.expires_at)
        observed = {"expired_at": rfc3339(consent.expires_at)}
        await self._record(
            session, consent, Kind.CONSENT_EXPIRED, None, observed, actor=Actor.SYSTEM
        )

    async def _lapse(self, session: AsyncSession, consent: Consent) -> None:
        """Write down that a link was not used in time; the caller holds the row."""
        self._end(consent, ConsentStatus.LAPSED, EndReason.LAPSED, consent.ceremony_ends_at)
        await self._tell(session, consent, EventKind.CONSENT_LAPSED)

    async def see_ends(self, session: AsyncSession) -> None:
        """Write down the ends that the clock brought in the session's tenant and nobody saw.

        They hold without it (`status_now`); it is for those who wait to be told. Some at a time,
        in the order of ids, in which everybody locks several.
        """
        for consent in (await session.scalars(store.over_by(self.now()))).all():
            await self._see_its_end(session, consent)

    async def _see_its_end(self, session: AsyncSession, seen: Consent) -> Consent:
        """Write down an end that the clock brought and nobody saw yet."""
        if not self._end_is_new(seen):
            return seen
        consent = await self._locked(session, seen.tenant, seen.id)
        if self._end_is_new(consent):  # nobody wrote it while we waited for the row
            await self._write_end(session, consent)
        return consent

    def _end_is_new(self, consent: Consent) -> bool:
        return self.status_now(consent) != consent.status

    async def _write_end(self, session: AsyncSession, consent: Consent) -> None:
        if self.status_now(consent) is ConsentStatus.EXPIRED:
            await self._expire(session, consent)
        else:
            await self._lapse(session, consent)

    @staticmethod
    def _end(consent: Consent, status: ConsentStatus, reason: EndReason, at: datetime) -> None:
        consent.status, consent.end_reason = str(status), str(reason)
        consent.ended_at = at

    def _raise_epoch(self, session: AsyncSession, consent: Consent) -> None:
        """Make every token that was drawn stale; what runs on them stops after the commit."""
        consent.epoch += 1
        consent_id, epoch = consent.id, consent.epoch

        def stop(committed: Session) -> None:
            # The release of a savepoint is called a commit too, and is not seen by anybody else.
            if not committed.in_nested_transaction():
                self.in_flight.cancel(consent_id, before=epoch)

        event.listen(session.sync_session, "after_commit", stop)

    async def _record(
        self,
        session: AsyncSession,
        consent: Consent,
        kind: Kind,
        caller: Caller | None,
        body: Mapping[str, Any] | None = None,
        *,
        actor: Actor | None = None,
    ) -> str:
        """Write a record of a consent; `actor` says who acts where nobody calls."""
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
            actor=actor if caller is None else None,
        )
        told = _EVENTS.get(kind)
        if told is not None:
            await self._tell(session, consent, told)
        return await self.records.write(session, fact)

    async def _tell(self, session: AsyncSession, consent: Consent, kind: EventKind) -> None:
        await self.events.emit(
            session,
            consent.tenant,
            kind,
            consent=consent.id,
            beneficiary=consent.beneficiary,
            bilan=consent.bilan,
        )
