"""What the figures are called, and the sentence that reads them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

_THIN_SPACE = "\u202f"
_STALE_YEARS = 3


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an indicator measures, in French, and its unit."""

    name: str
    unit: str


MEANINGS = {
    "dares.tension": Meaning("Tension de recrutement, de 1 (faible) à 5 (forte)", "classe"),
    "dares.tension_index": Meaning("Indice de tension, centré réduit", "indice"),
    "dares.employment": Meaning("Emploi moyen", "personnes"),
    "dares.hiring_intensity": Meaning("Intensité d'embauches, de 1 à 5", "classe"),
    "dares.training_link": Meaning("Lien entre formation et emploi, de 1 à 5", "classe"),
    "dares.labour_shortage": Meaning("Manque de main-d'œuvre disponible, de 1 à 5", "classe"),
    "dares.precarious": Meaning("Non-durabilité de l'emploi, de 1 à 5", "classe"),
    "dares.working_conditions": Meaning("Conditions de travail contraignantes, de 1 à 5", "classe"),
    "dares.geographic_mismatch": Meaning("Inadéquation géographique, de 1 à 5", "classe"),
    "dares.jobseekers_a": Meaning("Demandeurs d'emploi inscrits, catégorie A", "personnes"),
    "dares.jobseekers_abc": Meaning(
        "Demandeurs d'emploi inscrits, catégories A, B, C", "personnes"
    ),
    "ft.offers": Meaning("Offres d'emploi enregistrées", "offres"),
    "ft.jobseekers": Meaning("Demandeurs d'emploi, catégories A, B, C", "personnes"),
    "bmo.projects": Meaning("Projets de recrutement", "projets"),
    "bmo.difficult": Meaning("Projets de recrutement jugés difficiles", "projets"),
    "bmo.seasonal": Meaning("Projets de recrutement saisonniers", "projets"),
    "bmo.difficult_share": Meaning("Part des projets jugés difficiles", "%"),
}
ORDER = {indicator: place for place, indicator in enumerate(MEANINGS)}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure with everything that says where it comes from."""

    indicator: str
    value: float | None
    period: str
    territory: str
    territory_level: str
    territory_label: str
    occupation_level: str
    occupation_code: str
    occupation_label: str
    n: int | None
    flag: str
    release: str
    publication: str


def level(territory: str) -> str:
    """Return the level of a territory from its code."""
    levels = {"R": "region", "D": "departement", "B": "bassin"}
    return "country" if territory == "FR" else levels[territory[0]]


def number(value: float) -> str:
    """Write a number as French readers expect: thin spaces, a comma, no needless decimals."""
    if float(value).is_integer():
        return f"{int(value):,}".replace(",", _THIN_SPACE)
    return f"{value:,.1f}".replace(",", _THIN_SPACE).replace(".", ",")


def reading(label: str, place: str, latest: Sequence[Figure]) -> str:
    """Return a short French sentence whose numbers are all values or periods of `latest`."""
    parts = [_tension(latest), _projects(latest), _jobseekers(latest)]
    said = [part for part in parts if part]
    if not said:
        return f"Aucun chiffre publié n'a été trouvé pour « {label} » ({place})."
    return f"« {label} », {place} : {' ; '.join(said)}."


def _first(figures: Sequence[Figure], indicator: str) -> Figure | None:
    return next((f for f in figures if f.indicator == indicator and f.value is not None), None)


def _at(figure: Figure) -> str:
    return f"{figure.period}, {figure.territory_label}"


def _tension(figures: Sequence[Figure]) -> str:
    found = _first(figures, "dares.tension")
    if found is None or found.value is None:
        return ""
    words = ("faible", "plutôt faible", "moyenne", "plutôt forte", "forte")
    word = words[min(max(int(found.value), 1), 5) - 1]
    return (
        f"la tension de recrutement publiée est {word} (classe {number(found.value)}, {_at(found)})"
    )


def _projects(figures: Sequence[Figure]) -> str:
    found = _first(figures, "bmo.projects")
    if found is None or found.value is None:
        return ""
    least = "au moins " if found.flag == "lower_bound" else ""
    text = f"les employeurs annoncent {least}{number(found.value)} projets de recrutement"
    share = _first(figures, "bmo.difficult_share")
    if share is not None and share.value is not None and share.territory == found.territory:
        text += f", dont {number(share.value)} % jugés difficiles"
    return f"{text} ({_at(found)})"


def _jobseekers(figures: Sequence[Figure]) -> str:
    found = _first(figures, "dares.jobseekers_abc")
    if found is None or found.value is None:
        return ""
    return f"{number(found.value)} demandeurs d'emploi étaient inscrits ({_at(found)})"


def is_stale(latest_period: str, year: int) -> bool:
    """Say whether the newest figure is more than three years old."""
    return year - int(latest_period[:4]) > _STALE_YEARS
