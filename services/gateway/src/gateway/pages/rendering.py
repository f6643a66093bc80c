"""How a page is made: templates, their filters, the headers of every page."""

from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    "Cache-Control": "no-store",
}

_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
)  # fmt: skip
_MARCH, _OCTOBER = 3, 10


def _load(name: str) -> str:
    return files("gateway.pages").joinpath("templates", name).read_text("utf-8")


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


_pages = Environment(
    loader=FunctionLoader(_load),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_pages.filters["french_date"] = french_date
_pages.filters["french_time"] = french_time


def render(template: str, **facts: Any) -> str:  # noqa: ANN401 - what the page shows
    """Render a page; a missing fact is an error, not an empty line."""
    return _pages.get_template(template).render(**facts)
