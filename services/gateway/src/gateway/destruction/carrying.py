"""Carrying destructions out: step after step, by whichever worker, whatever dies in between.

A worker takes what is due under a lease that it keeps renewing; what it never brings back is due
again when the lease ends. Each step is tried until it is acknowledged, with pauses that grow to ten
minutes, for ever. A step of a service is asked again if its acknowledgement was lost: destroying
twice is destroying once. A step of the gateway's own rows is one transaction with its
acknowledgement. Only who still holds the lease acknowledges, under the row of the destruction.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.destruction import store
from gateway.destruction.rules import (
    Acknowledged,
    DestructionKind,
    DestructionState,
    StepName,
    certificate,
    pause_after,
)
from gateway.destruction.service import told_ids
from gateway.destruction.steps import Found, Held, NotYet, Steps
from gateway.events.service import EventKind, Events
from gateway.heartbeat import beating
from gateway.tables import Destruction, DestructionStep, DueDestruction
from keel.clock import utc_now
from keel.database import Database
from keel.identifiers import new_id
from keel.problems import Problem

AT_ONCE = 4
LEASE = timedelta(seconds=60)
"""How long a destruction is one worker's; renewed every quarter while it works."""
AGAIN = timedelta(seconds=1)
"""When to look again whether what still runs has ended."""
HELD_AGAIN = timedelta(hours=1)
"""When to look again at a legal hold, which may be lifted before its end."""

logger = structlog.get_logger()


class Lost(Exception):  # noqa: N818 - a state: another worker goes on with it
    """The lease ended and somebody else took it over."""


