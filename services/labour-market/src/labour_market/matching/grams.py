"""Character 3- and 4-grams weighted by rarity: the nearest wordings of a short text.

Small on purpose: postings are arrays of machine integers, so that 25,000 wordings take a few
megabytes and no numerical library.
"""

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SIZES = (3, 4)
# A gram in more wordings than this share says nothing and costs most of the time.
_COMMON = 0.12


def grams(text: str) -> Counter[str]:
    """Count the 3- and 4-grams of `text`, words kept apart by spaces."""
    padded = f" {text} "
    return Counter(
        padded[at : at + size] for size in _SIZES for at in range(len(padded) - size + 1)
    )


@dataclass(frozen=True, slots=True)
class Near:
    """A wording of the index, by its place, and the cosine with what was asked (0 to 1)."""

    place: int
    cosine: float


class GramIndex:
    """An inverted index over wordings; `nearest` is deterministic: ties go to the first wording."""

    def __init__(self, wordings: Sequence[str]) -> None:
        places: dict[str, array[int]] = {}
        counts: dict[str, array[int]] = {}
        for place, wording in enumerate(wordings):
            for gram, count in grams(wording).items():
                places.setdefault(gram, array("I")).append(place)
                counts.setdefault(gram, array("B")).append(min(count, 255))
        total = max(len(wordings), 1)
        self._idf = {g: math.log(1 + total / len(p)) for g, p in places.items()}
        self._norms = _norms(total, places, counts, self._idf)
        self._most = max(int(_COMMON * total), 50)
        self._places = places
        self._counts = counts

    def nearest(self, text: str, limit: int) -> list[Near]:
        """Return the `limit` wordings with the highest cosine, best first."""
        asked = {g: c * self._idf.get(g, 0.0) for g, c in grams(text).items()}
        length = math.sqrt(sum(w * w for w in asked.values()))
        if not length:
            return []
        dots = self._dots(asked)
        ranked = sorted(dots.items(), key=lambda d: (-d[1] / self._norms[d[0]], d[0]))[:limit]
        return [Near(place, dot / (length * self._norms[place])) for place, dot in ranked]

    def _dots(self, asked: dict[str, float]) -> dict[int, float]:
        dots: dict[int, float] = {}
        known = [g for g, w in asked.items() if w]
        rare = [g for g in known if len(self._places[g]) <= self._most] or known
        for gram in rare:
            weight = asked[gram] * self._idf[gram]
            for place, count in zip(self._places[gram], self._counts[gram], strict=True):
                dots[place] = dots.get(place, 0.0) + weight * count
        return dots


def _norms(
    total: int,
    places: dict[str, "array[int]"],
    counts: dict[str, "array[int]"],
    idf: dict[str, float],
) -> "array[float]":
    squares = array("d", [0.0]) * total
    for gram, where in places.items():
        for place, count in zip(where, counts[gram], strict=True):
            squares[place] += (count * idf[gram]) ** 2
    return array("d", (math.sqrt(s) or 1.0 for s in squares))


def joined(words: Iterable[str]) -> str:
    """Return words as one wording."""
    return " ".join(words)
