"""Skills and titles to occupations: leads with their reasons, in an order that is stated.

What is compared are occupations, never people: a lead has reasons and no score. The measure of
shared skills serves to order leads and to choose which to show; it is not shown.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labour_market.matching.mentions import Mention, Skill
from labour_market.matching.titles import SAME, Candidate, Reading
from labour_market.occupations.catalogue import Catalogue, Move, Occupation

SORT_CRITERION = (
    "D'abord les métiers que nomment les intitulés, puis ceux qui demandent le plus de compétences "
    "repérées (une compétence que peu de métiers demandent compte davantage, une compétence de "
    "base du métier aussi), enfin les mobilités que le ROME indique depuis le premier intitulé."
)
_CORE = 1.5
_FEWEST_SHARED = 2
_ACQUIRE = 8
_SUPPORT = 12
_LIKELY = 0.3


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an occupation is a lead: a short French sentence and what proves it.

    `mentions` are words of the text; `record` is the code of a reference record.
    """

    text: str
    mentions: tuple[Mention, ...] = ()
    record: str | None = None


@dataclass(frozen=True, slots=True)
class Lead:
    """An occupation that may be worth looking at."""

    occupation: Occupation
    reasons: tuple[Reason, ...]
    supporting: tuple[Skill, ...]
    to_acquire: tuple[Skill, ...]
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class _Overlap:
    weight: float
    shared: tuple[str, ...]


def leads(
    catalogue: Catalogue,
    readings: Sequence[Reading],
    mentions: Sequence[Mention],
    given: Iterable[str],
    limit: int,
) -> list[Lead]:
    """Return up to `limit` leads from titles, skills found in a text and skills given by code."""
    found = {m.skill.code: m for m in mentions}
    held = {*found, *(code for code in given if code in catalogue.skill_index.by_code)}
    overlaps = _overlaps(catalogue, held)
    named = _named(readings)
    reached = _reached(catalogue, named)
    order = _order(catalogue, named, overlaps, reached)
    chosen = [catalogue.occupations[code] for code in order[:limit]]
    return [
        _lead(catalogue, o, named.get(o.code), overlaps.get(o.family), reached.get(o.code), found)
        for o in chosen
    ]


def _overlaps(catalogue: Catalogue, held: set[str]) -> dict[str, _Overlap]:
    families = max(len(catalogue.requirements), 1)
    found = {}
    for family, asked in catalogue.requirements.items():
        shared = [r for r in asked if r.skill in held]
        if len(shared) >= min(_FEWEST_SHARED, len(held)) and shared:
            weight = sum(
                math.log(1 + families / catalogue.demand[r.skill])
                * (_CORE if r.importance in {"core", "essential"} else 1.0)
                for r in shared
            )
            found[family] = _Overlap(weight, tuple(r.skill for r in shared))
    return found


def _named(readings: Sequence[Reading]) -> dict[str, tuple[Reading, Candidate]]:
    named: dict[str, tuple[Reading, Candidate]] = {}
    for reading in readings:
        for place, candidate in enumerate(reading.candidates):
            if place == 0 or candidate.probability >= _LIKELY:
                named.setdefault(candidate.code, (reading, candidate))
    return named


def _reached(
    catalogue: Catalogue, named: dict[str, tuple[Reading, Candidate]]
) -> dict[str, tuple[Occupation, Move]]:
    found: dict[str, tuple[Occupation, Move]] = {}
    for code in list(named)[:2]:
        start = catalogue.occupations[code]
        for move in catalogue.moves.get(start.family, ()):
            there = catalogue.by_family.get(move.target)
            if there is not None and there.code not in named:
                found.setdefault(there.code, (start, move))
    return found


def _order(
    catalogue: Catalogue,
    named: dict[str, tuple[Reading, Candidate]],
    overlaps: dict[str, _Overlap],
    reached: dict[str, tuple[Occupation, Move]],
) -> list[str]:
    ranked = sorted(overlaps, key=lambda family: (-overlaps[family].weight, family))
    by_skills = [catalogue.by_family[f].code for f in ranked if f in catalogue.by_family]
    return list(dict.fromkeys([*named, *by_skills, *reached]))


def _lead(
    catalogue: Catalogue,
    occupation: Occupation,
    named: tuple[Reading, Candidate] | None,
    overlap: _Overlap | None,
    reached: tuple[Occupation, Move] | None,
    found: dict[str, Mention],
) -> Lead:
    skills = catalogue.skill_index.by_code
    shared = set(overlap.shared) if overlap else set()
    missing = [r.skill for r in catalogue.required(occupation) if r.skill not in shared]
    reasons = [
        *([_title_reason(*named)] if named else []),
        *([_skill_reason(catalogue, overlap, found, occupation)] if overlap else []),
        *([_move_reason(*reached)] if reached else []),
    ]
    return Lead(
        occupation=occupation,
        reasons=tuple(reasons),
        supporting=tuple(skills[c] for c in (overlap.shared if overlap else ())[:_SUPPORT]),
        to_acquire=tuple(skills[c] for c in missing[:_ACQUIRE] if c in skills),
        probability=named[1].probability if named else None,
    )


def _title_reason(reading: Reading, candidate: Candidate) -> Reason:
    like = "correspond à" if candidate.similarity >= SAME else "ressemble à"
    doubt = "" if candidate.similarity >= SAME else ", à confirmer"
    text = f"L'intitulé « {reading.query} » {like} l'appellation « {candidate.via} »{doubt}."
    return Reason(text, record=candidate.code)


def _skill_reason(
    catalogue: Catalogue, overlap: _Overlap, found: dict[str, Mention], occupation: Occupation
) -> Reason:
    skills = catalogue.skill_index.by_code
    labels = ", ".join(f"« {skills[c].label} »" for c in overlap.shared[:3])
    count = len(overlap.shared)
    text = (
        f"{count} compétences repérées sont demandées dans ce métier, dont {labels}."
        if count > 1
        else f"Une compétence repérée est demandée dans ce métier : {labels}."
    )
    shown = tuple(found[c] for c in overlap.shared if c in found)
    return Reason(text, mentions=shown, record=occupation.family)


def _move_reason(start: Occupation, move: Move) -> Reason:
    kind = "proche" if move.kind == "near" else "possible par évolution"
    text = f"Le ROME indique une mobilité {kind} depuis « {start.label} »."
    return Reason(text, record=start.family)
