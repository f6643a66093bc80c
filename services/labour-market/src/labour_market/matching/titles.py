"""Titles to occupations: normalised, looked up, then compared; silent when nothing is near.

A probability is about the reading of a title, never about a person: it is the share of right
answers among official titles held out of the index, at the same similarity (`CALIBRATION`).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rapidfuzz import fuzz

from labour_market.matching import spoken
from labour_market.matching.grams import GramIndex
from labour_market.matching.morphology import STOP, fold, stem

_INCLUSIVE = re.compile(
    r"(?<=[^\W\d_])(?:[·•.\-/]|\()(?:e|se|euse|rice|trice|ere|iere|ne|ive|le|te|fe|esse|ee)s?\)?"
    r"(?:[·•.\-/]s)?(?![^\W\d_])"
)
_GENDER = re.compile(r"\(?\b[hfm]\s*/\s*[fhmx]\b\)?")
_EMPLOYER = re.compile(r"\s(?:chez|@)\s.*$")
_ACRONYM = re.compile(r"\s[-(]([A-Z]{2,7})[-)]$")
_WORDS = re.compile(r"[a-z0-9+#]+")
_NEAREST = 60
_FLOOR = 0.42
# With few occupations in the index (the bundle), the right one is mostly absent: the nearest then
# says little, and the measured shares do not hold. Only close wordings are answered.
_FEW = 500
_FLOOR_OF_FEW = 0.78
_EXACT = 1.0
SAME = 0.995

# Lowest similarity of a bin, and the share of right first answers measured in it on held-out
# official synonyms (`calibration`; bins made monotone). The first row is for exact wordings: the
# share of official titles that the index reads as themselves.
_CERTAIN = 0.97
CALIBRATION = ((0.9, 0.8), (0.8, 0.69), (0.7, 0.6), (0.6, 0.43), (0.5, 0.32), (0.42, 0.13))


@dataclass(frozen=True, slots=True)
class Title:
    """An official name of an occupation."""

    code: str
    label: str
    principal: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An occupation that a title may name; `via` is the official wording that was near."""

    code: str
    label: str
    via: str
    similarity: float
    probability: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of one title; no candidate means that we abstain."""

    query: str
    candidates: tuple[Candidate, ...] = field(default=())

    @property
    def abstained(self) -> bool:
        """Nothing near enough, or no occupation at all."""
        return not self.candidates


def plain(title: str) -> str:
    """Return a title folded, without gender marks, employer, contract or brackets."""
    text = _GENDER.sub(" ", fold(title))
    text = _EMPLOYER.sub("", _INCLUSIVE.sub("", text))
    words = [w for w in _WORDS.findall(text.replace("'", " ' ")) if w not in spoken.NOISE]
    return " ".join(words)


def key(text: str) -> str:
    """Return the stems of a plain title, grammar words left out: the same for both genders."""
    words = [w for w in _WORDS.findall(text) if w not in STOP and len(w) > 1]
    return " ".join(stem(w) for w in words) or text


def spelled_out(title: str) -> str:
    """Return a plain title with spoken names and abbreviations written in full."""
    text = plain(title)
    if text in _TITLES:
        return _TITLES[text]
    by_key = _TITLES_BY_KEY.get(key(text))
    if by_key is not None:
        return by_key
    return " ".join(spoken.ABBREVIATIONS.get(w, w) for w in text.split())


_TITLES = {plain(said): official for said, official in spoken.TITLES.items()}
_TITLES_BY_KEY = {key(said): official for said, official in _TITLES.items() if len(said) > 4}  # noqa: PLR2004 - an acronym has no stem


def names_no_occupation(title: str) -> bool:
    """Say whether the words name a situation (job-seeker, student …) and no work."""
    text = f" {fold(title).strip()} "
    return any(f" {phrase} " in text for phrase in spoken.NO_OCCUPATION)


def variants(label: str) -> list[str]:
    """Return the wordings of an official label: masculine, feminine, and its acronym alone.

    `Conducteur / Conductrice d'engins` is `Conducteur d'engins` and `Conductrice d'engins`.
    """
    found = []
    if (acronym := _ACRONYM.search(label)) is not None:
        found.append(acronym.group(1))
        label = label[: acronym.start()]
    left, slash, right = label.partition(" / ")
    if slash:
        rest = " ".join(right.split()[len(left.split()) :])
        return [f"{left} {rest}".strip(), right, *found]
    return [label, *found]


class TitleIndex:
    """Every name of every occupation of a release, ready to be compared with a title."""

    def __init__(self, titles: Iterable[Title], labels: dict[str, str]) -> None:
        self._labels = labels
        self._titles: list[Title] = []
        self._keys: list[str] = []
        seen: set[tuple[str, str]] = set()
        for title in titles:
            for wording in variants(title.label):
                of = key(plain(wording))
                if of and (title.code, of) not in seen:
                    seen.add((title.code, of))
                    self._titles.append(title)
                    self._keys.append(of)
        self._exact: dict[str, list[int]] = {}
        for place, of in enumerate(self._keys):
            self._exact.setdefault(_sorted(of), []).append(place)
        self._grams = GramIndex(self._keys)
        self._floor = _FLOOR if len({t.code for t in self._titles}) >= _FEW else _FLOOR_OF_FEW

    def read(self, title: str, limit: int = 10) -> Reading:
        """Return the occupations that `title` may name, best first; none when we abstain."""
        if names_no_occupation(title):
            return Reading(title)
        wanted = key(spelled_out(title))
        if not wanted:
            return Reading(title)
        scored = self._scored(wanted)
        best = sorted(scored.items(), key=lambda s: (-s[1][0], s[0]))[:limit]
        if not best or best[0][1][0] < self._floor:
            return Reading(title)
        chances = probabilities([similarity for _, (similarity, _) in best])
        return Reading(
            title,
            tuple(
                self._candidate(code, similarity, place, chance)
                for (code, (similarity, place)), chance in zip(best, chances, strict=True)
            ),
        )

    def _candidate(self, code: str, similarity: float, place: int, chance: float) -> Candidate:
        return Candidate(
            code=code,
            label=self._labels.get(code, self._titles[place].label),
            via=self._titles[place].label,
            similarity=round(similarity, 4),
            probability=chance,
        )

    def _scored(self, wanted: str) -> dict[str, tuple[float, int]]:
        scored: dict[str, tuple[float, int]] = {}
        for place in self._exact.get(_sorted(wanted), ()):
            title = self._titles[place]
            self._keep(scored, place, _EXACT if title.principal else SAME)
        for near in self._grams.nearest(wanted, _NEAREST):
            together = fuzz.token_sort_ratio(wanted, self._keys[near.place]) / 100
            similarity = min(0.65 * near.cosine + 0.35 * together, 0.98)
            if self._titles[near.place].principal:
                similarity += 0.01
            self._keep(scored, near.place, similarity)
        return scored

    def _keep(self, scored: dict[str, tuple[float, int]], place: int, similarity: float) -> None:
        code = self._titles[place].code
        if code not in scored or scored[code][0] < similarity:
            scored[code] = (similarity, place)


def _sorted(of: str) -> str:
    return " ".join(sorted(of.split()))


def probabilities(similarities: Sequence[float]) -> list[float]:
    """Return the measured share of right answers for the first, and share out what is left.

    Several exact wordings of different occupations share the certainty equally: the title does
    not say which is meant.
    """
    exact = sum(s >= SAME for s in similarities)
    if exact:
        first = _CERTAIN / exact
        rest = [0.0] * (len(similarities) - exact)
        left = (1 - _CERTAIN) / max(len(rest), 1)
        return [round(first, 3)] * exact + [round(min(left, first), 3) for _ in rest]
    first = next((share for at, share in CALIBRATION if similarities[0] >= at), 0.0)
    total = sum(similarities[1:]) or 1.0
    return [first] + [round(min(first, (1 - first) * s / total), 3) for s in similarities[1:]]
