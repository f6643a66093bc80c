"""How often the first answer is right, by similarity: measured on official titles held out.

One synonym in six is taken out of the index and read against the rest. Official synonyms are a
little easier than what people say, so the table is an upper bound for spoken titles; the README
gives both. Run `python -m labour_market calibrate` after a release and copy the table to `titles`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from labour_market.matching.titles import Title, TitleIndex, variants

_HELD_OUT = 6
_BINS = (0.98, 0.9, 0.8, 0.7, 0.6, 0.5, 0.42)


@dataclass(frozen=True, slots=True)
class Bin:
    """Readings whose first similarity is at least `at` and below the bin above."""

    at: float
    readings: int
    right: int

    @property
    def share(self) -> float | None:
        """Right first answers; None where there were no readings."""
        return round(self.right / self.readings, 3) if self.readings else None


def measure(titles: Sequence[Title], labels: dict[str, str]) -> list[Bin]:
    """Read the held-out titles and count the right first answers in each bin."""
    synonyms = [t for t in titles if not t.principal]
    held = synonyms[::_HELD_OUT]
    taken = set(map(id, held))
    index = TitleIndex([t for t in titles if id(t) not in taken], labels)
    counts = {at: [0, 0] for at in _BINS}
    for title in held:
        reading = index.read(variants(title.label)[0], limit=1)
        if reading.candidates:
            first = reading.candidates[0]
            at = next((b for b in _BINS if first.similarity >= b), _BINS[-1])
            counts[at][0] += 1
            counts[at][1] += first.code == title.code
    return [Bin(at, readings, right) for at, (readings, right) in counts.items()]
