"""The verbs of consent: request, decide, withdraw, draw a token, write a receipt."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import notice, store
from gateway.consents.flight import InFlight
from gateway.consents.rules import (
    ConsentStatus,
    Decision,
    Held,
    Refusal,
    decided,
    granted,
    row_refusal,
)
from gateway.consents.vocabulary import vocabulary
from gateway.events.service import EventKind, Events
from gateway.keyring import Keyring
from gateway.problems import (
    CeremonyUnknown,
    ConsentBinding,
    ConsentExpired,
    ConsentNotAuthorised,
    ConsentRevoked,
    ConsentState,
    ConsentTokenHasExpired,
    ConsentTokenInvalid,
    ConsentTokenTooLarge,
    NoticeChanged,
    VocabularyUnknown,
)
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import Bilan, Consent
from gateway.tenants import doors
from gateway.tenants.rules import new_secret, secret_digest
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal
from keel.tokens import (
    MAX_TOKEN_BYTES,
    PublicKeys,
    TokenExpired,
    TokenRefused,
    new_jti,
    verify,
)

_TOKEN = "consent+jwt"  # noqa: S105 - the name of a token type
_RECEIPT = "consent-receipt+jwt"
_DETAIL = "bct.processing/v1"
_MAX_LIFETIME = timedelta(seconds=600)
_EVENTS = {
    Kind.CONSENT_AUTHORISED: EventKind.CONSENT_AUTHORISED,
    Kind.CONSENT_REJECTED: EventKind.CONSENT_REJECTED,
    Kind.CONSENT_NARROWED: EventKind.CONSENT_NARROWED,
    Kind.CONSENT_REVOKED: EventKind.CONSENT_REVOKED,
    Kind.CONSENT_EXPIRED: EventKind.CONSENT_EXPIRED,
}
_BY_ROW = {
    Refusal.REVOKED: ConsentRevoked,
    Refusal.EXPIRED: ConsentExpired,
    Refusal.NOT_AUTHORISED: ConsentNotAuthorised,
}


@dataclass(frozen=True, slots=True)
class ConsentClaims:
    """A consent token that was read: what the person allowed, as of its epoch."""

    consent: str
    epoch: int
    beneficiary: str
    details: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class DrawnToken:
    """A consent token, and for how many seconds it really is one."""

    token: str
    expires_in: int


def held(row: Consent) -> Held:
    """Return the row as the rules read it."""
    return Held(ConsentStatus(row.status), row.epoch, row.expires_at, row.grants)


@dataclass(frozen=True, slots=True)
class Consents:
    """The verbs of consent."""

    records: Records
    events: Events
    keyring: Keyring
    in_flight: InFlight
    issuer: str
    validity: timedelta
    ceremony_validity: timedelta
    token_lifetime: timedelta
    now: Callable[[], datetime] = utc_now

    async def request(
        self,
        session: AsyncSession,
        caller: Caller,
        bilan: Bilan,
        grants: Sequence[Mapping[str, Any]],
        recipients: Mapping[str, Mapping[str, Any]],
    ) -> tuple[Consent, str]:
        """Ask a beneficiary; returns the consent and the secret of its ceremony, shown once.

        Raises:
            VocabularyUnknown: a purpose, category or recipient that is not in the vocabulary.
        """
        _refuse_unknown(grants, recipients)
        text, secret, at = notice.write(grants, recipients), new_secret(), self.now()
        consent = Consent(
            tenant=caller.tenant,
            id=new_id("cns"),
            beneficiary=bilan.beneficiary,
            bilan=bilan.id,
            client=caller.client,
            status=str(ConsentStatus.AWAITING),
            epoch=1,
            grants=[dict(g) for g in grants],
            notice_version=notice.VERSION,
            notice_sha256=notice.digest(text),
            notice_text=text,
            requested_at=at,
            expires_at=at + self.validity,
            ceremony=new_id("cer"),
            ceremony_sha256=secret_digest(secret),
            ceremony_ends_at=at + self.ceremony_validity,
        )
        await store.add(session, consent)
        await doors.add(session, secret, consent.tenant)
        await self._record(session, consent, Kind.CONSENT_REQUESTED, caller)
        return consent, secret

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
    ) -> tuple[Consent, str]:
        """Record the beneficiary's decision; returns the consent and their personal secret.

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
        return consent, await self._personal_link(session, consent)

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

    async def _personal_link(self, session: AsyncSession, consent: Consent) -> str:
        secret = new_secret()
        await store.add_personal_link(
            session,
            digest=secret_digest(secret),
            tenant=consent.tenant,
            beneficiary=consent.beneficiary,
            at=self.now(),
        )
        await doors.add(session, secret, consent.tenant)
        return secret

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

    def draw_token(self, caller: Caller, consent: Consent) -> DrawnToken:
        """Return a consent token: a bounded, signed copy of what the row permits now.

        Raises:
            ConsentBinding, ConsentRevoked, ConsentExpired, ConsentNotAuthorised.
            ConsentTokenTooLarge: what was agreed to does not fit into one token.
        """
        if consent.client != caller.client:
            raise ConsentBinding("The client that asked for the consent draws its tokens.")
        at = self.now()
        refusal = row_refusal(held(consent), epoch=consent.epoch, at=at)
        if refusal is not None:
            raise _BY_ROW[refusal]("Ask the beneficiary for a new consent.")
        issued = int(at.timestamp())
        ends = min(
            issued + int(self.token_lifetime.total_seconds()), int(consent.expires_at.timestamp())
        )
        if ends <= issued:  # its last second has begun
            raise ConsentExpired("Ask the beneficiary for a new consent.")
        token = self.keyring.consent.sign(_TOKEN, self._claims(caller, consent, issued, ends))
        if len(token) > MAX_TOKEN_BYTES:
            raise ConsentTokenTooLarge(
                "Ask the beneficiary for fewer purposes, data categories or recipients in one "
                "consent, and for the others in a consent of their own."
            )
        return DrawnToken(token, ends - issued)

    def _claims(self, caller: Caller, consent: Consent, issued: int, ends: int) -> dict[str, Any]:
        return {
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": consent.beneficiary,
            "client_id": caller.client,
            "tenant": caller.tenant,
            "iat": issued,
            "nbf": issued,
            "exp": ends,
            "jti": new_jti(),
            "cid": consent.id,
            "cep": consent.epoch,
            "authorization_details": [
                {
                    "type": _DETAIL,
                    **{
                        k: g[k]
                        for k in ("purpose", "data_categories", "recipients", "jurisdictions")
                    },
                }
                for g in granted(consent.grants)
            ],
        }

    def read_token(self, token: str, caller: Caller) -> ConsentClaims:
        """Return what a consent token claims; the row decides later, under its lock.

        Raises:
            ConsentTokenHasExpired, ConsentTokenInvalid: as named.
            ConsentBinding: it was drawn by another client or tenant.
        """
        try:
            claims = verify(
                token,
                PublicKeys.of(self.keyring.consent),
                typ=_TOKEN,
                issuer=self.issuer,
                audience=self.issuer,
                at=self.now(),
                lifetime=_MAX_LIFETIME,
            )
            read = ConsentClaims(
                consent=str(claims["cid"]),
                epoch=int(claims["cep"]),
                beneficiary=str(claims["sub"]),
                details=tuple(claims["authorization_details"]),
            )
            binding = (claims["tenant"], claims["client_id"])
        except TokenExpired:
            raise ConsentTokenHasExpired("Draw a new consent token.") from None
        except (TokenRefused, KeyError, TypeError, ValueError):
            raise ConsentTokenInvalid("Draw a new consent token.") from None
        if binding != (caller.tenant, caller.client):
            raise ConsentBinding("Use a consent token that this client drew.")
        return read

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

    def status_now(self, consent: Consent) -> ConsentStatus:
        """Return the state as of now: expiry needs no job to take effect."""
        status = ConsentStatus(consent.status)
        if status is ConsentStatus.AUTHORISED and self.now() >= consent.expires_at:
            return ConsentStatus.EXPIRED
        if status is ConsentStatus.AWAITING and self.now() >= consent.ceremony_ends_at:
            return ConsentStatus.LAPSED
        return status

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


def _who(caller: Caller | None) -> str:
    """Name the role that withdraws (section 2.1); nobody calls for the beneficiary."""
    if caller is None:
        return "beneficiary"
    return "tenant" if caller.counsellor is None else "counsellor"


def _refuse_unknown(
    grants: Sequence[Mapping[str, Any]], recipients: Mapping[str, Mapping[str, Any]]
) -> None:
    words = vocabulary()
    purposes = [g["purpose"] for g in grants]
    if len(set(purposes)) != len(purposes):
        raise VocabularyUnknown("Ask each purpose once: one decision a purpose.")
    for grant in grants:
        if grant["purpose"] not in words.purposes:
            raise VocabularyUnknown("See GET /v1/vocabulary for the purposes.")
        for category in grant["data_categories"]:
            entry = words.data_categories.get(category)
            if entry is None:
                raise VocabularyUnknown("See GET /v1/vocabulary for the data categories.")
            if entry["special"]:
                raise VocabularyUnknown(
                    "Special categories need a notice with an explicit text for them; this "
                    "notice has none (GDPR art. 9)."
                )
        if not set(grant["recipients"]) <= set(recipients):
            raise VocabularyUnknown("See GET /v1/recipients for the recipients.")
