"""What may be kept, why, and for how long at most (R6313-7; LR-A14, A15)."""

from datetime import date
from enum import StrEnum

MOST_YEARS = 3
"""R6313-7 as changed by décret 2023-1350: three years after the end of the action at most."""


class RetentionScope(StrEnum):
    """What is kept."""

    SYNTHESIS = "synthesis"
    DOCUMENTS = "documents"


class RetentionReason(StrEnum):
    """Why: the person's need of follow-up, or the synthesis in the case of L6313-4."""

    FOLLOW_UP = "follow_up"
    SYNTHESIS_L6313_4 = "synthesis_l6313_4"


def last_day(ends_on: date) -> date:
    """Return the last day on which anything of a bilan that ends on `ends_on` may be kept."""
    try:
        return ends_on.replace(year=ends_on.year + MOST_YEARS)
    except ValueError:  # 29 February
        return ends_on.replace(year=ends_on.year + MOST_YEARS, day=28)


def refusal(
    scope: RetentionScope, reason: RetentionReason, until: date, *, ends_on: date
) -> str | None:
    """Say why nothing may be kept like this; None when it may."""
    if scope is RetentionScope.DOCUMENTS and reason is not RetentionReason.FOLLOW_UP:
        return "Documents are kept for follow-up only (Code du travail R6313-7)."
    if until <= ends_on:
        return "Nothing needs an agreement until the bilan ends."
    if until > last_day(ends_on):
        return "Three years after the end of the bilan is the law's limit (R6313-7)."
    return None
