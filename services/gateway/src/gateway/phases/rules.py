"""The three phases, their legal aims, and what closes each (R6313-4; LR-A08 to A10)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum


class BilanPhase(StrEnum):
    """The three phases, in the order of the law."""

    PRELIMINARY = "preliminary"
    INVESTIGATION = "investigation"
    CONCLUSION = "conclusion"


class PhaseStatus(StrEnum):
    """Where a phase stands."""

    WAITING = "waiting"
    CURRENT = "current"
    CLOSED = "closed"


class Aim(StrEnum):
    """What the law wants of a phase, item by item."""

    NEED_ANALYSED = "need_analysed"
    FORMAT_DETERMINED = "format_determined"
    CONDUCT_AGREED = "conduct_agreed"
    PROJECT_BUILT = "project_built"
    PROJECT_VERIFIED = "project_verified"
    ALTERNATIVES_DRAWN_UP = "alternatives_drawn_up"
    RESULTS_OWNED = "results_owned"
    CONDITIONS_LISTED = "conditions_listed"
    STEPS_PLANNED = "steps_planned"
    FOLLOW_UP_CONSIDERED = "follow_up_considered"


AIMS: dict[BilanPhase, tuple[frozenset[Aim], ...]] = {
    BilanPhase.PRELIMINARY: (
        frozenset({Aim.NEED_ANALYSED, Aim.FORMAT_DETERMINED, Aim.CONDUCT_AGREED}),
    ),
    BilanPhase.INVESTIGATION: (
        frozenset({Aim.PROJECT_BUILT, Aim.PROJECT_VERIFIED}),
        frozenset({Aim.ALTERNATIVES_DRAWN_UP}),
    ),
    BilanPhase.CONCLUSION: (
        frozenset(
            {
                Aim.RESULTS_OWNED,
                Aim.CONDITIONS_LISTED,
                Aim.STEPS_PLANNED,
                Aim.FOLLOW_UP_CONSIDERED,
            }
        ),
    ),
}
"""What must be met: all of one set. The law leaves a choice in the second phase only: a project
built and verified, or one or more alternatives."""


class PhaseRefusal(StrEnum):
    """Why a step is not taken."""

    ORDER = "phase_order"
    HOURS = "hours_exceeded"
    AIMS = "phase_aims_missing"
    COSIGNATURE = "cosignature_needed"
    INTERVIEW = "interview_needed"


@dataclass(frozen=True, slots=True)
class Course:
    """How far a bilan has come."""

    planned_minutes: int
    minutes: int = 0
    closed: tuple[BilanPhase, ...] = ()
    individually: frozenset[BilanPhase] = field(default_factory=frozenset)
    """The phases in which an individual interview was held."""

    @property
    def current(self) -> BilanPhase | None:
        """The phase under way; None when all three are closed."""
        return next((phase for phase in BilanPhase if phase not in self.closed), None)

    def status(self, phase: BilanPhase) -> PhaseStatus:
        """Where a phase stands."""
        if phase in self.closed:
            return PhaseStatus.CLOSED
        return PhaseStatus.CURRENT if phase is self.current else PhaseStatus.WAITING


def interview_refusal(course: Course, phase: BilanPhase, minutes: int) -> PhaseRefusal | None:
    """Say why an interview is not recorded; None when it is."""
    if phase is not course.current:
        return PhaseRefusal.ORDER
    if course.minutes + minutes > course.planned_minutes:
        return PhaseRefusal.HOURS
    return None


def missing_aims(phase: BilanPhase, aims: Iterable[Aim]) -> frozenset[Aim]:
    """Return the legal aims that are still to be met; with a choice, those of the nearest one."""
    met = set(aims)
    return min((wanted - met for wanted in AIMS[phase]), key=lambda left: (len(left), sorted(left)))


def foreign_aims(phase: BilanPhase, aims: Iterable[Aim]) -> frozenset[Aim]:
    """Return the aims that belong to another phase."""
    return frozenset(aims) - frozenset().union(*AIMS[phase])


def closing_refusal(
    course: Course, phase: BilanPhase, aims: Iterable[Aim], *, cosigned: bool
) -> PhaseRefusal | None:
    """Say why a phase is not closed; None when it is."""
    stated = frozenset(aims)
    if phase is not course.current:
        return PhaseRefusal.ORDER
    if missing_aims(phase, stated) or foreign_aims(phase, stated):
        return PhaseRefusal.AIMS
    if phase is BilanPhase.PRELIMINARY and not cosigned:
        return PhaseRefusal.COSIGNATURE
    if phase is BilanPhase.CONCLUSION and phase not in course.individually:
        return PhaseRefusal.INTERVIEW
    return None


def after_interview(course: Course, phase: BilanPhase, minutes: int, *, individual: bool) -> Course:
    """Return the course once an interview was held."""
    individually = course.individually | ({phase} if individual else set())
    return replace(course, minutes=course.minutes + minutes, individually=individually)


def after_closing(course: Course, phase: BilanPhase) -> Course:
    """Return the course once a phase was closed."""
    return replace(course, closed=(*course.closed, phase))
