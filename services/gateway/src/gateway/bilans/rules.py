"""What a bilan is in law (Code du travail L6313-4, R6313-4 to R6313-8)."""

from datetime import date
from enum import StrEnum
from typing import Protocol

from gateway.conventions.rules import Signatures

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


class Signed(Protocol):
    """Days of a convention, as they are stored."""

    received_on: str
    worker_signed_on: str | None
    employer_signed_on: str | None
    provider_signed_on: str | None


def asks_convention(funding: Funding) -> bool:
    """Say whether employer, worker and provider sign a convention first (R6313-8; LR-A17)."""
    return funding in {Funding.PDC, Funding.RECLASSEMENT}


def signatures_of(row: Signed) -> Signatures:
    """Return the days of a convention as its rules read them."""

    def day(text: str | None) -> date | None:
        return None if text is None else date.fromisoformat(text)

    return Signatures(
        date.fromisoformat(row.received_on),
        day(row.worker_signed_on),
        day(row.employer_signed_on),
        day(row.provider_signed_on),
    )


def bounds_refusal(
    *,
    planned_minutes: int,
    support_minutes: int,
    starts_on: date,
    ends_on: date,
    min_support_minutes: int = MIN_SUPPORT_MINUTES,
) -> str | None:
    """Say which legal bound the plan breaks; None when it keeps them all.

    `min_support_minutes` is the installation's floor, never below the law's.
    """
    floor = max(min_support_minutes, MIN_SUPPORT_MINUTES)
    if planned_minutes > MAX_PLANNED_MINUTES:
        return "A bilan lasts 24 hours at most (Code du travail L6313-4)."
    if support_minutes < floor:
        hours = f"{floor / 60:g}"
        return f"Effective support lasts {hours} hours at least (Code du travail R6313-4)."
    if support_minutes > planned_minutes:
        return "Effective support cannot exceed the planned hours."
    if ends_on < starts_on:
        return "The bilan ends before it starts."
    return None
