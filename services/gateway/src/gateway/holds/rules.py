"""Why the end of a retention may wait, and for how long at most (profile section 7.2)."""

from datetime import datetime, timedelta
from enum import StrEnum

LONGEST = timedelta(days=5 * 366)
"""The period of a civil claim (Code civil, article 2224); what lasts longer gets a new one."""


class HoldReason(StrEnum):
    """Why keys are not destroyed yet. There is no code for "to be safe"."""

    LITIGATION = "litigation"
    AUTHORITY_REQUEST = "authority_request"
    INCIDENT = "incident"


def is_bounded(until: datetime, *, at: datetime) -> bool:
    """Say whether a hold that is placed `at` ends, and not later than any hold may."""
    return at < until <= at + LONGEST
