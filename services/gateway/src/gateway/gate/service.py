"""The dispatch gate (profile section 4).

One transaction locks the consent row, checks coverage, writes `ai.dispatch` and mints the pass.
Only after its commit may anything move. Nobody else mints a pass for a model attempt.

It looks at nothing but the consent: restriction, objection and suspension raise the
consent's epoch under the same lock, as do the closing of a bilan and the erasure of a person, which
end its consents (`destruction/`). The plan that comes just before a dispatch is admitted
(`admissions`) after its token was drawn.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway import problems
from gateway.consents import store as consent_store
from gateway.consents.rules import (
    Asked,
    Refusal,
    Uncovered,
    coverage_refusal,
    granted,
    is_special,
    row_refusal,
)
from gateway.consents.service import ConsentClaims
from gateway.gate import store
from gateway.gate.refusals import Refusals
from gateway.gate.store import LockedConsent
from gateway.records import store as record_store
from gateway.records.rules import Fact, Kind, of_the_call, of_the_use
from gateway.records.service import Records
from gateway.tables import Bilan
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.database import Database, cannot_be_asked
from keel.identifiers import new_id
from keel.passes import PassMint
from keel.problems import NotFound, Problem
from keel.tokens import Signer

_REFUSALS: Mapping[Refusal, type[Problem]] = {
    Refusal.BINDING: problems.ConsentBinding,
    Refusal.NOT_AUTHORISED: problems.ConsentNotAuthorised,
    Refusal.REVOKED: problems.ConsentRevoked,
    Refusal.EXPIRED: problems.ConsentExpired,
    Refusal.STALE: problems.ConsentStale,
    Refusal.PURPOSE: problems.PurposeNotCovered,
    Refusal.CATEGORY: problems.CategoryNotCovered,
    Refusal.RECIPIENT: problems.RecipientNotCovered,
    Refusal.JURISDICTION: problems.JurisdictionNotCovered,
}
_UNWRITTEN = "Nothing was sent: what is sent must be written down first. Try again in a moment."
_ADVICE: Mapping[Refusal, str] = {
    Refusal.BINDING: "The token is of another bilan: draw one on a consent of this bilan.",
    Refusal.NOT_AUTHORISED: "Ask the beneficiary for a consent, or run in mode `computed`.",
    Refusal.REVOKED: "The beneficiary took it back. Run in mode `computed`.",
    Refusal.EXPIRED: "Ask the beneficiary for a new consent, or run in mode `computed`.",
    Refusal.STALE: "Draw a new consent token: the consent changed.",
    Refusal.PURPOSE: "The beneficiary did not agree to this purpose. Run in mode `computed`.",
    Refusal.CATEGORY: "The data hold a category that the beneficiary did not agree to.",
    Refusal.RECIPIENT: "The beneficiary did not agree to this recipient.",
    Refusal.JURISDICTION: "The recipient processes where the beneficiary did not agree to.",
}

_CONSENT, _EXPLICIT = "6.1.a", "9.2.a"
"""Of the GDPR: the person's consent, and their explicit consent to a special category."""

NEXT_CANDIDATE = frozenset({Refusal.RECIPIENT, Refusal.JURISDICTION})
"""Refusals that another recipient may mend."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt on one deployment, as the plan proposes it."""

    deployment: str
    recipient: str
    jurisdictions: frozenset[str]
    purpose: str
    data_categories: frozenset[str]
    facts: Mapping[str, Any]
    """What the pre-call record states beside the above; observed values only."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """A call that was let out: its record, and the pass of its one attempt."""

    record: str
    token: str = field(repr=False)
    body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the pre-call record says; the one that closes the call says it too."""


