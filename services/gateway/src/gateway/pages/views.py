"""What the hosted pages show, in French, from facts."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from gateway.consents.notice import ExplicitQuestion, explicit_questions
from gateway.consents.rules import ANSWERS, ConsentStatus, Decision, decided, end_of
from gateway.consents.vocabulary import vocabulary
from gateway.restrictions.rules import RestrictionKind, Side
from gateway.tables import Consent, Restriction

_STATES = {
    ConsentStatus.AWAITING: "Votre centre attend votre réponse.",
    ConsentStatus.LAPSED: "Vous n’avez pas répondu : rien n’est autorisé.",
    ConsentStatus.CANCELLED: "Votre centre a annulé sa demande : rien n’est autorisé.",
}
_WORDS: Mapping[str, str] = {
    Decision.GRANTED: "accepté",
    Decision.REFUSED: "refusé",
    Decision.WITHDRAWN: "retiré",
    Decision.SUPERSEDED: "remplacé par une réponse plus récente",
}
_STOPS: Mapping[str, str] = {
    RestrictionKind.OBJECTION: "Plus aucune intelligence artificielle",
    RestrictionKind.RESTRICTION: "Plus aucun usage de vos données, sauf les garder",
}
_SIDES: Mapping[str, str] = {Side.BENEFICIARY: "vous", Side.TENANT: "votre centre"}
_MONTH = timedelta(days=30)
SHORTER = {"1": _MONTH, "3": 3 * _MONTH}
"""Shorter durations that the page offers, in months of 30 days."""


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
            "answer": _WORDS.get(grant.get("decision") or "", "sans réponse"),
        }
        for grant in consent.grants
    ]


def granted(consent: Consent) -> list[dict[str, Any]]:
    """Return the purposes that the person accepted and did not take back."""
    return [p for p in purposes(consent) if p["decision"] == Decision.GRANTED]


def stop(row: Restriction) -> dict[str, Any]:
    """Return a restriction or an objection as its person reads it: what, by whom, when."""
    return {
        "what": _STOPS[row.kind],
        "imposed_by": _SIDES[row.imposed_by],
        "imposed_at": row.imposed_at,
        "lifted_by": None if row.lifted_by is None else _SIDES[row.lifted_by],
        "lifted_at": row.lifted_at,
    }


def taken_back(consent: Consent, purpose: str | None) -> list[str]:
    """Return the titles of what a withdrawal just ended: one purpose, or the whole consent."""
    if purpose is None:
        return [p["title"] for p in granted(consent)]
    return [p["title"] for p in purposes(consent) if p["id"] == purpose]


def same_answers(consent: Consent, form: Mapping[str, str]) -> bool:
    """Say whether a form posted once more holds the answers that are on record."""
    posted = {
        g["purpose"]: Decision(form[f"decision.{g['purpose']}"])
        for g in consent.grants
        if form.get(f"decision.{g['purpose']}") in ANSWERS
    }
    again = decided(consent.grants, posted, explicit_acts(consent, form))
    return all(
        now["decision"] == then["decision"]
        for now, then in zip(again, consent.grants, strict=True)
        if then["decision"] in ANSWERS  # what was taken back since says nothing about the answer
    )


def questions(
    consent: Consent, chosen: Mapping[str, str], missing: Collection[str]
) -> dict[str, Any]:
    """Return the exact notice, cut where the questions come in, and the questions.

    Each paragraph of the notice is shown once and whole, in order: those of a purpose and of a
    special category stand with their own questions, what comes before and after stands around.
    `chosen` is what was posted, kept when the page has to be shown again; `missing` are the names
    that were left open.
    """
    title, *paragraphs = [p.strip("\n") for p in consent.notice_text.split("\n\n") if p.strip()]
    asked, before, after = [], [], []
    left, explicit = list(purposes(consent)), explicit_questions(consent.grants)
    for paragraph in paragraphs:
        found = next((p for p in left if paragraph.startswith(f"{p['title']}. ")), None)
        if found is not None:
            left.remove(found)
            asked.append(_question(found, paragraph, chosen, missing))
        elif asked:
            after.append(_with_its_questions(paragraph, explicit, chosen, missing))
        else:
            before.append(paragraph)
    asked += [_question(purpose, "", chosen, missing) for purpose in left]
    open_ones = [q for q in [*asked, *(q for a in after for q in a["questions"])] if q["missing"]]
    return {
        "title": title,
        "before": before,
        "purposes": asked,
        "after": after,
        "open": open_ones,
        "count": len(asked) + len(explicit),
    }


def _question(
    purpose: Mapping[str, Any], paragraph: str, chosen: Mapping[str, str], missing: Collection[str]
) -> dict[str, Any]:
    title = f"{purpose['title']}."
    shown = paragraph.removeprefix(title).strip() or f"{purpose['plain']}"
    plain, *facts = [line.strip() for line in shown.splitlines()]
    return {
        **_asked(f"decision.{purpose['id']}", chosen, missing),
        "title": title,
        "plain": plain,
        "facts": facts,
    }


def _with_its_questions(
    paragraph: str,
    explicit: Sequence[ExplicitQuestion],
    chosen: Mapping[str, str],
    missing: Collection[str],
) -> dict[str, Any]:
    """Return a paragraph; that of a special category with one question a purpose under it."""
    first, *lines = [line.strip() for line in paragraph.splitlines()]
    own = [q for q in explicit if q.notice == first]
    if len(own) != len(lines) or not own:
        return {"text": paragraph, "questions": []}
    return {
        "text": first,
        "questions": [
            {**_asked(explicit_name(q.purpose, q.category), chosen, missing), "title": line}
            for q, line in zip(own, lines, strict=True)
        ],
    }


def _asked(name: str, chosen: Mapping[str, str], missing: Collection[str]) -> dict[str, Any]:
    return {
        "name": name,
        "anchor": "q-" + name.replace(".", "-"),
        "chosen": chosen.get(name),
        "missing": name in missing,
    }


def explicit_name(purpose: str, category: str) -> str:
    """Return the form's name of the separate act on one special category, for one purpose."""
    return f"explicit.{purpose}.{category}"


