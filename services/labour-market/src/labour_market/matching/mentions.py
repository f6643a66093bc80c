"""Texts to skills: each piece of a text is compared with the labels of a taxonomy.

Words meet by family (`morphology`), rare words weigh more, words that only frame a task weigh
little. What the person does not hold (`clauses`) is never returned. Deterministic, no model.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from labour_market.matching import jargon
from labour_market.matching.clauses import Standing, pieces
from labour_market.matching.morphology import FRAMING, STOP, Token, content, fold, tokens

_WIDEST = 5
_NEAR = 0.72
_SHORT_PIECE = 5
_FRAMING_WEIGHT = 0.25
_ACRONYM = re.compile(r"\(([A-Z][A-Z0-9]{2,7})\)")
_CACES = re.compile(r"CACES (R) ?(\d{3})(?:[ -]?(\w+))?\)")
_LANGUAGE = "Langue étrangère - "
_CACES_SAID = re.compile(r"\bcaces\b(?: r ?(\d{3}))?")


class Skill(NamedTuple):
    """An entry of a taxonomy with every wording that it goes by."""

    code: str
    scheme: str
    label: str
    kind: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mention:
    """A skill and the words of the text that show it; offsets in code points, end excluded.

    `how`: `verbatim`, `inflected`, `nominalised`, `shortened`, `near`, or `lexicon` (a trade word
    of ours). A way of finding, not a grade.
    """

    skill: Skill
    start: int
    end: int
    how: str
    strength: float


class _Wording(NamedTuple):
    place: int
    norm: float
    words: tuple[str, ...]


class SkillIndex:
    """The labels of one taxonomy, ready to be found in a text."""

    def __init__(self, skills: Iterable[Skill]) -> None:
        self.skills = list(skills)
        self.by_code = {s.code: s for s in self.skills}
        stems = [
            (place, label, _stems(tokens(label)))
            for place, skill in enumerate(self.skills)
            for label in (skill.label, *skill.alternatives)
        ]
        counts: dict[str, int] = {}
        for _, _, words in stems:
            for word in set(words):
                counts[word] = counts.get(word, 0) + 1
        self._total = max(len(stems), 1)
        self._weights = {w: self._weight(w, n) for w, n in counts.items()}
        self._wordings: list[_Wording] = []
        self._postings: dict[str, list[int]] = {}
        for place, label, words in stems:
            self._add(place, label, words)
        self._phrases = _phrases(self.skills)

    def _weight(self, word: str, count: int) -> float:
        rarity = math.log(1 + self._total / count)
        return rarity * (_FRAMING_WEIGHT if word in FRAMING else 1.0)

    def _add(self, place: int, label: str, words: Sequence[str]) -> None:
        unique = set(words)
        norm = math.sqrt(sum(self._weights[w] ** 2 for w in unique))
        if norm:
            folded = tuple(t.folded for t in content(tokens(label)))
            for word in unique:
                self._postings.setdefault(word, []).append(len(self._wordings))
            self._wordings.append(_Wording(place, norm, folded))

    def find(self, text: str) -> list[Mention]:
        """Return the skills that `text` shows, in the order of the text, never overlapping."""
        found: list[Mention] = []
        for piece in pieces(text):
            if piece.standing is Standing.HELD:
                found.extend(self._in_piece(text, piece.start, piece.end))
        return sorted(_once_each(found), key=lambda m: m.start)

    def likeness(self, one: str, other: str) -> float:
        """Return how alike the labels of two skills are, by rare shared words, 0 to 1."""
        mine, theirs = _family(self.by_code[one].label), _family(self.by_code[other].label)
        shared = sum(self._weights.get(w, 0.0) ** 2 for w in mine & theirs)
        sizes = [sum(self._weights.get(w, 0.0) ** 2 for w in side) for side in (mine, theirs)]
        return shared / math.sqrt(sizes[0] * sizes[1]) if shared else 0.0

    def _in_piece(self, text: str, start: int, end: int) -> list[Mention]:
        words = [
            Token(t.start + start, t.end + start, t.folded, t.stem) for t in tokens(text[start:end])
        ]
        told = content(words)
        candidates = [*self._by_lexicon(words), *self._by_windows(told)]
        candidates.sort(key=lambda m: (-m.strength, m.start, m.end))
        chosen: list[Mention] = []
        for mention in candidates:
            if all(mention.end <= c.start or c.end <= mention.start for c in chosen):
                chosen.append(mention)
        return [_whole(chosen[0], words)] if len(chosen) == 1 else chosen

    def _by_lexicon(self, words: Sequence[Token]) -> list[Mention]:
        found = []
        for at in range(len(words)):
            for size in (3, 2, 1):
                window = words[at : at + size]
                said = " ".join(t.folded for t in window)
                place = self._phrases.get(said) if len(window) == size else None
                if place is not None:
                    # Just under a verbatim label: a whole label says more than one word of it.
                    strength = 0.8 + 0.05 * size
                    skill = self.skills[place]
                    found.append(
                        Mention(skill, window[0].start, window[-1].end, "lexicon", strength)
                    )
                    break
        return found

    def _by_windows(self, words: Sequence[Token]) -> list[Mention]:
        found = []
        for at in range(len(words)):
            dots: dict[int, float] = {}
            squares = 0.0
            seen: set[str] = set()
            for last in range(at, min(at + _WIDEST, len(words))):
                word = words[last].stem
                if word in seen:
                    continue
                seen.add(word)
                weight = self._weights.get(word, 0.6 * math.log(1 + self._total))
                squares += weight * weight
                for place in self._postings.get(word, ()):
                    dots[place] = dots.get(place, 0.0) + weight * weight
                # One word is a skill only where it is a whole list item and a whole label.
                alone = last == at
                if alone and len(words) > 1:
                    continue
                if (mention := self._best(words[at : last + 1], dots, squares)) is not None:
                    found.append(mention)
        return found

    def _best(
        self, window: Sequence[Token], dots: dict[int, float], squares: float
    ) -> Mention | None:
        if not dots:
            return None
        length = math.sqrt(squares)
        place = min(dots, key=lambda p: (-dots[p] / self._wordings[p].norm, p))
        wording = self._wordings[place]
        cosine = dots[place] / (wording.norm * length)
        how = _how(window, wording, self._weights)
        if cosine < _NEAR or (len(window) == 1 and how != "verbatim"):
            return None
        skill = self.skills[wording.place]
        # A longer window with the same likeness says more of the text.
        strength = cosine + 0.02 * len(window)
        return Mention(skill, window[0].start, window[-1].end, how, strength)


def _whole(mention: Mention, words: Sequence[Token]) -> Mention:
    """Widen the only mention of a short piece to the piece: the wording that people recognise."""
    told = [w for w in words if w.folded not in STOP]
    if not told or len(told) > _SHORT_PIECE:
        return mention
    start, end = min(told[0].start, mention.start), max(told[-1].end, mention.end)
    return replace(mention, start=start, end=end)


@lru_cache(maxsize=4_096)
def _family(label: str) -> frozenset[str]:
    return frozenset(_stems(tokens(label)))


def _stems(words: list[Token]) -> list[str]:
    return [t.stem for t in content(words)]


def _how(window: Sequence[Token], wording: _Wording, known: dict[str, float]) -> str:
    said = [t.folded for t in window]
    if said == list(wording.words):
        return "verbatim"
    mine = {t.stem for t in window}
    theirs = {t.stem for w in wording.words for t in tokens(w)}
    if mine == theirs:
        nominal = wording.words[0].endswith(("er", "ir", "re")) and said[0] != wording.words[0]
        return "nominalised" if nominal else "inflected"
    if mine < theirs and all(m in known for m in mine):
        return "shortened"
    return "near"


def _phrases(skills: Sequence[Skill]) -> dict[str, int]:
    """Return trade words, acronyms and languages with the place of the skill that they name."""
    by_label = {fold(s.label): place for place, s in reversed(list(enumerate(skills)))}
    found: dict[str, int] = {}
    for place, skill in enumerate(skills):
        for acronym in _ACRONYM.findall(skill.label):
            found.setdefault(fold(acronym), place)
        if (caces := _CACES.search(skill.label)) is not None:
            said = f"r{caces.group(2)}"
            found.setdefault(said, place)
            found.setdefault(f"caces {said}", place)
        if skill.label.startswith(_LANGUAGE):
            found.setdefault(fold(skill.label.removeprefix(_LANGUAGE)), place)
    for said, label in jargon.PHRASES.items():
        if (known := by_label.get(fold(label))) is not None:
            found[" ".join(t.folded for t in tokens(said))] = known
    for said, language in jargon.LANGUAGES.items():
        if language in found:
            found[said] = found[language]
    return found


def _once_each(mentions: list[Mention]) -> list[Mention]:
    """Keep the strongest mention of a skill, the first of equals."""
    best: dict[str, Mention] = {}
    for mention in mentions:
        held = best.get(mention.skill.code)
        if held is None or mention.strength > held.strength:
            best[mention.skill.code] = mention
    return list(best.values())
