"""How a consent ends before its time, whole or in part: at once, by whoever may."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store
from gateway.consents.rules import ConsentStatus, Decision, EndReason, Method, granted, without
from gateway.consents.standing import Standing
from gateway.events.service import EventKind
from gateway.problems import ConsentCannotBeLengthened, ConsentState
from gateway.records.rules import Actor, Kind
from gateway.tables import Consent
from gateway.tenants.service import Caller
from keel.clock import rfc3339
from keel.problems import NotFound


@dataclass(frozen=True, slots=True)
class Ending(Standing):
    """The verbs of withdrawal, and what makes drawn tokens stale."""

    async def cancel(self, session: AsyncSession, caller: Caller, consent_id: str) -> Consent:
        """Take back a request that awaits its answer: the link opens nothing any more.

        Raises:
            NotFound: nobody was asked for this consent.
            ConsentState: it was answered, lapsed or cancelled before.
        """
        consent = await self._locked(session, caller.tenant, consent_id)
        if self.status_now(consent) is not ConsentStatus.AWAITING:
            raise ConsentState("Only a request that awaits its answer can be cancelled.")
        self._end(consent, ConsentStatus.CANCELLED, EndReason.CANCELLED_BY_TENANT, self.now())
        await self._tell(session, consent, EventKind.CONSENT_CANCELLED)
        return consent

    async def withdraw(self, session: AsyncSession, caller: Caller, consent_id: str) -> Consent:
        """End a consent at once, on the person's behalf; what is in flight is cancelled after.

        Raises:
            NotFound: nobody gave this consent.
            ConsentState: it ended earlier; the first end keeps its date.
        """
        consent = await self._authorised(session, caller.tenant, consent_id)
        await self._revoke(session, consent, caller, _withdrawn_by(caller))
        return consent

    async def withdraw_one(
        self,
        session: AsyncSession,
        tenant: str,
        consent_id: str,
        *,
        reason: EndReason = EndReason.WITHDRAWN_BY_BENEFICIARY,
        method: Method | None = None,
    ) -> Consent:
        """End one consent at once, by the beneficiary's own act; `method` is how they came in.

        `reason` says otherwise where an operator acts for them.

        Raises:
            NotFound: nobody gave this consent.
            ConsentState: it ended earlier; the first end keeps its date.
        """
        consent = await self._authorised(session, tenant, consent_id)
        await self._revoke(session, consent, None, reason, method)
        return consent

    async def withdraw_all(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        *,
        reason: EndReason = EndReason.WITHDRAWN_BY_BENEFICIARY,
        caller: Caller | None = None,
        method: Method | None = None,
    ) -> tuple[str, ...]:
        """End every consent of a beneficiary; returns the ids that ended.

        By their own act, unless `reason` and `caller` say otherwise (an erasure, an operator).
        """
        rows = await store.of_beneficiary(session, tenant, beneficiary, locked=True)
        standing = [row for row in rows if row.status == ConsentStatus.AUTHORISED]
        for consent in standing:
            if self.status_now(consent) is ConsentStatus.EXPIRED:
                await self._expire(session, consent)
            else:
                await self._revoke(session, consent, caller, reason, method)
        return tuple(consent.id for consent in standing)

    async def end_all(
        self,
        session: AsyncSession,
        consents: Sequence[Consent],
        *,
        reason: EndReason,
        caller: Caller | None = None,
    ) -> None:
        """End what stands and what awaits its answer, for good; the caller holds the rows.

        The end of a bilan and the erasure of a person do this: `reason` says which.
        """
        for consent in consents:
            if self._end_is_new(consent):
                await self._write_end(session, consent)
            elif consent.status == ConsentStatus.AUTHORISED:
                await self._revoke(session, consent, caller, reason)
            elif consent.status == ConsentStatus.AWAITING:
                self._end(consent, ConsentStatus.CANCELLED, reason, self.now())
                await self._tell(session, consent, EventKind.CONSENT_CANCELLED)

    async def narrow(
        self,
        session: AsyncSession,
        tenant: str,
        consent_id: str,
        purpose: str,
        *,
        caller: Caller | None = None,
        method: Method | None = None,
    ) -> Consent:
        """Take one purpose out of a consent, at once; without any left the consent is over.

        Raises:
            NotFound: nobody gave this consent, or it never asked about this purpose.
            ConsentState: it ended, or the purpose is not granted (any more).
        """
        consent = await self._authorised(session, tenant, consent_id)
        if purpose not in {g["purpose"] for g in consent.grants}:
            raise NotFound
        if purpose not in {g["purpose"] for g in granted(consent.grants)}:
            raise ConsentState("This purpose is not granted: there is nothing to withdraw.")
        await self._take_back(session, consent, (purpose,), caller, method)
        return consent

    async def _take_back(
        self,
        session: AsyncSession,
        consent: Consent,
        purposes: Collection[str],
        caller: Caller | None,
        method: Method | None,
    ) -> None:
        """Take granted purposes out of a consent that is held; without any left it is over."""
        consent.grants = without(consent.grants, purposes, Decision.WITHDRAWN)
        if granted(consent.grants):
            self._raise_epoch(session, consent)
            observed = {
                "withdrawn_by": _who(caller),
                "withdrawn_purposes": sorted(purposes),
                **_how(method),
            }
            acts = _actor(method)
            await self._record(
                session, consent, Kind.CONSENT_NARROWED, caller, observed, actor=acts
            )
        else:
            await self._revoke(session, consent, caller, _withdrawn_by(caller), method)

    async def shorten(
        self,
        session: AsyncSession,
        consent: Consent,
        expires_at: datetime,
        *,
        caller: Caller | None = None,
    ) -> Consent:
        """Let a consent, whose row the caller holds, end earlier; tokens never outlive it.

        Raises:
            ConsentState: it is not authorised (any more).
            ConsentCannotBeLengthened: the new end is later, or not in the future.
        """
        if self.status_now(consent) is not ConsentStatus.AUTHORISED:
            raise ConsentState("Only an authorised consent can be shortened.")
        expires_at = expires_at.replace(microsecond=0)
        if not self.now() < expires_at <= consent.expires_at:
            raise ConsentCannotBeLengthened(
                "The new end lies in the future and before the present one. For a longer consent "
                "ask for a new one with `renewal_of`; to end it now, withdraw it."
            )
        if expires_at != consent.expires_at:
            consent.expires_at = expires_at
            observed = {"shortened_by": _who(caller), "expires_at": rfc3339(expires_at)}
            await self._record(
                session, consent, Kind.CONSENT_NARROWED, caller, observed, actor=_actor(None)
            )
        return consent

    async def find_for_edit(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        """Return a consent whose row is held to the end of the transaction, or `NotFound`."""
        return await self._locked(session, tenant, consent_id)

    async def _authorised(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        consent = await self._locked(session, tenant, consent_id)
        if self.status_now(consent) is not ConsentStatus.AUTHORISED:
            raise ConsentState("Only an authorised consent can be withdrawn.")
        return consent

    async def _revoke(
        self,
        session: AsyncSession,
        consent: Consent,
        caller: Caller | None,
        reason: EndReason,
        method: Method | None = None,
    ) -> None:
        self._end(consent, ConsentStatus.REVOKED, reason, self.now())
        self._raise_epoch(session, consent)
        who = "operator" if reason is EndReason.WITHDRAWN_BY_OPERATOR else _who(caller)
        observed = {"withdrawn_by": who, "end_reason": str(reason), **_how(method)}
        by_themselves = reason is EndReason.WITHDRAWN_BY_BENEFICIARY
        acts = _actor(method) if by_themselves else None
        await self._record(session, consent, Kind.CONSENT_REVOKED, caller, observed, actor=acts)

    async def _give_way(
        self, session: AsyncSession, older: Consent, to: Consent, decided: Collection[str]
    ) -> None:
        """Let an older consent lose the purposes that a newer one decided again; both are held.

        Where the newer one was refused whole it replaces nothing: that is a withdrawal.
        """
        given = {g["purpose"] for g in granted(older.grants)}
        if to.status == ConsentStatus.REJECTED:
            refused = given & set(decided)
            if refused:
                how = None if to.method is None else Method(to.method)
                await self._take_back(session, older, refused, None, how)
            return
        gone = given if to.renewal_of == older.id else given & set(decided)
        if not gone:
            return
        older.grants = without(older.grants, gone, Decision.SUPERSEDED)
        self._raise_epoch(session, older)
        observed = {"superseded_by": to.id, "superseded_purposes": sorted(gone)}
        kind = Kind.CONSENT_NARROWED
        if gone == given:
            kind = Kind.CONSENT_SUPERSEDED
            self._end(older, ConsentStatus.SUPERSEDED, EndReason.SUPERSEDED, self.now())
        acts = _actor(None if to.method is None else Method(to.method))
        await self._record(session, older, kind, None, observed, actor=acts)

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
            self._raise_epoch(session, consent)
        await session.flush()
        return tuple(consent.id for consent in rows)


def _who(caller: Caller | None) -> str:
    """Name the role that acts (section 2.1); nobody calls for the beneficiary."""
    if caller is None:
        return "beneficiary"
    return "tenant" if caller.counsellor is None else "counsellor"


def _actor(method: Method | None) -> Actor | None:
    """Say who acts where nobody calls: the person, unless a counsellor attests what they said."""
    return None if method is Method.ATTESTED else Actor.BENEFICIARY


def _how(method: Method | None) -> dict[str, str]:
    """Say how the person came in; nothing where they did not act themselves."""
    return {} if method is None else {"method": str(method)}


def _withdrawn_by(caller: Caller | None) -> EndReason:
    return EndReason(f"withdrawn_by_{_who(caller)}")
