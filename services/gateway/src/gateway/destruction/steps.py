"""What each step of a destruction does: asks a service, or destroys the gateway's own rows."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store as consent_store
from gateway.destruction import store, sweeping
from gateway.destruction.rules import DestructionKind, DestructionState, StepName, added
from gateway.destruction.sweeping import Kept, Subject
from gateway.holds import store as holds
from gateway.people.service import People
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.retention.rules import RetentionScope
from gateway.runs.recovery import Recovery
from gateway.services import ANONYMIZER, REPORTS, About, Ground, Services
from gateway.shares.rules import AnswerStatus
from gateway.tables import Destruction, DestructionStep, Report, RetentionAgreement
from gateway.tenants.service import Caller
from keel.calls import Relayed
from keel.clock import utc_now
from keel.database import Database

_TIMEOUT_SECONDS = 120
_NOT_FOUND = 404

Counts = Mapping[str, Any]


class NotYet(Exception):  # noqa: N818 - a state, looked at again in a moment
    """Something still runs that has to end first."""


class Found(Exception):  # noqa: N818 - a state: what was found is destroyed, and looked for again
    """A query still finds something of the subject (LR-A16)."""


class Held(Exception):  # noqa: N818 - a state, not a failure
    """A legal hold keeps what the step would destroy."""

    def __init__(self, until: datetime) -> None:
        super().__init__()
        self.until = until


@dataclass(frozen=True, slots=True)
class Steps:
    """What the steps do; `ask` outside every transaction, `own` in that of the acknowledgement."""

    database: Database
    services: Services
    recovery: Recovery
    records: Records
    people: People
    now: Callable[[], datetime] = utc_now

    async def ask(self, row: Destruction, step: StepName) -> Counts | None:
        """Do a step that is somebody else's; None for one of the gateway's own rows.

        Raises:
            NotYet: what was in flight has not ended.
            Problem: the service refused, or does not answer.
        """
        match step:
            case StepName.IN_FLIGHT:
                return await self._settle(row)
            case StepName.KEEPING:
                return await self._keep(row)
            case StepName.ANONYMIZER:
                return await self._destroy(row, ANONYMIZER)
            case StepName.REPORTS:
                return await self._destroy(row, REPORTS)
            case _:
                return None

    async def _settle(self, row: Destruction) -> Counts:
        """See that nothing runs any more and that each dispatch has its closing record.

        What the end of the consents cancelled ends within seconds; what a crash left is given up
        as recovery always does, once it is silent.
        """
        bilans = _bilans(row)
        open_ones = await self.recovery.settle(row.tenant, bilans)
        async with self.database.begin(row.tenant) as session:
            others = 0
            if row.kind == DestructionKind.ERASURE:
                others = await store.others_at_work(session, row.tenant, row.subject, row.id)
        if open_ones or others:
            raise NotYet
        return {"bilans": len(bilans)}

    async def _destroy(self, row: Destruction, service: str) -> Counts:
        """Let a service destroy what it holds of each bilan, or what an agreement kept."""
        counted = []
        if row.kind != DestructionKind.RETENTION_END:
            counted += [await self._destroy_bilan(row, service, one) for one in _bilans(row)]
        if row.kind != DestructionKind.CLOSING:
            counted += [await self._destroy_kept(row, service, *one) for one in _agreements(row)]
        return added(counted)

    async def _destroy_bilan(self, row: Destruction, service: str, bilan: str) -> Counts:
        counts: Counts = await self.services.json(
            service,
            "destroy_bilan",
            "DELETE",
            f"/bilans/{bilan}",
            _about(row, bilan),
            timeout=_TIMEOUT_SECONDS,
        )
        return counts

    async def _destroy_kept(
        self, row: Destruction, service: str, agreement: str, bilan: str
    ) -> Counts:
        counts: Counts = await self.services.json(
            service,
            "destroy_kept",
            "DELETE",
            f"/kept/{agreement}",
            _about(row, bilan),
            timeout=_TIMEOUT_SECONDS,
        )
        return counts

    async def _keep(self, row: Destruction) -> Counts:
        """Let what live agreements keep move under a key of its own, before the bilan's dies."""
        counted = []
        for agreement, bilan in _agreements(row):
            body = {"agreement": agreement, "scope": await self._scope(row.tenant, agreement)}
            counted += [
                await self._ask_to_keep(row, service, bilan, body)
                for service in (ANONYMIZER, REPORTS)
            ]
        signed = await self._signed(row) if counted else []
        return {**added(counted), "agreements": len(_agreements(row)), "kept_reports": signed}

    async def _ask_to_keep(
        self, row: Destruction, service: str, bilan: str, body: Mapping[str, str]
    ) -> Counts:
        counts: Counts = await self.services.json(
            service,
            "keep_bilan",
            "POST",
            f"/bilans/{bilan}/keeping",
            _about(row, bilan),
            json=body,
            timeout=_TIMEOUT_SECONDS,
        )
        return counts

    async def _scope(self, tenant: str, agreement: str) -> str:
        async with self.database.begin(tenant) as session:
            found = await session.get(RetentionAgreement, (tenant, agreement))
        if found is None:  # pragma: no cover - it goes with the person only, and then this stops
            raise NotYet
        return found.scope

    async def _signed(self, row: Destruction) -> list[str]:
        """Return which reports of the bilan were signed: only these are kept."""
        async with self.database.begin(row.tenant) as session:
            query = select(Report.id).where(
                Report.tenant == row.tenant, Report.bilan == row.subject
            )
            reports = (await session.scalars(query.order_by(Report.id))).all()
        about = replace(_about(row, row.subject), ground=Ground.OWN_DATA)
        return [one for one in reports if await self._is_signed(one, about)]

    async def _is_signed(self, report: str, about: About) -> bool:
        try:
            found = await self.services.json(
                REPORTS, "read_report", "GET", f"/reports/{report}", about
            )
        except Relayed as refusal:
            if refusal.status == _NOT_FOUND:
                return False
            raise
        return found["signed_at"] is not None

    async def own(self, session: AsyncSession, row: Destruction, step: StepName) -> Counts:
        """Do a step on the gateway's own rows, in the transaction that acknowledges it.

        Raises:
            Held: a legal hold stands.
            Found: a query still finds something.
        """
        kind = DestructionKind(row.kind)
        match step, kind:
            case StepName.CONTENT, DestructionKind.CLOSING:
                return await self._content_of_bilan(session, row)
            case StepName.CONTENT, DestructionKind.ERASURE:
                return await self._content_of_person(session, row)
            case StepName.CONTENT, DestructionKind.RETENTION_END:
                return await self._kept(session, row)
            case StepName.RECORDS, _:
                return await self._records(session, row)
            case StepName.CHECK, _:
                return await self._check(session, row)
        raise ValueError(step)  # pragma: no cover - every step has its case

    async def _content_of_bilan(self, session: AsyncSession, row: Destruction) -> Counts:
        acknowledged = await store.steps_of(session, row.tenant, [row.id])
        kept = await self._kept_of(session, row, acknowledged)
        counts = await sweeping.content_of_bilan(session, row.tenant, row.subject, kept=kept)
        body = {
            "reason": row.reason,
            "acknowledged": {
                step.name: added([step.counts or {}])
                for step in acknowledged
                if step.acknowledged_at and step.name != StepName.IN_FLIGHT
            },
            "destroyed": counts,
            "agreements_kept": len(_agreements(row)),
        }
        fact = Fact(
            Kind.BILAN_DESTROYED,
            row.tenant,
            body,
            beneficiary=row.person,
            bilan=row.subject,
            counsellor=row.requested_by,
        )
        return {**counts, "record": await self.records.write(session, fact)}

    async def _kept_of(
        self, session: AsyncSession, row: Destruction, steps: Sequence[DestructionStep]
    ) -> Kept:
        """Return what stays of a bilan: the signed reports, and by agreement the documents."""
        ids = [agreement for agreement, _ in _agreements(row)]
        query = select(RetentionAgreement.scope).where(
            RetentionAgreement.tenant == row.tenant, RetentionAgreement.id.in_(ids)
        )
        scopes = (await session.scalars(query)).all()
        told = [(one.counts or {}).get("kept_reports", ()) for one in steps]
        reports = frozenset(report for found in told for report in found)
        return Kept(documents=str(RetentionScope.DOCUMENTS) in scopes, reports=reports)

    async def _content_of_person(self, session: AsyncSession, row: Destruction) -> Counts:
        subject = _subject(row)
        counts = await sweeping.content_of_person(session, subject)
        key = await self.records.key_of(session, row.tenant, None)
        counts["answers"] += await sweeping.blank_answers(session, subject, key)
        return counts

    async def _records(self, session: AsyncSession, row: Destruction) -> Counts:
        """Destroy the key of the person's records, and what is left of them."""
        until = await holds.until(session, row.tenant)
        if until is not None:
            raise Held(until)
        subject = _subject(row)
        await consent_store.of_beneficiary(session, row.tenant, row.subject, locked=True)
        await self.people.lock(session, row.tenant, row.subject)
        records = await self.records.erase(session, row.tenant, row.subject)
        counts = {"records": records, **await sweeping.evidence_of_person(session, subject)}
        row.state = str(DestructionState.UNDER_WAY)
        fact = Fact(Kind.SUBJECT_ERASED, row.tenant, {"destroyed": counts})
        return {**counts, "record": await self.records.write(session, fact)}

    async def _kept(self, session: AsyncSession, row: Destruction) -> Counts:
        """Forget what an agreement kept, unless another one keeps it too; the agreement is over."""
        agreement = await session.get(RetentionAgreement, (row.tenant, row.subject))
        if agreement is not None and agreement.status == AnswerStatus.AGREED:
            agreement.status, agreement.ended_at = str(AnswerStatus.ENDED), self.now()
        (bilan,) = _bilans(row)
        kept = await self._still_kept(session, row, bilan)
        return await sweeping.forget_kept(session, row.tenant, bilan, kept=kept)

    async def _still_kept(
        self, session: AsyncSession, row: Destruction, bilan: str
    ) -> Collection[str]:
        """Return the scopes that other agreements keep of the same bilan."""
        return {
            other.scope
            for other in await store.agreements_of(session, row.tenant, bilan=bilan)
            if other.id != row.subject
            and other.status == AnswerStatus.AGREED
            and other.ends_at > self.now()
            and await store.of_subject(session, row.tenant, other.id) is None
        }

    async def _check(self, session: AsyncSession, row: Destruction) -> Counts:
        """Look for what is left of the subject in every table (LR-A16)."""
        if row.kind == DestructionKind.ERASURE:
            subject = _subject(row)
            key = await self.records.key_of(session, row.tenant, None)
            if await sweeping.left(session, subject, key):
                raise Found
        elif row.kind == DestructionKind.CLOSING:
            steps = await store.steps_of(session, row.tenant, [row.id])
            kept = await self._kept_of(session, row, steps)
            if await sweeping.content_left(session, row.tenant, row.subject, kept=kept):
                raise Found
        else:
            (bilan,) = _bilans(row)
            still = await self._still_kept(session, row, bilan)
            if await sweeping.kept_left(session, row.tenant, bilan, kept=still):
                raise Found
        return {"found": 0}

    async def again(self, session: AsyncSession, row: Destruction) -> None:
        """Destroy once more what came to be after its step, by a writer that was late."""
        if row.kind == DestructionKind.ERASURE:
            await self._content_of_person(session, row)
            await self.records.erase(session, row.tenant, row.subject)
            await sweeping.evidence_of_person(session, _subject(row))
        elif row.kind == DestructionKind.CLOSING:
            steps = await store.steps_of(session, row.tenant, [row.id])
            kept = await self._kept_of(session, row, steps)
            await sweeping.content_of_bilan(session, row.tenant, row.subject, kept=kept)
        else:
            await self._kept(session, row)


def _bilans(row: Destruction) -> list[str]:
    return list((row.targets or {}).get("bilans", ()))


def _agreements(row: Destruction) -> list[tuple[str, str]]:
    return [(agreement, bilan) for agreement, bilan in (row.targets or {}).get("agreements", ())]


def _subject(row: Destruction) -> Subject:
    consents = tuple((row.targets or {}).get("consents", ()))
    return Subject(row.tenant, row.subject, tuple(_bilans(row)), consents)


def _about(row: Destruction, bilan: str) -> About:
    caller = Caller(row.tenant, "", frozenset(), None)
    return About(caller, bilan, row.person, Ground.DELETION)
