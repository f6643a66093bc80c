"""What a special-category statement is, and what becomes of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Category(StrEnum):
    """The categories of the detector."""

    HEALTH = "health"
    RELIGION = "religion"
    ETHNIC_ORIGIN = "ethnic_origin"
    POLITICS = "politics"
    UNION = "union"
    SEXUAL_ORIENTATION = "sexual_orientation"
    CRIMINAL = "criminal"


class Handling(StrEnum):
    """What an operator wants done with a category."""

    DROP = "drop"
    """Statements are replaced for good."""
    BLOCK = "block"
    """A text that holds one is refused."""
    KEEP = "keep"
    """Statements stay, where the person's explicit consent to the category is live; else `drop`."""


class Action(StrEnum):
    """What became of a statement."""

    REMOVED = "removed"
    BLOCKED = "blocked"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that was found; offsets in code points, end excluded."""

    start: int
    end: int
    category: Category


@dataclass(frozen=True, slots=True)
class Decided:
    """A statement and what becomes of it; offsets in code points, end excluded."""

    start: int
    end: int
    category: Category
    action: Action

    def overlaps(self, start: int, end: int) -> bool:
        """Say whether a stretch of text shares a character with it."""
        return self.start < end and start < self.end


CONSENT_TO: Mapping[Category, str] = {
    Category.HEALTH: "special.health",
    Category.RELIGION: "special.beliefs",
    Category.ETHNIC_ORIGIN: "special.other",
    Category.POLITICS: "special.other",
    Category.UNION: "special.other",
    Category.SEXUAL_ORIENTATION: "special.other",
}
"""The data category of consent that covers a category of the detector; nothing covers offences."""


class OffencesAreBlocked(ValueError):  # noqa: N818 - an operator reads it
    """Offences are never passed on in any form, whatever anybody sets (GDPR art. 10; LR-C10)."""


@dataclass(frozen=True, slots=True)
class SpecialPolicy:
    """What an operator wants done with each category: `drop` where nothing is said.

    Raises:
        OffencesAreBlocked: it says otherwise of offences.
    """

    by_category: Mapping[Category, Handling] = field(default_factory=dict)

    def __post_init__(self) -> None:
        said = self.by_category.get(Category.CRIMINAL, Handling.BLOCK)
        if said is not Handling.BLOCK:
            raise OffencesAreBlocked("criminal: only `block` is possible (GDPR art. 10).")

    def decide(
        self, statements: Iterable[Statement], data_categories: Iterable[str] = ()
    ) -> tuple[Decided, ...]:
        """Return what becomes of each statement.

        `data_categories` are those of consent (`special.health`…) whose explicit grant is live.
        """
        consented = frozenset(data_categories)
        return tuple(
            Decided(s.start, s.end, s.category, self._action(s.category, consented))
            for s in statements
        )

    def _action(self, category: Category, consented: frozenset[str]) -> Action:
        handling = self.by_category.get(category, Handling.DROP)
        if category is Category.CRIMINAL or handling is Handling.BLOCK:
            return Action.BLOCKED
        if handling is Handling.KEEP and CONSENT_TO[category] in consented:
            return Action.KEPT
        return Action.REMOVED


def blocked(decided: Iterable[Decided]) -> frozenset[Category]:
    """Return the categories for whose sake a text must not be processed at all."""
    return frozenset(s.category for s in decided if s.action is Action.BLOCKED)


def removed(decided: Iterable[Decided]) -> tuple[Decided, ...]:
    """Return the statements that do not stay."""
    return tuple(s for s in decided if s.action is not Action.KEPT)


def data_categories_kept(found: Iterable[tuple[str, str]]) -> list[str]:
    """Return the data categories of consent that a text holds; `found` are category and action."""
    return sorted({CONSENT_TO[Category(c)] for c, action in found if action == Action.KEPT})
