"""What held, partial, missing and unknown mean: pure set algebra on two lists of skills.

Nothing here judges how well somebody does something. A skill without trace is *missing* when the
taxonomy says that every holder of the occupation uses it, *unknown* when it depends on the post:
in both cases the person is asked.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How an asked skill stands to what is held."""

    HELD = "held"
    PARTIAL = "partial"
    MISSING = "missing"
    UNKNOWN = "unknown"


CORE = frozenset({"core", "essential"})
_ORDER = {State.MISSING: 0, State.PARTIAL: 1, State.UNKNOWN: 2, State.HELD: 3}
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Gap:
    """A skill that the target asks for; `through` is the held skill that speaks for it."""

    skill: str
    importance: str
    state: State
    through: str | None = None


def gaps(
    asked: Sequence[tuple[str, str]],
    held: Collection[str],
    likeness: Callable[[str, str], float],
) -> list[Gap]:
    """Return one gap for each asked skill, given as (code, importance).

    `likeness` says how alike the labels of two skills are, 0 to 1. What is to be acquired comes
    first, core before specific, then the order of the taxonomy.
    """
    found = list(_each(asked, held, likeness))
    return sorted(found, key=lambda g: (_ORDER[g.state], g.importance not in CORE))


def _each(
    asked: Sequence[tuple[str, str]],
    held: Collection[str],
    likeness: Callable[[str, str], float],
) -> Iterator[Gap]:
    known = sorted(held)
    for skill, importance in asked:
        if skill in held:
            yield Gap(skill, importance, State.HELD, through=skill)
            continue
        near = max(known, key=lambda other: likeness(skill, other), default=None)
        if near is not None and likeness(skill, near) >= _ALIKE:
            yield Gap(skill, importance, State.PARTIAL, through=near)
        else:
            state = State.MISSING if importance in CORE else State.UNKNOWN
            yield Gap(skill, importance, state)