@dataclass(frozen=True, slots=True)
class Gate:
    """The verbs of the gate."""

    database: Database
    records: Records
    key: Signer
    has_log_key: Callable[[], bool]
    """Whether what is written down can be signed: while the log's key is gone, nothing leaves."""
    now: Callable[[], datetime] = utc_now

    @property
    def refusals(self) -> Refusals:
        """The verbs of refusals, by the gate's own clock."""
        return Refusals(self.database, self.records, self.now)

    async def dispatch(
        self, caller: Caller, bilan: Bilan, claims: ConsentClaims, attempt: Attempt
    ) -> Dispatched:
        """Let one attempt out, or refuse it.

        Raises:
            Problem: the refusal of profile section 5; it was recorded as `gate.refused`.
            LogUnavailable: it cannot be written down, so it is not let out.
        """
        if not self.has_log_key():
            raise problems.LogUnavailable(_UNWRITTEN, headers={"Retry-After": "1"})
        async with self._deciding(caller.tenant) as session:
            consent = await self._lock(session, caller.tenant, claims.consent)
            asked = Asked(
                attempt.purpose, attempt.data_categories, attempt.recipient, attempt.jurisdictions
            )
            missing = _unbound(consent, bilan, claims) or coverage_refusal(
                asked,
                consent.held,
                epoch=claims.epoch,
                at=self._at(consent),
                details=claims.details,
            )
            if missing is None:
                return await self._let_out(session, caller, consent, attempt)
            await self._record_refusal(session, caller, consent, attempt, missing)
        raise _refusal(missing)

    @asynccontextmanager
    async def _deciding(self, tenant: str) -> AsyncIterator[AsyncSession]:
        """Open the gate's transaction; what was decided counts once it is durable."""
        try:
            async with self.database.begin(tenant) as session:
                yield session
        except DBAPIError as error:
            if cannot_be_asked(error):
                raise
            raise problems.LogUnavailable(_UNWRITTEN, headers={"Retry-After": "1"}) from error

    async def _lock(self, session: AsyncSession, tenant: str, consent_id: str) -> LockedConsent:
        consent = await store.lock(session, tenant, consent_id)
        if consent is None:
            raise NotFound
        return consent

    def _at(self, consent: LockedConsent) -> datetime:
        """Return the instant that decides expiry: the later of the database's clock and ours.

        A replica whose clock is slow lets nothing out that has ended.
        """
        return max(consent.read_at, self.now())

    async def _let_out(
        self, session: AsyncSession, caller: Caller, consent: LockedConsent, attempt: Attempt
    ) -> Dispatched:
        record = new_id("rec")
        body = {
            **attempt.facts,
            **_looked_at(attempt, consent),
            "legal_basis": _CONSENT,
            "special_category_basis": _basis(attempt.data_categories),
            "provider_name": attempt.recipient,
            "deployment_id": attempt.deployment,
            "input_categories": sorted(attempt.data_categories),
            "processing_location": sorted(attempt.jurisdictions),
        }
        await self.records.write(
            session, _fact(Kind.AI_DISPATCH, caller, consent, body), record_id=record
        )
        token = PassMint(self.key).mint(
            "llm-router",
            "attempt",
            tenant=caller.tenant,
            beneficiary=consent.beneficiary,
            bilan=consent.bilan,
            client=caller.client,
            counsellor=caller.counsellor,
            purpose=attempt.purpose,
            data_categories=tuple(sorted(attempt.data_categories)),
            constraints={"deployment": attempt.deployment, "recipient": attempt.recipient},
            record=record,
        )
        return Dispatched(record, token, body)

    async def _record_refusal(
        self,
        session: AsyncSession,
        caller: Caller,
        consent: LockedConsent,
        attempt: Attempt,
        missing: Uncovered,
    ) -> None:
        body = {
            **of_the_use(attempt.facts),
            **_looked_at(attempt, consent),
            "provider_name": attempt.recipient or None,
        }
        fact = _fact(Kind.GATE_REFUSED, caller, consent, body)
        await self.refusals.write(session, fact, str(missing.refusal))

    async def precheck(
        self,
        caller: Caller,
        bilan: Bilan,
        claims: ConsentClaims,
        purpose: str,
        data_categories: frozenset[str],
        facts: Mapping[str, Any],
    ) -> None:
        """Refuse early what no recipient could mend: the row, the purpose, the categories.

        It permits nothing: every attempt passes `dispatch` all the same.
        """
        anywhere = Attempt("", "", frozenset(), purpose, data_categories, facts)
        async with self._deciding(caller.tenant) as session:
            consent = await self._lock(session, caller.tenant, claims.consent)
            missing = _unbound(consent, bilan, claims) or _standing(
                anywhere, consent, claims, self._at(consent)
            )
            if missing is None:
                return
            await self._record_refusal(session, caller, consent, anywhere, missing)
        raise _refusal(missing)

    async def fallen(
        self, session: AsyncSession, caller: Caller, consent_id: str, epoch: int
    ) -> Problem | None:
        """Return, recorded, the refusal of what rests on a consent as it was at `epoch`.

        None while it stands; that permits nothing. The caller raises it after the commit.
        """
        consent = await self._lock(session, caller.tenant, consent_id)
        refusal = row_refusal(consent.held, epoch=epoch, at=self._at(consent))
        if refusal is None:
            return None
        missing = Uncovered(refusal)
        nothing_new = Attempt("", "", frozenset(), "", frozenset(), {})
        await self._record_refusal(session, caller, consent, nothing_new, missing)
        return _refusal(missing)

    async def stands(self, session: AsyncSession, tenant: str, consent_id: str, epoch: int) -> bool:
        """Say whether a consent stands as it did at `epoch`; no lock, so it permits nothing."""
        found = await consent_store.epochs_that_stand(session, tenant, (consent_id,), at=self.now())
        return found.get(consent_id) == epoch

    async def close(
        self,
        session: AsyncSession,
        caller: Caller,
        claims: ConsentClaims,
        dispatched: Dispatched,
        kind: Kind,
        body: Mapping[str, Any],
    ) -> bool:
        """Write the record that closes a dispatch; says whether the consent still stands.

        A result of a consent that ended meanwhile is written as `ai.cancelled`, and the caller
        must discard what came back: it may be neither delivered nor stored. The same where the
        call was given up as lost and closed meanwhile: it is not closed again.
        """
        consent = await self._lock(session, caller.tenant, claims.consent)
        if await record_store.is_closed(session, caller.tenant, dispatched.record):
            return False
        fallen = row_refusal(consent.held, epoch=claims.epoch, at=self._at(consent))
        stands = fallen is None
        if kind is Kind.AI_RESULT and not stands:
            kind, body = Kind.AI_CANCELLED, {"reason": str(fallen)}
        carried = of_the_call if kind is Kind.AI_RESULT else of_the_use
        body = {**carried(dispatched.body), **body, "consent_checked_at": rfc3339(consent.read_at)}
        fact = _fact(kind, caller, consent, body, prev=dispatched.record)
        await self.records.write(session, fact)
        return stands

    async def write_mark(
        self, session: AsyncSession, caller: Caller, dispatch: str, marks: Mapping[str, Any]
    ) -> None:
        """Write that the output of a dispatch leaves marked, unless it did so before."""
        row = await record_store.find(session, caller.tenant, dispatch)
        if row is None or row.consent is None:
            return
        consent = await self._lock(session, caller.tenant, row.consent)
        if await record_store.is_marked(session, caller.tenant, dispatch):
            return
        body = {**await self.records.said_of_use(session, caller.tenant, dispatch), **marks}
        fact = _fact(Kind.AI_MARKED, caller, consent, body, prev=dispatch)
        await self.records.write(session, fact)


