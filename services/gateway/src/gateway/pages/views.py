"""What the hosted pages show, in French, from facts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape

from gateway.consents.vocabulary import vocabulary
from gateway.tables import Consent

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

_MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre",
    "octobre", "novembre", "décembre",
)  # fmt: skip
_ROUTES = {
    "local": "sur une machine du centre",
    "eu": "dans l’Union européenne",
    "third_country": "hors de l’Union européenne",
}
_OUTCOMES = {
    "ai.result": "Un texte a été produit et remis à votre conseiller ou votre conseillère.",
    "ai.error": "L’appel a échoué : rien n’a été gardé.",
    "ai.cancelled": "L’appel a été arrêté : rien n’a été gardé.",
}


def _load(name: str) -> str:
    return files("gateway.pages").joinpath("templates", name).read_text("utf-8")


def french_date(instant: datetime) -> str:
    """Write a day as people read it."""
    day = "1er" if instant.day == 1 else str(instant.day)
    return f"{day} {_MONTHS[instant.month - 1]} {instant.year}"


_pages = Environment(
    loader=FunctionLoader(_load),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
)
_pages.filters["french_date"] = french_date


def render(template: str, **facts: Any) -> str:  # noqa: ANN401 - what the page shows
    """Render a page; a missing fact is an error, not an empty line."""
    return _pages.get_template(template).render(**facts)


def purposes(consent: Consent) -> list[dict[str, Any]]:
    """Return each purpose of a consent in plain words, with the decision so far."""
    words = vocabulary()
    return [
        {
            "id": grant["purpose"],
            "title": words.purposes[grant["purpose"]]["fr"],
            "plain": words.purposes[grant["purpose"]]["plain"],
            "data": ", ".join(words.data_categories[c]["fr"] for c in grant["data_categories"]),
            "decision": grant.get("decision"),
        }
        for grant in consent.grants
    ]


def uses(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return every use of AI, one entry each, from the records and nothing else."""
    words = vocabulary()
    closing = {r["prev"]: r for r in records if r["kind"] in _OUTCOMES}
    shown = []
    for record in records:
        if record["kind"] != "ai.dispatch":
            continue
        body, close = record["body"], closing.get(record["id"])
        purpose = words.purposes.get(body["purpose_code"], {})
        shown.append(
            {
                "when": datetime.fromisoformat(record["occurred_at"]),
                "what": body.get("use_case_title") or body.get("use_case_id", ""),
                "purpose": purpose.get("fr", body["purpose_code"]),
                "data": ", ".join(
                    words.data_categories[c]["fr"]
                    for c in body["input_categories"]
                    if c in words.data_categories
                ),
                "masked": sum(body.get("entity_counts", {}).values()),
                "model": body.get("model_requested", ""),
                "where": _ROUTES.get(body.get("routing_decision", ""), ""),
                "recipient": body["provider_name"],
                "outcome": "En cours." if close is None else _OUTCOMES[close["kind"]],
                "record": record["id"],
            }
        )
    return shown
