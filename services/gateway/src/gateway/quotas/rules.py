"""What a contract counts, and for how long."""

from datetime import UTC, datetime
from enum import StrEnum

_DECEMBER = 12


class QuotaKind(StrEnum):
    """What a contract counts."""

    ASSISTED_RUNS = "assisted_runs"
    DOCUMENTS = "documents"

    @property
    def policy(self) -> str:
        """Its name in `RateLimit` fields."""
        return self.replace("_", "-")


def period_of(at: datetime) -> str:
    """Return the month of an instant, in UTC: `2026-11`."""
    return at.astimezone(UTC).strftime("%Y-%m")


def end_of(period: str) -> datetime:
    """Return the instant at which a month is over."""
    year, month = int(period[:4]), int(period[5:])
    year, month = (year + 1, 1) if month == _DECEMBER else (year, month + 1)
    return datetime(year, month, 1, tzinfo=UTC)
