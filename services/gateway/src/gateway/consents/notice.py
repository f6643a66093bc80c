"""The notice that a beneficiary reads before deciding: exact text, in French, hashed."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.consents.vocabulary import vocabulary

VERSION = "2026-11-01"

_ROUTES = {
    "route.local": "sur une machine que le centre tient lui-même",
    "route.ue": "chez un prestataire de l’Union européenne",
    "route.tiers": "chez un prestataire hors de l’Union européenne",
}

_HELP = (
    "Le bilan de compétences se déroule avec votre conseiller ou votre conseillère. Une "
    "intelligence artificielle peut l’aider à préparer certains textes. Elle ne décide rien. "
    "Votre bilan se fait aussi bien sans elle : refuser ne change ni le service, ni le délai, "
    "ni le prix."
)
_MASKING = (
    "Avant tout envoi, votre nom, vos coordonnées, vos employeurs et ce qui touche à la santé, "
    "aux convictions ou aux origines sont masqués. Le texte est pseudonymisé : il reste une "
    "donnée personnelle, que personne ne peut utiliser pour entraîner un modèle."
)
_RIGHTS = (
    "Vous décidez pour chaque usage. Vous pouvez retirer votre accord à tout moment, sans "
    "raison à donner, avec votre lien personnel : le retrait agit aussitôt. Vous pouvez lire "
    "la liste de tous les usages de l’IA, les contester, et vous adresser à la CNIL "
    "(www.cnil.fr)."
)


def _recipient_line(recipient: Mapping[str, Any]) -> str:
    where = ", ".join(recipient["jurisdictions"])
    return f"{recipient['legal_name']}, {_ROUTES[recipient['route']]} ({where})"


def write(grants: Sequence[Mapping[str, Any]], recipients: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the notice for these grants; `recipients` are entries of the registry, by id."""
    words = vocabulary()
    lines = [
        "Votre accord pour l’aide d’une intelligence artificielle",
        "",
        _HELP,
        "",
        _MASKING,
        "",
    ]
    for grant in grants:
        purpose = words.purposes[grant["purpose"]]
        data = ", ".join(words.data_categories[c]["fr"] for c in grant["data_categories"])
        lines += [
            f"{purpose['fr']}. {purpose['plain']}",
            f"  Données : {data}.",
            *(f"  Traité par : {_recipient_line(recipients[r])}." for r in grant["recipients"]),
            "",
        ]
    lines += [
        _RIGHTS,
        "Base légale : votre consentement (RGPD, article 6, 1, a).",
    ]
    return "\n".join(lines)


def digest(text: str) -> str:
    """Return the SHA-256 of the exact UTF-8 text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
