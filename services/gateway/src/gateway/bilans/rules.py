"""What a bilan is in law (Code du travail L6313-4, R6313-4 to R6313-8)."""

from datetime import date
from enum import StrEnum

MAX_PLANNED_MINUTES = 24 * 60
"""L6313-4, last paragraph: 24 hours at most."""
MIN_SUPPORT_MINUTES = 13 * 60
"""R6313-4 as completed in 2026: thirteen hours of effective support at least."""


class BilanStatus(StrEnum):
    """Where a bilan stands."""

    DRAFT = "draft"
    OPEN = "open"
    CLOSED = "closed"


class Funding(StrEnum):
    """Who pays, and so which texts apply."""

    CPF = "CPF"
    PDC = "PDC"
    RECLASSEMENT = "reclassement"
    OTHER = "autre"


def bounds_refusal(
    *, planned_minutes: int, support_minutes: int, starts_on: date, ends_on: date
) -> str | None:
    """Say which legal bound the plan breaks; None when it keeps them all."""
    if planned_minutes > MAX_PLANNED_MINUTES:
        return "A bilan lasts 24 hours at most (Code du travail L6313-4)."
    if support_minutes < MIN_SUPPORT_MINUTES:
        return "Effective support lasts 13 hours at least (Code du travail R6313-4)."
    if support_minutes > planned_minutes:
        return "Effective support cannot exceed the planned hours."
    if ends_on < starts_on:
        return "The bilan ends before it starts."
    return None
