"""What was done with AI for a person, told to them in plain French (transparency-record section 5).

Each use is seven lines, in the same order; a call that came to nothing is one. Every word comes
from opened records, with French words in the place of their codes. What a record does not say is
told as not noted, never guessed.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from gateway.consents.places import where
from gateway.consents.vocabulary import vocabulary
from gateway.french_dates import french_date, french_time

Opened = Mapping[str, Any]
"""A private record, unsealed (`gateway.records.rules.record_of`)."""

LABELS = (
    "Quand",
    "Pour quoi",
    "Quelles données",
    "Quel modèle, où",
    "Ce qui en est sorti",
    "Qui a vérifié",
    "Ce que je peux faire",
)
"""The seven lines; each use has all of them, in this order."""

USE_CASES: Mapping[str, str] = {
    "cv-analysis": "Lecture d’un parcours",
    "skills-inventory": "Inventaire des compétences",
    "occupation-exploration": "Exploration de pistes de métiers",
    "market-trends": "Tendances du marché du travail",
    "skills-gap": "Écart avec un métier visé",
    "training-suggestions": "Suggestion de formations",
    "synthesis-draft": "Projet de document de synthèse",
}
"""The titles of the catalogue, by the id that records keep; a contract test holds them together."""

_UNKNOWN = "Ce n’est pas noté dans le registre."
_CLOSING = ("ai.result", "ai.error", "ai.cancelled")
_ROUTES = {
    "local": "sur une machine du centre",
    "eu": "dans l’Union européenne",
    "third_country": "hors de l’Union européenne",
}
_REFUSALS = {
    "purpose_not_covered": "vous n’aviez pas accepté cet usage",
    "category_not_covered": "vous n’aviez pas accepté que ces données y servent",
    "recipient_not_covered": "vous n’aviez pas accepté ce prestataire",
    "jurisdiction_not_covered": "vous n’aviez pas accepté ce lieu de traitement",
    "consent_revoked": "vous aviez retiré votre accord",
    "consent_expired": "votre accord était arrivé à son terme",
    "consent_not_authorised": "vous n’aviez pas donné d’accord",
    "consent_stale": "votre accord avait changé",
    "consent_binding": "l’accord présenté était celui d’un autre dossier",
}
_SPECIAL = {
    "sante": "à la santé",
    "handicap": "à un handicap",
    "religion": "à la religion",
    "origine": "aux origines",
    "opinion": "aux opinions",
    "syndicat": "à un syndicat",
    "orientation": "à la vie intime",
    "penal": "à des condamnations",
}
_ACTIONS = {
    "removed": "a été retiré avant l’envoi",
    "generalised": "a été remplacé par des mots plus généraux avant l’envoi",
    "blocked": "a été bloqué",
    "kept_with_9_2_a": "a été gardé, avec votre accord exprès",
}
_DECISIONS = {
    "accepted": "accepté",
    "accepted_modified": "accepté après modification",
    "rejected": "écarté",
    "escalated": "soumis à un autre regard",
    "stopped": "arrêté",
}
_REASONS = {
    "verified": "vérifié",
    "completed": "complété",
    "corrected": "corrigé",
    "inaccurate": "inexact",
    "not_useful": "sans utilité",
    "unproved": "sans preuve",
}
_CONSENTS = {
    "consent.requested": "votre centre vous a demandé votre accord",
    "consent.authorised": "vous avez donné votre accord",
    "consent.rejected": "vous avez refusé",
    "consent.narrowed": "votre accord a été réduit",
    "consent.revoked": "votre accord a été retiré",
    "consent.superseded": "un accord plus récent a remplacé celui-ci",
    "consent.expired": "votre accord est arrivé à son terme",
}
_ANSWERS = {
    "asked": "demandé",
    "granted": "accepté",
    "refused": "refusé",
    "withdrawn": "retiré",
    "superseded": "remplacé",
}
_REVIEWERS = "votre conseiller ou votre conseillère"
_MOST_REVIEWS = 8
"""How many reviews of one use are told one by one; the copy of one's data has them all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One of the seven lines."""

    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Use:
    """One use: of a model, or of rules where `computed`."""

    record: str
    when: datetime
    what: str
    purpose: str | None
    recipient: str | None
    computed: bool
    contested: bool
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """What is told in one line: a call that was refused or stopped, a step of a consent."""

    record: str
    when: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Told:
    """Everything about one person, newest first."""

    uses: tuple[Use, ...]
    computed: tuple[Use, ...]
    unused: tuple[Noted, ...]
    consents: tuple[Noted, ...] = ()
    """What was asked, accepted and taken back."""

    def newest(self, limit: int) -> "Told":
        """Return the newest `limit` of all that is told."""
        every = [use.record for use in (*self.uses, *self.computed)]
        kept = set(sorted([*every, *(call.record for call in self.unused)])[-limit:])
        return Told(
            tuple(use for use in self.uses if use.record in kept),
            tuple(use for use in self.computed if use.record in kept),
            tuple(call for call in self.unused if call.record in kept),
            self.consents,
        )

    def __len__(self) -> int:
        """Return how many uses and calls are told."""
        return len(self.uses) + len(self.computed) + len(self.unused)

    def as_values(self) -> dict[str, Any]:
        """Return the same as plain values: for a copy of one's data, or a file to read."""
        return {
            "ai_uses": [asdict(use) for use in self.uses],
            "computed_runs": [asdict(use) for use in self.computed],
            "unused_calls": [asdict(call) for call in self.unused],
        }


