"""Which certifications may be suggested, and what else leads to an occupation. Pure.

Only active certifications whose registration has not ended are suggested. No organisation's own
courses are favoured: certifications that a ministry owns are all that the bundle holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Certification:
    """A certification and how it was linked to the occupation."""

    rncp: str
    title: str
    kind: str | None
    level: str | None
    status: str
    valid_until: str | None
    link: str
    made_by: str


def suggestible(certifications: Sequence[Certification], *, on: str) -> list[Certification]:
    """Return those that are active and not ended on a day (ISO), lowest level first."""
    open_ones = [
        c
        for c in certifications
        if c.status == "active" and (c.valid_until is None or c.valid_until > on)
    ]
    return sorted(open_ones, key=lambda c: (c.level or "9", c.title))


@dataclass(frozen=True, slots=True)
class Alternative:
    """A way to an occupation or a certification without a training; `source` is where it stands."""

    kind: str
    text: str
    source: str


ALTERNATIVES = (
    Alternative(
        "vae",
        "Validation des acquis de l'expérience : une certification inscrite au RNCP peut être "
        "obtenue par l'expérience, en tout ou par blocs.",
        "Code du travail, articles L6411-1 et suivants",
    ),
    Alternative(
        "on_the_job",
        "Apprendre en situation de travail : action de formation en situation de travail (AFEST), "
        "tutorat, changement de tâches dans l'entreprise actuelle.",
        "Code du travail, article L6313-2",
    ),
    Alternative(
        "immersion",
        "Période de mise en situation en milieu professionnel : découvrir le métier et vérifier "
        "le projet avant toute formation.",
        "Code du travail, articles L5135-1 et suivants",
    ),
)
