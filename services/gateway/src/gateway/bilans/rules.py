"""What a bilan is in law (Code du travail L6313-4, R6313-4 to R6313-8)."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Protocol

from gateway.conventions.rules import Signatures

MAX_PLANNED_MINUTES = 24 * 60
"""L6313-4, last paragraph: 24 hours at most."""
MIN_SUPPORT_MINUTES = 13 * 60
"""R6313-4 as completed in 2026: thirteen hours of effective support at least."""


FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
LONGEST = timedelta(days=731)
"""Two years, one of them a leap year. Our own bounds, against mistyped days; no text gives any."""
YEAR = timedelta(days=366)


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


def agreed_refusal(agreed_on: date, *, created_on: date, today: date) -> str | None:
    """Say why an agreement cannot bear this day; None when it can. The year is our own bound."""
    if agreed_on > today:
        return "An agreement is recorded once it was given."
    if agreed_on < created_on - YEAR:
        return "The worker agrees to this bilan: within the year before it was created, or later."
    return None


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
    if starts_on < FIRST_DAY or ends_on > LAST_DAY or ends_on - starts_on > LONGEST:
        return (
            "A bilan lies between 2000 and 2100 and lasts two years at most. No text says so: it "
            "is this platform's bound against mistyped days."
        )
    return None
