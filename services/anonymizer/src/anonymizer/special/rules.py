"""What a special-category statement is, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
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


class Action(StrEnum):
    """What becomes of a statement."""

    REMOVED = "removed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement to drop, or to block the text for; offsets in code points, end excluded."""

    start: int
    end: int
    category: Category

    @property
    def action(self) -> Action:
        """Offences are never passed on in any form (`legal-requirements`, LR-C10)."""
        return Action.BLOCKED if self.category is Category.CRIMINAL else Action.REMOVED


def blocked(statements: Sequence[Statement]) -> bool:
    """Say whether a text with these statements must not be processed at all."""
    return any(statement.action is Action.BLOCKED for statement in statements)