@dataclass(frozen=True, slots=True)
class Carrying:
    """The worker's part of destructions; each step opens its own short transactions."""

    database: Database
    steps: Steps
    events: Events
    lease: timedelta = LEASE
    now: Callable[[], datetime] = utc_now

    async def begin(self) -> None:
        """Free what the last process held: on SQLite there is only one."""
        if self.database.is_sqlite:
            async with self.database.begin() as session:
                await store.let_go_of_leases(session)

    async def step(self) -> bool:
        """Carry on with what is due; says whether there may be more."""
        holder, at = new_id("wrk"), self.now()
        async with self.database.begin() as session:
            taken = await store.lease(
                session, at=at, until=at + self.lease, holder=holder, limit=AT_ONCE
            )
        await asyncio.gather(*(self._carry(due, holder) for due in taken))
        return len(taken) == AT_ONCE

    async def _carry(self, due: DueDestruction, holder: str) -> None:
        async def keep() -> None:
            async with self.database.begin() as session:
                await store.renew(session, due.destruction, holder, self.now() + self.lease)

        async with beating(keep, self.lease / 4):
            try:
                while await self._next(due, holder):
                    pass
            except Lost:
                logger.info("destruction_taken_over", destruction=due.destruction)
            except NotYet:
                await self._later(due, holder, AGAIN)
            except Found:
                logger.warning("destruction_found_more", destruction=due.destruction)
                await self._again(due, holder)
            except Held as held:
                await self._hold(due, holder, held.until)
            except Exception as error:  # noqa: BLE001 - tried again, for ever, and seen
                await self._failed(due, holder, error)

    async def _next(self, due: DueDestruction, holder: str) -> bool:
        """Do the next step; says whether another one follows."""
        row, steps = await self._read(due)
        if row is None or row.state in {DestructionState.DONE, DestructionState.SUPERSEDED}:
            async with self.database.begin() as session:
                await store.take_out(session, due.destruction)
            return False
        step = next((one for one in steps if one.acknowledged_at is None), None)
        if step is None:
            await self._complete(due, holder)
            return False
        await self._try(due, holder, step)
        counts = await self.steps.ask(row, StepName(step.name))
        async with self.database.begin(due.tenant) as session:
            row, mine = await self._mine(session, due, holder, step.position)
            if counts is None:  # the gateway's own: in this transaction
                counts = await self.steps.own(session, row, StepName(step.name))
            mine.counts, mine.acknowledged_at, mine.last_failure = dict(counts), self.now(), None
            await store.goes_on(session, due.destruction)
        return True

    async def _read(
        self, due: DueDestruction
    ) -> tuple[Destruction | None, Sequence[DestructionStep]]:
        async with self.database.begin(due.tenant) as session:
            row = await store.find(session, due.tenant, due.destruction)
            return row, await store.steps_of(session, due.tenant, [due.destruction])

    async def _try(self, due: DueDestruction, holder: str, step: DestructionStep) -> None:
        """Count an attempt before it is made, so that one that kills its process shows."""
        async with self.database.begin(due.tenant) as session:
            _, mine = await self._mine(session, due, holder, step.position)
            mine.attempts += 1

    async def _mine(
        self, session: AsyncSession, due: DueDestruction, holder: str, position: int
    ) -> tuple[Destruction, DestructionStep]:
        """Return the destruction and the step, locked, while both are still this worker's to do.

        Raises:
            Lost: another worker took it over, or the step is acknowledged, or it was superseded.
        """
        row = await store.find(session, due.tenant, due.destruction, locked=True)
        place = await store.held_place(session, due.destruction, holder)
        if row is None or place is None or row.state == DestructionState.SUPERSEDED:
            raise Lost
        for step in await store.steps_of(session, due.tenant, [due.destruction]):
            if step.position == position and step.acknowledged_at is None:
                return row, step
        raise Lost

    async def _complete(self, due: DueDestruction, holder: str) -> None:
        """Write the certificate, which is the last thing that happens."""
        async with self.database.begin(due.tenant) as session:
            row = await store.find(session, due.tenant, due.destruction, locked=True)
            place = await store.held_place(session, due.destruction, holder)
            if row is None or place is None or row.state != DestructionState.UNDER_WAY:
                raise Lost
            steps = await store.steps_of(session, due.tenant, [due.destruction])
            row.completed_at, row.state = self.now(), str(DestructionState.DONE)
            row.certificate = self._certificate(row, steps)
            row.targets = row.held_until = None
            if row.kind == DestructionKind.ERASURE:
                await store.forget_person(session, row.tenant, row.subject)
            await store.take_out(session, due.destruction)
            await self.events.emit(
                session, row.tenant, EventKind.DESTRUCTION_COMPLETED, secret=None, **told_ids(row)
            )
        logger.info("destruction_completed", destruction=due.destruction, kind=row.kind)

    def _certificate(self, row: Destruction, steps: Sequence[DestructionStep]) -> dict[str, Any]:
        told = [
            Acknowledged(step.name, _numbers(step.counts or {}))
            for step in steps
            if step.name not in {StepName.IN_FLIGHT, StepName.CHECK}
        ]
        records = [
            str(counts["record"])
            for counts in (step.counts or {} for step in steps)
            if "record" in counts
        ]
        return certificate(
            destruction=row.id,
            kind=DestructionKind(row.kind),
            reason=row.reason,
            subject=row.subject,
            requested_at=row.requested_at,
            destroyed_at=row.completed_at or self.now(),
            steps=told,
            record=next(iter(records), None),
        )

    async def _again(self, due: DueDestruction, holder: str) -> None:
        try:
            async with self.database.begin(due.tenant) as session:
                row = await store.find(session, due.tenant, due.destruction, locked=True)
                place = await store.held_place(session, due.destruction, holder)
                if row is None or place is None:
                    return
                await self.steps.again(session, row)
                place.failures += 1  # what is found again and again is seen, and gets its pause
                place.due_at = self.now() + pause_after(place.failures)
                place.holder = place.leased_until = None
        except Exception as error:  # noqa: BLE001 - tried again, for ever, and seen
            await self._failed(due, holder, error)

    async def _later(self, due: DueDestruction, holder: str, pause: timedelta) -> None:
        async with self.database.begin() as session:
            place = await store.held_place(session, due.destruction, holder)
            if place is not None:
                place.due_at, place.holder, place.leased_until = self.now() + pause, None, None

    async def _hold(self, due: DueDestruction, holder: str, until: datetime) -> None:
        """Wait for the end of a legal hold, and say so."""
        async with self.database.begin(due.tenant) as session:
            row = await store.find(session, due.tenant, due.destruction, locked=True)
            place = await store.held_place(session, due.destruction, holder)
            if row is None or place is None:
                return
            row.state, row.held_until = str(DestructionState.HELD), until
            place.waits, place.failures = "held", 0
            place.due_at = min(until, self.now() + HELD_AGAIN)
            place.holder = place.leased_until = None

    async def _failed(self, due: DueDestruction, holder: str, error: Exception) -> None:
        name = error.code if isinstance(error, Problem) else type(error).__name__
        logger.warning("destruction_waits", destruction=due.destruction, error=name)
        try:
            await self._note(due, holder, name)
        except Exception as lost:  # noqa: BLE001 - due again when its lease ends
            logger.warning("destruction_waits", error=type(lost).__name__)

    async def _note(self, due: DueDestruction, holder: str, failure: str) -> None:
        async with self.database.begin(due.tenant) as session:
            place = await store.held_place(session, due.destruction, holder)
            if place is None:
                return
            for step in await store.steps_of(session, due.tenant, [due.destruction]):
                if step.acknowledged_at is None:
                    step.last_failure = failure[:60]
                    break
            place.failures, place.waits = place.failures + 1, None
            place.due_at = self.now() + pause_after(place.failures)
            place.holder = place.leased_until = None


def _numbers(counts: Mapping[str, Any]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if isinstance(number, int)}