def left_open(consent: Consent, form: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the questions that were not answered.

    Who refuses a purpose refuses its special categories with it.
    """
    names = [f"decision.{g['purpose']}" for g in consent.grants]
    names += [
        explicit_name(q.purpose, q.category)
        for q in explicit_questions(consent.grants)
        if form.get(f"decision.{q.purpose}") != Decision.REFUSED
    ]
    return tuple(name for name in names if form.get(name) not in ANSWERS)


def explicit_acts(consent: Consent, form: Mapping[str, str]) -> dict[str, dict[str, Decision]]:
    """Return what was said to each special category, by purpose; what was not said is refused."""
    acts: dict[str, dict[str, Decision]] = {}
    for q in explicit_questions(consent.grants):
        said = form.get(explicit_name(q.purpose, q.category))
        decision = Decision.GRANTED if said == Decision.GRANTED else Decision.REFUSED
        acts.setdefault(q.purpose, {})[q.category] = decision
    return acts


def durations(consent: Consent, at: datetime) -> dict[str, Any]:
    """Return until when the consent would last, and the shorter ends that may be chosen."""
    length = timedelta(seconds=consent.validity_seconds)
    return {
        "ends": end_of(at, length),
        "shorter": [
            {"months": months, "ends": end_of(at, shorter)}
            for months, shorter in SHORTER.items()
            if shorter < length
        ],
    }


def answers(posted: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what a form held, in plain words; what is no answer to a purpose is left out."""
    words = vocabulary().purposes
    decided = ((k.removeprefix("decision."), v) for k, v in posted.items() if "decision." in k)
    return [
        {"title": words[purpose]["fr"], "answer": _WORDS[Decision(value)]}
        for purpose, value in decided
        if purpose in words and value in ANSWERS
    ]


def agreed(consent: Consent, status: ConsentStatus) -> dict[str, Any]:
    """Return one consent as its person reads it."""
    if status is ConsentStatus.AUTHORISED and consent.authorised_at is not None:
        line, when = "Accord en cours, donné le", consent.authorised_at
    elif consent.ended_at is not None:
        line, when = "Accord terminé le", consent.ended_at
    else:
        line, when = _STATES.get(status, "Pas encore de réponse."), None
    return {
        "id": consent.id,
        "standing": status is ConsentStatus.AUTHORISED,
        "line": line,
        "when": when,
        "ends": consent.expires_at,
        "purposes": purposes(consent),
    }
