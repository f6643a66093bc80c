"""When a convention is asked for, who signs it, and when silence means no (R6313-8)."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

REPLY = timedelta(days=10)
"""R6313-8: the worker has ten days from the receipt of the draft; silence is a refusal."""


class Party(StrEnum):
    """Who signs."""

    WORKER = "worker"
    EMPLOYER = "employer"
    PROVIDER = "provider"


class ConventionStatus(StrEnum):
    """Where a convention stands."""

    AWAITING = "awaiting"
    SIGNED = "signed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Signatures:
    """When the draft was received and who signed it on which day."""

    received_on: date
    worker: date | None = None
    employer: date | None = None
    provider: date | None = None

    @property
    def last_day(self) -> date:
        """The last day on which the worker can sign."""
        return self.received_on + REPLY


def status_on(held: Signatures, today: date) -> ConventionStatus:
    """Return where a convention stands on a day; silence needs no job to become a refusal."""
    if held.worker is None:
        return ConventionStatus.REFUSED if today > held.last_day else ConventionStatus.AWAITING
    if held.employer is None or held.provider is None:
        return ConventionStatus.AWAITING
    return ConventionStatus.SIGNED


def date_refusal(held: Signatures, party: Party, signed_on: date, today: date) -> str | None:
    """Say why a signature cannot bear this date; None when it can."""
    if signed_on > today:
        return "A signature is recorded once it was given."
    if party is Party.WORKER and signed_on < held.received_on:
        return "The worker signs a draft that they received."
    return None
