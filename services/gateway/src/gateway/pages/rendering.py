"""How a page is made: templates, their filters, the headers of every page."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

from gateway.french_dates import french_date, french_time

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


def _load(name: str) -> str:
    return files("gateway.pages").joinpath("templates", name).read_text("utf-8")


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