def told(records: Sequence[Opened], names: Mapping[str, str] | None = None) -> Told:
    """Tell what a person's records say. What follows a use is found by its `prev`.

    `names` are legal names of recipients, by id; the id stands where a name is not known.
    """
    known, following = names or {}, defaultdict(list)
    for record in records:
        following[record.get("prev")].append(record)
    uses, computed, unused, consents = [], [], [], []
    for record in sorted(records, key=lambda r: (r["occurred_at"], r["id"]), reverse=True):
        after = following[record["id"]]
        if record["kind"] in _CONSENTS:
            consents.append(_consent(record))
        elif record["kind"] == "gate.refused":
            unused.append(_refused(record))
        elif record["kind"] == "run.computed":
            computed.append(_computed(record, after))
        elif record["kind"] == "ai.dispatch" and _closed_by(after) == "ai.cancelled":
            unused.append(_cancelled(record, known))
        elif record["kind"] == "ai.dispatch":
            uses.append(_use(record, after, known))
    return Told(tuple(uses), tuple(computed), tuple(unused), tuple(consents))


def _closed_by(after: Sequence[Opened]) -> str | None:
    return next((r["kind"] for r in after if r["kind"] in _CLOSING), None)


def _use(record: Opened, after: Sequence[Opened], names: Mapping[str, str]) -> Use:
    # The pre-call record and the one that closes it: the second knows more, where both speak.
    closing = next((r for r in after if r["kind"] in _CLOSING), None)
    body = {**record["body"], **({} if closing is None else closing["body"])}
    contested = _of(after, "output.contested")
    lines = (
        _when(record),
        _purpose(body),
        _data(record["body"]),
        _model(body, names),
        _outcome(closing, after),
        _review(after),
        _rights_of_use(contested),
    )
    return _told(record, body, lines, contested=bool(contested))


def _computed(record: Opened, after: Sequence[Opened]) -> Use:
    body = record["body"]
    fallback = body.get("fallback_reason")
    instead = "" if fallback is None else " L’aide d’un modèle était demandée et n’a pas eu lieu."
    lines = (
        _when(record),
        _purpose(body),
        _data(body),
        f"Aucun\u00a0: calculé par des règles, sans intelligence artificielle.{instead}",
        f"Un résultat a été calculé pour {_REVIEWERS}.",
        _review(after),
        (
            "Rien n’est à retirer\u00a0: aucune intelligence artificielle n’y a part. Vous pouvez "
            "faire corriger ce qui est inexact, et recevoir une copie de tout."
        ),
    )
    return _told(record, body, lines, contested=False, computed=True)


def _told(
    record: Opened,
    body: Mapping[str, Any],
    lines: Sequence[str],
    *,
    contested: bool,
    computed: bool = False,
) -> Use:
    return Use(
        record=record["id"],
        when=_at(record),
        what=_title(body),
        purpose=_purpose_word(body),
        recipient=body.get("provider_name"),
        computed=computed,
        contested=contested,
        lines=tuple(Line(label, text) for label, text in zip(LABELS, lines, strict=True)),
    )


def _refused(record: Opened) -> Noted:
    body = record["body"]
    reason = _REFUSALS.get(body.get("refusal_reason", ""), "le contrôle l’a refusé")
    again = body.get("refusals_since_last")
    often = "" if not again else f" De même {again}\u00a0fois juste avant."
    what = _title(body)
    text = f"{_moment(record)}\u00a0: {what}, refusé avant tout envoi, parce que {reason}.{often}"
    return Noted(record["id"], _at(record), text)


def _cancelled(record: Opened, names: Mapping[str, str]) -> Noted:
    to = _recipient(record["body"], names) or "un prestataire qui n’est pas noté"
    text = (
        f"{_moment(record)}\u00a0: {_title(record['body'])}, arrêté. L’appel à {to} avait "
        "été permis\u00a0; rien n’a été gardé."
    )
    return Noted(record["id"], _at(record), text)


def _consent(record: Opened) -> Noted:
    known = vocabulary().purposes
    answers = [
        f"{known.get(purpose, {}).get('fr', purpose)} ({_ANSWERS.get(answer, answer)})"
        for purpose, answer in record["body"].get("purposes", {}).items()
    ]
    what = f"\u00a0: {', '.join(answers)}" if answers else ""
    return Noted(
        record["id"], _at(record), f"{_moment(record)}, {_CONSENTS[record['kind']]}{what}."
    )


def _at(record: Opened) -> datetime:
    return datetime.fromisoformat(record["occurred_at"])


def _moment(record: Opened) -> str:
    at = _at(record)
    return f"Le {french_date(at)} à {french_time(at)}"


def _when(record: Opened) -> str:
    return f"{_moment(record)} (heure de Paris)."


