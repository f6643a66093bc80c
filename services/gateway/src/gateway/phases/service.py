"""The verbs of phases: record an interview, close a phase, tell where a bilan stands."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.service import Bilans
from gateway.events.service import EventKind, Events
from gateway.phases import store
from gateway.phases.rules import (
    Aim,
    BilanPhase,
    Course,
    PhaseRefusal,
    after_closing,
    after_interview,
    closing_refusal,
    foreign_aims,
    interview_refusal,
    missing_aims,
)
from gateway.problems import (
    CosignatureNeeded,
    HoursExceeded,
    InterviewDate,
    InterviewNeeded,
    PhaseAimsMissing,
    PhaseOrder,
)
from gateway.tables import Bilan, ClosedPhase, Interview
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import Problem


@dataclass(frozen=True, slots=True)
class Held:
    """An interview, as the counsellor reports it."""

    phase: BilanPhase
    held_on: date
    minutes: int
    format: str
    individual: bool


@dataclass(frozen=True, slots=True)
class Story:
    """What was recorded of a bilan's phases."""

    course: Course
    interviews: Sequence[Interview]
    closed: Sequence[ClosedPhase]


@dataclass(frozen=True, slots=True)
class Phases:
    """The verbs of phases."""

    bilans: Bilans
    events: Events
    now: Callable[[], datetime] = utc_now

    async def of(self, session: AsyncSession, tenant: str, bilan_id: str) -> Story:
        """Return how far a bilan has come, or raise `NotFound`."""
        return await self._story(session, await self.bilans.find(session, tenant, bilan_id))

    async def record_interview(
        self, session: AsyncSession, caller: Caller, bilan_id: str, held: Held
    ) -> Interview:
        """Record an interview that the counsellor held.

        Raises:
            CounsellorNeeded, SecrecyNoticeNeeded, BilanNotOpen, ProcessingRestricted: as
                `Bilans.open_for` says.
            PhaseOrder: the bilan is in another phase.
            HoursExceeded: it would last longer than planned.
            InterviewDate: it is still to come, or before the bilan starts.
        """
        bilan = await self.bilans.open_for(session, caller, bilan_id, locked=True)
        if held.held_on > self.now().date():
            raise InterviewDate("An interview is recorded once it was held.")
        if held.held_on.isoformat() < bilan.starts_on:
            raise InterviewDate("An interview of a bilan is not held before the bilan starts.")
        course = (await self._story(session, bilan)).course
        self._refuse(interview_refusal(course, held.phase, held.minutes), course, held.phase, ())
        made = Interview(
            tenant=caller.tenant,
            id=new_id("itv"),
            bilan=bilan_id,
            phase=str(held.phase),
            held_on=held.held_on.isoformat(),
            minutes=held.minutes,
            format=held.format,
            individual=held.individual,
            counsellor=caller.counsellor or "",
            recorded_at=self.now(),
        )
        await store.add(session, made)
        return made

    async def close(
        self,
        session: AsyncSession,
        caller: Caller,
        bilan_id: str,
        phase: BilanPhase,
        *,
        aims: Sequence[Aim],
        cosigned_on: date | None,
    ) -> ClosedPhase:
        """Close a phase on the word of an assigned counsellor (LR-A08).

        Raises:
            CounsellorNeeded, SecrecyNoticeNeeded, BilanNotOpen, ProcessingRestricted: as
                `Bilans.open_for` says.
            PhaseOrder: the bilan is in another phase.
            PhaseAimsMissing: a legal aim is not met, or one of another phase is named.
            CosignatureNeeded: the person did not co-sign how the bilan is run (LR-A09).
            InterviewNeeded: the conclusion had no individual interview (LR-A10).
            InterviewDate: the co-signature is still to come, or before the bilan starts.
        """
        bilan = await self.bilans.open_for(session, caller, bilan_id, locked=True)
        if cosigned_on is not None and cosigned_on > self.now().date():
            raise InterviewDate("A co-signature is recorded once it was given.")
        if cosigned_on is not None and cosigned_on.isoformat() < bilan.starts_on:
            raise InterviewDate("The conduct of a bilan is not co-signed before the bilan starts.")
        course = (await self._story(session, bilan)).course
        refusal = closing_refusal(course, phase, aims, cosigned=cosigned_on is not None)
        self._refuse(refusal, course, phase, aims)
        made = ClosedPhase(
            tenant=caller.tenant,
            bilan=bilan_id,
            phase=str(phase),
            aims=sorted({str(aim) for aim in aims}),
            cosigned_on=None if cosigned_on is None else cosigned_on.isoformat(),
            closed_by=caller.counsellor or "",
            closed_at=self.now(),
        )
        await store.add(session, made)
        await self.events.emit(
            session,
            caller.tenant,
            EventKind.PHASE_CLOSED,
            bilan=bilan_id,
            beneficiary=bilan.beneficiary,
        )
        return made

    async def _story(self, session: AsyncSession, bilan: Bilan) -> Story:
        interviews = await store.interviews(session, bilan.tenant, bilan.id)
        closed = await store.closed(session, bilan.tenant, bilan.id)
        course = Course(bilan.planned_minutes)
        for held in interviews:
            course = after_interview(
                course, BilanPhase(held.phase), held.minutes, individual=held.individual
            )
        for row in closed:
            course = after_closing(course, BilanPhase(row.phase))
        return Story(course, interviews, closed)

    @staticmethod
    def _refuse(
        refusal: PhaseRefusal | None, course: Course, phase: BilanPhase, aims: Sequence[Aim]
    ) -> None:
        if refusal is not None:
            raise _problem(refusal, course, phase, aims)


def _problem(
    refusal: PhaseRefusal, course: Course, phase: BilanPhase, aims: Sequence[Aim]
) -> Problem:
    match refusal:
        case PhaseRefusal.ORDER:
            current = None if course.current is None else str(course.current)
            return PhaseOrder(
                "The three phases come in their order, one at a time.",
                members={"current": current},
            )
        case PhaseRefusal.HOURS:
            left = course.planned_minutes - course.minutes
            return HoursExceeded(
                "PATCH the bilan's planned minutes first, up to 24 hours.",
                members={"minutes_left": left},
            )
        case PhaseRefusal.AIMS:
            return PhaseAimsMissing(
                "State every legal aim of this phase (Code du travail R6313-4), and no other.",
                members={
                    "missing": sorted(str(aim) for aim in missing_aims(phase, aims)),
                    "foreign": sorted(str(aim) for aim in foreign_aims(phase, aims)),
                },
            )
        case PhaseRefusal.COSIGNATURE:
            return CosignatureNeeded(
                "Send `cosigned_on`: how the bilan is run is settled together (R6313-4, 1° c)."
            )
        case PhaseRefusal.INTERVIEW:
            return InterviewNeeded(
                "Record an individual interview of this phase first: POST …/interviews."
            )
