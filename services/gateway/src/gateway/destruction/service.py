"""The verbs of destructions: ask for one, and see how far it has come.

What is asked for counts from its own transaction on: consents end, epochs rise, the bilan is closed
or the person is nobody's to work with any more. What has to be destroyed for that is done by the
worker afterwards (`carrying.py`), whatever happens to the process in between.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus
from gateway.bilans.service import Bilans
from gateway.consents import store as consent_store
from gateway.consents.rules import EndReason
from gateway.consents.service import Consents
from gateway.destruction import store, sweeping
from gateway.destruction.keys import erasure_of, refuse_erased
from gateway.destruction.rules import (
    STEPS,
    DestructionKind,
    DestructionReason,
    DestructionState,
)
from gateway.destruction.sweeping import Subject
from gateway.events.service import EventKind, Events
from gateway.holds import store as holds
from gateway.people.service import People
from gateway.phases.rules import BilanPhase
from gateway.phases.service import Phases
from gateway.problems import PhaseOrder
from gateway.retention.rules import last_day
from gateway.shares.rules import AnswerStatus, status_at
from gateway.shares.service import end_of
from gateway.tables import Bilan, Destruction, DestructionStep, RetentionAgreement
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound


@dataclass(frozen=True, slots=True)
class Told:
    """A destruction with its steps, in their order."""

    row: Destruction
    steps: Sequence[DestructionStep]


@dataclass(frozen=True, slots=True)
class Destructions:
    """The verbs of destructions, inside the caller's transaction."""

    people: People
    bilans: Bilans
    phases: Phases
    consents: Consents
    events: Events
    now: Callable[[], datetime] = utc_now

    async def erase(self, session: AsyncSession, caller: Caller, beneficiary: str) -> Told:
        """Erase a person: everything of theirs, everywhere (GDPR 17; LR-E04).

        With the commit nothing runs for them any more and nothing new comes to be. Asked for
        again, it is the same erasure.

        Raises:
            NotFound: they are not one of the tenant's.
        """
        known = await erasure_of(session, caller.tenant, beneficiary)
        if known is not None:
            return await self.find(session, caller.tenant, known)
        await self._still(session, caller.tenant, beneficiary)
        known = await erasure_of(session, caller.tenant, beneficiary)
        if known is not None:  # asked for while we waited for the person's row
            return await self.find(session, caller.tenant, known)
        rows = await consent_store.of_beneficiary(session, caller.tenant, beneficiary)
        await self.consents.end_all(session, rows, reason=EndReason.ERASED, caller=caller)
        bilans = await store.bilans_of(session, caller.tenant, beneficiary)
        for bilan in bilans:
            bilan.status = str(BilanStatus.CLOSED)
        for earlier in await store.unfinished_of(session, caller.tenant, beneficiary):
            earlier.state = str(DestructionState.SUPERSEDED)
        agreements = await store.agreements_of(session, caller.tenant, beneficiary=beneficiary)
        subject = Subject(
            caller.tenant,
            beneficiary,
            tuple(bilan.id for bilan in bilans),
            tuple(row.id for row in rows),
        )
        await sweeping.shut_doors(session, subject)
        return await self._begin(
            session,
            Destruction(
                tenant=caller.tenant,
                kind=str(DestructionKind.ERASURE),
                subject=beneficiary,
                person=beneficiary,
                reason=str(DestructionReason.REQUESTED),
                requested_by=caller.counsellor or caller.client,
                held_until=await holds.until(session, caller.tenant),
                targets={
                    "bilans": list(subject.bilans),
                    "consents": list(subject.consents),
                    "agreements": [[row.id, row.bilan] for row in agreements],
                },
            ),
        )

    async def _still(self, session: AsyncSession, tenant: str, beneficiary: str) -> None:
        """Hold every consent of a person and the person, so that nothing new comes to be.

        In two rounds, as a restriction does: those that came between the two locks are held by the
        second.
        """
        await consent_store.of_beneficiary(session, tenant, beneficiary, locked=True)
        await self.people.lock(session, tenant, beneficiary)
        await consent_store.of_beneficiary(session, tenant, beneficiary, locked=True)

    async def close(
        self,
        session: AsyncSession,
        caller: Caller,
        bilan_id: str,
        outcome: DestructionReason,
    ) -> Told:
        """Close a bilan on the word of an assigned counsellor: its documents are destroyed.

        Asked for again, it is the same closing.

        Raises:
            NotFound: it is not one of the tenant's.
            CounsellorNeeded, SecrecyNoticeNeeded: as `Bilans.require_assigned` says.
            ProcessingRestricted: the person wants their data left as they are (GDPR 18).
            PhaseOrder: it is not completed while a phase is open; it can be abandoned.
        """
        bilan = await self.bilans.find(session, caller.tenant, bilan_id)
        await self.bilans.require_assigned(session, caller, bilan)
        by = caller.counsellor
        return await self._close(session, bilan, outcome, caller=caller, by=by)

    async def close_at_term(self, session: AsyncSession, tenant: str, bilan_id: str) -> Told:
        """Close a bilan whose action is over (raises as `close`, save for who asks)."""
        bilan = await self.bilans.find(session, tenant, bilan_id)
        return await self._close(session, bilan, DestructionReason.TERM, caller=None, by=None)

    async def _close(
        self,
        session: AsyncSession,
        bilan: Bilan,
        reason: DestructionReason,
        *,
        caller: Caller | None,
        by: str | None,
    ) -> Told:
        tenant = bilan.tenant
        # Consents before the bilan, as everybody locks them; under the bilan's lock none is added.
        await consent_store.of_beneficiary(session, tenant, bilan.beneficiary, locked=True)
        bilan = await self.bilans.find(session, tenant, bilan.id, locked=True)
        known = await store.of_subject(session, tenant, bilan.id)
        if known is not None:
            return await self._told(session, known)
        await refuse_erased(session, tenant, bilan.beneficiary)
        await self.people.require_unrestricted(session, tenant, bilan.beneficiary, ai=False)
        if reason is DestructionReason.COMPLETED:
            await self._require_all_phases(session, bilan)
        consents = [
            row
            for row in await consent_store.of_beneficiary(
                session, tenant, bilan.beneficiary, locked=True
            )
            if row.bilan == bilan.id
        ]
        await self.consents.end_all(session, consents, reason=EndReason.BILAN_CLOSED, caller=caller)
        bilan.status = str(BilanStatus.CLOSED)
        kept = await self._agreements_that_keep(session, bilan)
        return await self._begin(
            session,
            Destruction(
                tenant=tenant,
                kind=str(DestructionKind.CLOSING),
                subject=bilan.id,
                person=bilan.beneficiary,
                reason=str(reason),
                requested_by=by,
                targets={
                    "bilans": [bilan.id],
                    "agreements": [[row.id, row.bilan] for row in kept],
                },
            ),
        )

    async def _agreements_that_keep(
        self, session: AsyncSession, bilan: Bilan
    ) -> list[RetentionAgreement]:
        """Return what keeps something of a bilan now; who has not answered is asked no more."""
        rows = await store.agreements_of(session, bilan.tenant, locked=True, bilan=bilan.id)
        for row in rows:
            if row.status == AnswerStatus.AWAITING:
                row.status, row.ended_at = str(AnswerStatus.ENDED), self.now()
                await self.events.emit(
                    session,
                    row.tenant,
                    EventKind.RETENTION_ENDED,
                    retention_agreement=row.id,
                    beneficiary=row.beneficiary,
                    bilan=row.bilan,
                )
        return [row for row in rows if self._keeps(row, date.fromisoformat(bilan.ends_on))]

    def _keeps(self, row: RetentionAgreement, ends_on: date) -> bool:
        """Say whether an agreement keeps something now: agreed, live, within the law's years."""
        agreed = status_at(row.status, row.ends_at, self.now()) is AnswerStatus.AGREED
        return agreed and self.now() < end_of(last_day(ends_on))

    async def _require_all_phases(self, session: AsyncSession, bilan: Bilan) -> None:
        story = await self.phases.of(session, bilan.tenant, bilan.id)
        current = story.course.current
        if current is not None:
            raise PhaseOrder(
                f"Close the {len(BilanPhase)} phases first (POST …/phases/{{phase}}/closing), or "
                "close the bilan as `abandoned`.",
                members={"current": str(current)},
            )

    async def end_keeping(self, session: AsyncSession, row: RetentionAgreement) -> Told:
        """Destroy what an agreement kept of a closed bilan, once its time is over or it ended."""
        known = await store.of_subject(session, row.tenant, row.id)
        if known is not None:
            return await self._told(session, known)
        over = row.status != AnswerStatus.ENDED
        return await self._begin(
            session,
            Destruction(
                tenant=row.tenant,
                kind=str(DestructionKind.RETENTION_END),
                subject=row.id,
                person=row.beneficiary,
                reason=str(DestructionReason.TERM if over else DestructionReason.REQUESTED),
                targets={"bilans": [row.bilan], "agreements": [[row.id, row.bilan]]},
            ),
        )

    async def _begin(self, session: AsyncSession, row: Destruction) -> Told:
        row.id, row.requested_at = new_id("dst"), self.now()
        row.state = str(DestructionState.UNDER_WAY)
        steps = [str(name) for name in STEPS[DestructionKind(row.kind)]]
        await store.add(session, row, steps, at=row.requested_at)
        await self.events.emit(
            session, row.tenant, EventKind.DESTRUCTION_STARTED, secret=None, **told_ids(row)
        )
        return await self._told(session, row)

    async def find(self, session: AsyncSession, tenant: str, destruction_id: str) -> Told:
        """Return a destruction of the tenant with its steps, or raise `NotFound`."""
        row = await store.find(session, tenant, destruction_id)
        if row is None:
            raise NotFound
        return await self._told(session, row)

    async def of_bilan(self, session: AsyncSession, tenant: str, bilan_id: str) -> Told:
        """Return the closing of a bilan of the tenant, or raise `NotFound` while it has none."""
        row = await store.of_subject(session, tenant, bilan_id)
        if row is None:
            raise NotFound
        return await self._told(session, row)

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        beneficiary: str | None,
        state: DestructionState | None,
        after: str | None,
        limit: int,
    ) -> list[Told]:
        """Return destructions in the order of their beginning, one more than the page holds."""
        rows = await store.page(
            session,
            tenant,
            beneficiary=beneficiary,
            state=None if state is None else str(state),
            after=after,
            limit=limit,
        )
        steps = await store.steps_of(session, tenant, [row.id for row in rows])
        return [Told(row, [one for one in steps if one.destruction == row.id]) for row in rows]

    async def _told(self, session: AsyncSession, row: Destruction) -> Told:
        return Told(row, await store.steps_of(session, row.tenant, [row.id]))


def told_ids(row: Destruction) -> dict[str, str]:
    """Return the ids of its events; those of an erasure name nobody, and outlive it."""
    named = {
        DestructionKind.CLOSING: {"bilan": row.subject},
        DestructionKind.ERASURE: {},
        DestructionKind.RETENTION_END: {"retention_agreement": row.subject},
    }
    return {"destruction": row.id, **named[DestructionKind(row.kind)]}