def _unbound(consent: LockedConsent, bilan: Bilan, claims: ConsentClaims) -> Uncovered | None:
    """Say when a token is of another bilan or person; before the state of its row is looked at."""
    if consent.bilan == bilan.id and consent.beneficiary == claims.beneficiary == bilan.beneficiary:
        return None
    return Uncovered(Refusal.BINDING)


def _standing(
    attempt: Attempt, consent: LockedConsent, claims: ConsentClaims, at: datetime
) -> Uncovered | None:
    """Apply the gate's test, leaving out where and by whom."""
    asked = Asked(
        attempt.purpose, attempt.data_categories, attempt.recipient, attempt.jurisdictions
    )
    missing = coverage_refusal(
        asked, consent.held, epoch=claims.epoch, at=at, details=claims.details
    )
    if missing is not None and missing.refusal in NEXT_CANDIDATE:
        return None
    return missing


def _looked_at(attempt: Attempt, consent: LockedConsent) -> dict[str, Any]:
    """Return what the gate asked of the row, what the row held, and when it was read."""
    present = granted(consent.held.grants)
    held = {g["purpose"] for g in present}, {c for g in present for c in g["data_categories"]}
    return {
        "purpose_code": attempt.purpose or None,
        "consent_scopes_required": _scopes({attempt.purpose} - {""}, attempt.data_categories)
        or None,
        "consent_scopes_present": _scopes(*held),
        "consent_checked_at": rfc3339(consent.read_at),
    }


def _scopes(purposes: Iterable[str], data_categories: Iterable[str]) -> list[str]:
    """Return the consent scopes as codes, on their two axes."""
    return sorted([f"purpose.{p}" for p in purposes] + [f"data.{c}" for c in data_categories])


def _basis(data_categories: Iterable[str]) -> str:
    """Return on what special categories are processed; the row grants them explicitly or not."""
    return _EXPLICIT if any(map(is_special, data_categories)) else "none"


def _refusal(missing: Uncovered) -> Problem:
    return _REFUSALS[missing.refusal](
        _ADVICE[missing.refusal],
        members={"missing": list(missing.missing)} if missing.missing else None,
    )


def _fact(
    kind: Kind,
    caller: Caller,
    consent: LockedConsent,
    body: Mapping[str, Any],
    *,
    prev: str | None = None,
) -> Fact:
    return Fact(
        kind,
        caller.tenant,
        body,
        beneficiary=consent.beneficiary,
        bilan=consent.bilan,
        client=caller.client,
        counsellor=caller.counsellor,
        consent=consent.id,
        consent_epoch=consent.held.epoch,
        prev=prev,
    )
