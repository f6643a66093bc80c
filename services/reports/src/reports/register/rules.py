"""What the register's pages print, decided once: heads, counts, explanations. No clock, no rows."""

from dataclasses import asdict, dataclass
from typing import Any

from reports.register.document import Register, ToldInShort, ToldUse
from reports.synthesis.french import number

TITLE = "Ce que l’intelligence artificielle a\u00a0fait pour mon bilan"
SUBTITLE = "Relevé de transparence"
SOURCE_NAME = "releve.json"

_SHOWS = (
    (
        "Chaque fois qu’une intelligence artificielle sert à votre bilan, un enregistrement "
        "est écrit avant l’envoi, puis complété quand la réponse arrive. Ce relevé raconte "
        "chacun de ces enregistrements en sept lignes, sans rien y ajouter."
    ),
    (
        "Il ne contient ni votre CV, ni vos notes, ni les textes produits. Aucune décision "
        "sur vous n’est prise par une machine : un résultat n’entre dans votre bilan qu’après"
        " une relecture humaine."
    ),
)
_NO_USE = (
    "Le registre ne contient aucun usage de l’intelligence artificielle pour votre bilan à la "
    "date de ce relevé."
)
_COMPUTED = (
    "Ces résultats viennent de règles écrites à l’avance, qui rangent, comptent ou comparent. "
    "Aucun modèle d’intelligence artificielle n’y a part."
)
_UNUSED = (
    "Ce qui a été refusé avant tout envoi, ou arrêté en cours de route, laisse aussi une trace."
)
_CONSENTS = (
    "Ce qui vous a été demandé, et ce que vous avez accepté, réduit ou retiré, du plus récent au "
    "plus ancien."
)
_WHAT = (
    (
        "Le registre est un journal public où rien ne s’efface : chaque enregistrement y "
        "laisse une empreinte, et chaque empreinte dépend de toutes les précédentes. On ne "
        "peut ni changer une ligne ni en retirer une sans que cela se voie. L’empreinte ne "
        "dit rien de vous : sans la clé de votre dossier, personne ne peut savoir à quoi elle"
        " correspond."
    ),
    (
        "Ce que cela prouve : ce qui est écrit n’a pas été changé depuis. Ce que cela ne "
        "prouve pas : que tout a été écrit."
    ),
)
_STEPS = (
    (
        "Demandez à votre centre, ou depuis votre espace personnel, une copie de vos "
        "données : elle contient chaque enregistrement en entier."
    ),
    (
        "Demandez le reçu d’un enregistrement, par son numéro (« rec_… », à la fin de chaque "
        "usage). Il contient la preuve que l’empreinte figure dans le journal."
    ),
    (
        "Vérifiez ce reçu avec un outil que ni le centre ni Passerelle n’a écrit : la page "
        "« verify » de la documentation en nomme trois et donne les commandes."
    ),
    (
        "Gardez ce relevé. Il porte la taille et l’empreinte du journal au jour où il a été "
        "établi : un journal récrit depuis ne concorderait plus avec elles."
    ),
)
_RIGHTS = (
    (
        "Retirer votre accord, en entier ou pour un seul usage, à tout moment, dans votre "
        "espace personnel. Votre bilan continue sans intelligence artificielle."
    ),
    "Dire que vous n’êtes pas d’accord avec un résultat, et demander qu’une personne le reprenne.",
    "Recevoir une copie de tout, faire corriger ce qui est inexact, demander l’effacement.",
    "Vous adresser à la CNIL (www.cnil.fr), si vous pensez que vos droits ne sont pas respectés.",
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One use as printed."""

    number: str
    what: str
    mark: str
    contested: str
    lines: list[tuple[str, str]]
    record: str


def shown(register: Register) -> dict[str, Any]:
    """Return all that is printed, as values for the template."""
    return {
        "title": TITLE,
        "subtitle": SUBTITLE,
        "person": register.person or f"Dossier {register.beneficiary}",
        "facts": _facts(register),
        "shows": list(_SHOWS),
        "no_use": "" if register.uses else _NO_USE,
        "uses": _numbered(register.uses),
        "computed_told": _COMPUTED,
        "computed": _numbered(register.computed),
        "unused_told": _UNUSED,
        "unused": _short(register.unused),
        "consents_told": _CONSENTS,
        "consents": _short(register.consents),
        "log_told": list(_WHAT),
        "log": [
            ("Nom du journal", register.log.origin),
            ("Adresse", register.log.url),
            ("Taille", _entries(register.log.size)),
            ("Empreinte", register.log.root),
        ],
        "steps": list(_STEPS),
        "rights": list(_RIGHTS),
        "made_on": register.made_on,
        "keywords": ["transparence", "intelligence artificielle", "bilan de compétences"],
    }


def _facts(register: Register) -> list[tuple[str, str]]:
    facts = [
        ("Centre", register.centre),
        ("Dossier", register.beneficiary),
        ("Établi", f"le {register.made_on}"),
        ("Usages d’une IA", _count(len(register.uses), "Aucun")),
        ("Calculs sans IA", _count(len(register.computed), "Aucun")),
        ("Refus et arrêts", _count(len(register.unused), "Aucun")),
    ]
    # Without a name of their own, the file number already stands under the title.
    return facts if register.person else [fact for fact in facts if fact[0] != "Dossier"]


def _count(count: int, none: str) -> str:
    return number(count) if count else none


def _entries(size: int) -> str:
    return f"{number(size)} empreinte{'s' if size > 1 else ''}"


def _numbered(uses: list[ToldUse]) -> list[dict[str, Any]]:
    # The newest stands first and keeps its number: the first use ever is number 1.
    return [
        asdict(
            Shown(
                number=str(len(uses) - at),
                what=use.what,
                mark="[Calculé]" if use.computed else "[IA]",
                contested="Vous avez contesté cet usage." if use.contested else "",
                lines=[(line.label, line.text) for line in use.lines],
                record=use.record,
            )
        )
        for at, use in enumerate(uses)
    ]


def _short(told: list[ToldInShort]) -> list[dict[str, str]]:
    return [{"text": one.text, "record": one.record} for one in told]
