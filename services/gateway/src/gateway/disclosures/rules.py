"""The notices about AI, word for word, and when showing one came too late (AI Act 50(1), 50(5)).

A notice never changes under its version: who changes a word raises it, and what was shown before
stays retrievable by its version and digest.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who was told."""

    BENEFICIARY = "beneficiaire"
    COUNSELLOR = "conseiller"


class Channel(StrEnum):
    """How."""

    API_FIELD = "api_field"
    UI_BANNER = "ui_banner"
    DOCUMENT = "document"
    VOICE = "voice"
    ORAL = "oral"


class Declared(StrEnum):
    """When, as the centre's software says."""

    BEFORE_FIRST_INTERACTION = "before_first_interaction"
    AT_EXPOSURE = "at_exposure"


class Moment(StrEnum):
    """When, as it was observed."""

    BEFORE_FIRST_INTERACTION = "before_first_interaction"
    AT_EXPOSURE = "at_exposure"
    LATE = "late"


class Profile(StrEnum):
    """For whom it was made readable."""

    STANDARD = "standard"
    EASY_TO_READ = "falc"
    SCREEN_READER = "lecteur_ecran"


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice in one version."""

    id: str
    version: str
    language: str
    audience: Audience
    profiles: tuple[Profile, ...]
    text: str

    @property
    def sha256(self) -> str:
        """SHA-256 of the exact UTF-8 text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()


_BENEFICIARY = """\
Une intelligence artificielle participe à cette étape.

Ce que vous lisez ici, ou ce que vous écrivez, passe par un programme d’intelligence artificielle. \
Ce n’est pas une personne. Il peut se tromper.

Votre nom, vos coordonnées et vos employeurs sont recherchés et masqués avant tout envoi. \
Le programme ne décide rien\u00a0: votre conseiller ou votre conseillère relit, et c’est vous qui \
choisissez.

Vous pouvez refuser ou arrêter à tout moment. Votre bilan continue de la même façon.
"""
_EASY = """\
Un programme vous aide ici.

Ce programme est une intelligence artificielle.
Ce n’est pas une personne.
Le programme peut se tromper.

Votre nom est caché avant l’envoi.
Votre conseiller relit.
Le programme ne décide rien.

Vous pouvez dire non.
Vous pouvez arrêter quand vous voulez.
Votre bilan continue.
"""
_COUNSELLOR = """\
Ce résultat est produit avec l’aide d’une intelligence artificielle.

Le texte a été préparé par un modèle, à partir de données pseudonymisées. Il peut être incomplet \
ou faux. Relisez-le avec ses preuves avant de vous en servir\u00a0: la décision et la signature \
sont les vôtres. Rien n’est montré à la personne sans votre relecture là où elle est prévue.
"""

NOTICES: Mapping[tuple[str, str], Notice] = {
    (notice.id, notice.version): notice
    for notice in (
        Notice(
            "ia-beneficiaire",
            "2026-11-23",
            "fr",
            Audience.BENEFICIARY,
            (Profile.STANDARD, Profile.SCREEN_READER),
            _BENEFICIARY,
        ),
        Notice(
            "ia-beneficiaire-falc",
            "2026-11-23",
            "fr",
            Audience.BENEFICIARY,
            (Profile.EASY_TO_READ, Profile.SCREEN_READER),
            _EASY,
        ),
        Notice(
            "ia-conseiller",
            "2026-11-23",
            "fr",
            Audience.COUNSELLOR,
            (Profile.STANDARD, Profile.SCREEN_READER),
            _COUNSELLOR,
        ),
    )
}
"""Every version that was ever published, by id and version."""


def observed(declared: Declared, *, was_used: bool, was_told: bool) -> Moment:
    """Return when a notice was shown, from what is on record.

    `was_used`: a call of a model for this bilan came before. `was_told`: so did a notice to the
    same audience, which was in time or is late already. What is shown with the result that it is
    about comes at exposure, however many calls made that result.
    """
    if declared is Declared.BEFORE_FIRST_INTERACTION and was_used and not was_told:
        return Moment.LATE
    return Moment(declared)