def _title(body: Mapping[str, Any]) -> str:
    use_case = body.get("use_case_id")
    known = USE_CASES.get(use_case or "", use_case)
    return str(known or _purpose_word(body) or "Un usage dont le nom n’est pas noté")


def _purpose_word(body: Mapping[str, Any]) -> str | None:
    code = body.get("purpose_code")
    if code is None:
        return None
    return str(vocabulary().purposes.get(code, {}).get("fr", code))


def _purpose(body: Mapping[str, Any]) -> str:
    purpose, title = _purpose_word(body), _title(body)
    return f"{title}." if purpose in {None, title} else f"{title} (but\u00a0: {purpose})."


def _data(body: Mapping[str, Any]) -> str:
    known = vocabulary().data_categories
    categories = body.get("input_categories")
    if categories is None:
        named = _UNKNOWN
    elif not categories:
        named = "Aucune donnée personnelle."
    else:
        listed = ", ".join(known[c]["fr"] if c in known else c for c in categories)
        named = f"{listed[:1].upper()}{listed[1:]}."
    return " ".join([named, *_masked(body), *_protected(body)])


def _masked(body: Mapping[str, Any]) -> list[str]:
    counts, applied = body.get("entity_counts"), body.get("pseudonymisation_applied")
    if counts is not None:
        number = sum(counts.values())
        if number:
            s = "s" if number > 1 else ""
            return [f"{number}\u00a0élément{s} masqué{s} avant l’envoi (noms, coordonnées, lieux)."]
        return ["Il n’y avait rien à masquer."]
    if applied is None:
        return ["Ce qui a été masqué avant n’est pas noté."]
    return ["Le texte était pseudonymisé." if applied else "Le texte n’était pas pseudonymisé."]


def _protected(body: Mapping[str, Any]) -> list[str]:
    action = _ACTIONS.get(body.get("special_categories_action", ""))
    if action is None:
        return []
    codes = body.get("special_categories_detected", ())
    found = [_SPECIAL.get(c, f"à «\u00a0{c}\u00a0»") for c in dict.fromkeys(codes)]
    *most, last = found or ["à vos données protégées"]
    about = f"{', '.join(most)} et {last}" if most else last
    return [f"Ce qui touche {about} {action}."]


def _recipient(body: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    code = body.get("provider_name")
    return None if code is None else names.get(code, str(code))


def _model(body: Mapping[str, Any], names: Mapping[str, str]) -> str:
    recipient = _recipient(body, names)
    if recipient is None:
        return _UNKNOWN
    model = body.get("model_returned") or body.get("model_requested")
    places = where(body.get("processing_location", ()))
    route = _ROUTES.get(body.get("routing_decision", ""))
    named = f"Modèle\u00a0: {model}." if model else "Le modèle n’est pas noté."
    at = ", ".join(filter(None, [route, places])) or "à un endroit qui n’est pas noté"
    return f"{recipient}, {at}. {named}"


def _of(after: Sequence[Opened], kind: str) -> list[Opened]:
    return [record for record in after if record["kind"] == kind]


def _outcome(closing: Opened | None, after: Sequence[Opened]) -> str:
    if closing is None:
        return "L’appel n’est pas encore terminé dans le registre."
    if closing["kind"] == "ai.error":
        return "L’appel a échoué\u00a0: rien n’a été gardé."
    marked = _of(after, "ai.marked")
    if any("report" in record["body"] for record in marked):
        seen = "Il figure dans votre document de synthèse, signalé comme préparé avec une IA."
    elif marked:
        seen = "Il est signalé comme produit par une IA."
    else:
        seen = "Où il figure ensuite n’est pas noté dans le registre."
    return f"Un texte a été produit pour {_REVIEWERS}. {seen}"


def _review(after: Sequence[Opened]) -> str:
    reviews = sorted(_of(after, "human.review"), key=lambda r: (r["occurred_at"], r["id"]))
    if not reviews:
        return "Aucune relecture n’est notée dans le registre."
    told = [_one_review(review) for review in reviews[-_MOST_REVIEWS:]]
    if len(reviews) > len(told):  # a synthesis is reviewed block by block
        told.insert(0, f"{len(reviews)}\u00a0relectures sont notées\u00a0; voici les dernières.")
    return " ".join(told)


def _one_review(review: Opened) -> str:
    body = review["body"]
    decision = _DECISIONS.get(body.get("review_decision", ""), "décision non notée")
    reason = _REASONS.get(body.get("review_reason", ""))
    why = f" ({reason})" if reason else ""
    who = review.get("act")
    by = f"{_REVIEWERS} ({who})" if who else "une personne qui n’est pas notée"
    return f"{_moment(review)}, relu par {by}\u00a0: {decision}{why}."


def _rights_of_use(contested: Sequence[Opened]) -> str:
    said = f"Vous l’avez contesté le {french_date(_at(contested[0]))}. " if contested else ""
    return (
        f"{said}Dans votre espace personnel, vous pouvez retirer votre accord, dire que vous "
        "n’êtes pas d’accord avec cet usage, et recevoir une copie de tout."
    )
