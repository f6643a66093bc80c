"""Dates, numbers and names as French readers expect them."""

import re
from datetime import date, datetime

MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)
_SHORT_MONTHS = (
    "janv.",
    "févr.",
    "mars",
    "avr.",
    "mai",
    "juin",
    "juil.",
    "août",
    "sept.",
    "oct.",
    "nov.",
    "déc.",
)
NARROW = "\u202f"
_YEAR_MONTH = re.compile(r"(\d{4})-(\d{2})(?:-\d{2})?")
_QUARTER = re.compile(r"(\d{4})-?[TQ]([1-4])")

USE_CASES = {
    "cv-analysis": "Analyse du CV et du parcours",
    "skills-inventory": "Inventaire des compétences",
    "occupation-exploration": "Exploration de pistes de métiers",
    "market-trends": "Marché du travail",
    "skills-gap": "Écarts de compétences",
    "training-suggestions": "Pistes de formation",
    "synthesis-draft": "Rédaction du projet de synthèse",
}
MODES = {"in_person": "Présentiel", "video": "Visioconférence", "phone": "Téléphone"}
STATES = {
    "held": "Acquise",
    "partial": "En partie",
    "missing": "À acquérir",
    "unknown": "À vérifier",
}
_KINDS = {
    "knowledge": "Savoir",
    "savoir": "Savoir",
    "know_how": "Savoir-faire",
    "know-how": "Savoir-faire",
    "savoir_faire": "Savoir-faire",
    "savoir-faire": "Savoir-faire",
    "skill": "Savoir-faire",
    "language": "Langue",
    "savoir_etre": "Savoir-être",
    "soft": "Savoir-être",
}
RIASEC = {
    "R": "Réaliste",
    "I": "Investigateur",
    "A": "Artistique",
    "S": "Social",
    "E": "Entreprenant",
    "C": "Conventionnel",
}


def long_date(day: date | datetime) -> str:
    """Write a day in full: « 1er juin 2026 »."""
    number = "1er" if day.day == 1 else str(day.day)
    return f"{number} {MONTHS[day.month - 1]} {day.year}"


def day(text: str) -> str:
    """Write an ISO date in full; anything else stays."""
    try:
        return long_date(date.fromisoformat(text))
    except ValueError:
        return text


def period(text: str) -> str:
    """Write « 2021-09 » as « sept. 2021 » and « 2024-T1 » as « T1 2024 »; the rest stays."""
    if quarter := _QUARTER.fullmatch(text):
        return f"T{quarter[2]} {quarter[1]}"
    if (month := _YEAR_MONTH.fullmatch(text)) and 1 <= int(month[2]) <= len(MONTHS):
        return f"{_SHORT_MONTHS[int(month[2]) - 1]} {month[1]}"
    return text


def territory(code: str) -> str:
    """Name a territory by its code: FR, R-52 (a region), D-44 (a département)."""
    level, _, rest = code.partition("-")
    names = {"R": f"région {rest}", "D": f"département {rest}", "B": f"bassin {rest}"}
    return "France" if code == "FR" else names.get(level, code) if rest else code


def number(value: float) -> str:
    """Write a number with French grouping and comma, without needless decimals."""
    rounded = round(value, 2)
    text = f"{rounded:,.2f}".rstrip("0").rstrip(".")
    return text.replace(",", NARROW).replace(".", ",")


def kind(value: str | None) -> str:
    """Name the family of a skill."""
    return _KINDS.get((value or "").strip().lower(), (value or "Non classée").strip().capitalize())


def plural(count: int, one: str, many: str) -> str:
    """Write a count with its noun."""
    return f"{count} {one if count < 2 else many}"  # noqa: PLR2004 - French plurals begin at two
