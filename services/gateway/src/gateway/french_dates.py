"""Days and hours as people in France read them."""

from datetime import UTC, datetime, timedelta

_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
)  # fmt: skip
_MARCH, _OCTOBER = 3, 10


def french_date(instant: datetime) -> str:
    """Write a day as people in France read it."""
    day = paris(instant)
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number} {_MONTHS[day.month - 1]} {day.year}"


def french_time(instant: datetime) -> str:
    """Write an hour as people in France read it."""
    return paris(instant).strftime("%H h %M")


def paris(instant: datetime) -> datetime:
    """Return the instant at the hour of Paris (directive 2000/84/EC, articles 2 and 3).

    Summer time begins and ends at 01:00 UTC on the last Sundays of March and October. Written out,
    because slim images carry no time zones.
    """
    utc = instant.astimezone(UTC)
    summer = _last_sunday(utc.year, _MARCH) <= utc < _last_sunday(utc.year, _OCTOBER)
    return utc + timedelta(hours=2 if summer else 1)


def _last_sunday(year: int, month: int) -> datetime:
    last = datetime(year, month, 31, 1, tzinfo=UTC)
    return last - timedelta(days=(last.weekday() + 1) % 7)
