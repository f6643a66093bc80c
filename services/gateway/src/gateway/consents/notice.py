"""The notice that a beneficiary reads before deciding: exact text, in French, hashed."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.consents.places import where
from gateway.consents.rules import explicit_asked
from gateway.consents.vocabulary import vocabulary

ID = "bilan-ia"
VERSION = "2026-11-23.2"
"""Raised with every change of the words; what was shown before is stored with its consent."""
LANGUAGE = "fr"

_ROUTES = {
    "route.local": "sur une machine que le centre tient lui-même",
    "route.ue": "prestataire de l’Union européenne",
    "route.tiers": "prestataire hors de l’Union européenne",
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
_MASKING_EXCEPT = (
    "Avant tout envoi, votre nom, vos coordonnées et vos employeurs sont masqués, et ce qui touche "
    "à la santé, aux convictions ou aux origines est retiré, sauf ce que vous acceptez "
    "expressément plus bas. Le texte est pseudonymisé : il reste une donnée personnelle, que "
    "personne ne peut utiliser pour entraîner un modèle."
)
_EXPLICIT = (
    "Données protégées. Chaque question ci-dessous est à part : vous pouvez accepter l’usage et "
    "refuser que ces données y servent."
)
_RIGHTS = (
    "Vous décidez pour chaque usage. Vous pouvez retirer votre accord à tout moment, sans "
    "raison à donner, avec votre lien personnel : le retrait agit aussitôt. Vous pouvez lire "
    "la liste de tous les usages de l’IA, les contester, et vous adresser à la CNIL "
    "(www.cnil.fr)."
)


def _recipient_line(recipient: Mapping[str, Any]) -> str:
    told = (recipient["legal_name"], _ROUTES[recipient["route"]], where(recipient["jurisdictions"]))
    return ", ".join(filter(None, told))


@dataclass(frozen=True, slots=True)
class ExplicitQuestion:
    """A question of its own about one special category, for one purpose (GDPR art. 9, 2, a)."""

    purpose: str
    purpose_label: str
    category: str
    category_label: str
    notice: str
    question: str


def explicit_questions(grants: Sequence[Mapping[str, Any]]) -> list[ExplicitQuestion]:
    """Return what must be asked by separate acts, in the order of the grants; mostly nothing."""
    words = vocabulary()
    return [
        ExplicitQuestion(
            purpose,
            words.purposes[purpose]["fr"],
            category,
            words.data_categories[category]["fr"],
            words.data_categories[category]["explicit_notice"],
            words.data_categories[category]["explicit_question"],
        )
        for purpose, category in explicit_asked(grants)
    ]


def write(grants: Sequence[Mapping[str, Any]], recipients: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the notice for these grants; `recipients` are entries of the registry, by id."""
    questions = explicit_questions(grants)
    lines = [
        "Votre accord pour l’aide d’une intelligence artificielle",
        "",
        _HELP,
        "",
        _MASKING_EXCEPT if questions else _MASKING,
        "",
    ]
    for grant in grants:
        lines += [*_purpose(grant, recipients), ""]
    if questions:
        lines += [*_explicit(questions), ""]
    lines += [_RIGHTS, "Base légale : votre consentement (RGPD, article 6, 1, a)."]
    if questions:
        lines.append("Données protégées : votre consentement exprès (RGPD, article 9, 2, a).")
    return "\n".join(lines)


def _purpose(grant: Mapping[str, Any], recipients: Mapping[str, Mapping[str, Any]]) -> list[str]:
    words = vocabulary()
    purpose = words.purposes[grant["purpose"]]
    data = ", ".join(words.data_categories[c]["fr"] for c in grant["data_categories"])
    return [
        f"{purpose['fr']}. {purpose['plain']}",
        f"  Données : {data}.",
        *(f"  Traité par : {_recipient_line(recipients[r])}." for r in grant["recipients"]),
    ]


def _explicit(questions: Sequence[ExplicitQuestion]) -> list[str]:
    """Return one paragraph a special category, with the question for each purpose under it."""
    lines = [_EXPLICIT]
    for category in dict.fromkeys(q.category for q in questions):
        asked = [q for q in questions if q.category == category]
        lines += ["", asked[0].notice]
        lines += [f"  {q.purpose_label} : {_lower(q.question)}" for q in asked]
    return lines


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def digest(text: str) -> str:
    """Return the SHA-256 of the exact UTF-8 text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()
