"""What a copy says about itself, in plain French, and how its values are written (GDPR 15, 20)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from keel.clock import rfc3339

FORMAT_VERSION = 1


class ExportKind(StrEnum):
    """`access`: everything held (GDPR 15). `portable`: what the person gave (GDPR 20)."""

    ACCESS = "access"
    PORTABLE = "portable"


EXPLAINED = {
    "bilans": "Vos bilans : leur cadre, votre accord, la convention, les entretiens, les phases.",
    "consents": "Ce qu’on vous a demandé au sujet de l’intelligence artificielle, le texte exact "
    "que vous avez lu, et ce que vous avez répondu.",
    "ai_uses": "Chaque usage d’une intelligence artificielle pour vous : quand, pour quoi, sur "
    "quelles données, chez qui, ce qui en est sorti, qui l’a vérifié, et ce que vous pouvez faire.",
    "computed_runs": "Ce qui a été calculé par des règles, sans intelligence artificielle.",
    "unused_calls": "Les appels à une intelligence artificielle qui ont été refusés ou arrêtés.",
    "records": "Le registre de transparence qui vous concerne, tel qu’il est conservé.",
    "runs": "Ce que les outils ont calculé ou rédigé pour préparer vos entretiens. Rien n’y "
    "décide de quoi que ce soit : votre conseiller ou votre conseillère le relit.",
    "documents": "Les documents que vous avez confiés, en texte.",
    "reports": "Les documents de synthèse préparés avec vous.",
    "shares": "À qui vous avez permis de remettre votre document de synthèse.",
    "retention_agreements": "Ce que vous avez accepté de laisser conserver après votre bilan.",
    "restrictions": "Les limitations et les oppositions que vous avez demandées.",
    "contestations": "Ce que vous avez contesté, dans vos mots.",
}
LOGIC = (
    "Un CV est lu et mis en ordre par des règles. Une intelligence artificielle n’aide que si vous "
    "l’avez accepté, pour l’usage que vous avez accepté. Avant tout envoi, votre nom, vos "
    "coordonnées et ce qui touche à votre vie privée sont masqués. Aucune décision n’est prise "
    "par une machine : votre conseiller ou votre conseillère relit, et vous décidez."
)
SOURCES = (
    "Vous-même (documents, réponses, demandes) et votre conseiller ou votre conseillère "
    "(entretiens, relectures, textes)."
)
RIGHTS = (
    "Vous pouvez faire rectifier ou effacer vos données, limiter leur usage, vous opposer à "
    "l’intelligence artificielle, retirer votre accord à tout moment, et vous adresser à la CNIL "
    "(www.cnil.fr)."
)


def plain(row: object, *names: str) -> dict[str, Any]:
    """Return the named members of a row as JSON values."""
    return {name: written(getattr(row, name)) for name in names}


def written(value: Any) -> Any:  # noqa: ANN401 - any JSON value, and instants
    """Return a value as JSON writes it: instants as RFC 3339, at any depth."""
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Mapping):
        return {name: written(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [written(member) for member in value]
    return value
