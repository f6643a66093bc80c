"""Finding special-category statements: clause by clause, by a lexicon and by a learned reader."""

from collections.abc import Iterable
from dataclasses import dataclass

from anonymizer.detection.folding import fold
from anonymizer.detection.runs import broken_blanks
from anonymizer.special.clauses import clauses, readings
from anonymizer.special.evidence import category_by_words
from anonymizer.special.features import Vectors, words_in
from anonymizer.special.learned import Learned
from anonymizer.special.rules import Category, Statement

LIKELY = 0.6
"""From this probability on, the learned reader alone finds a statement."""
UNLIKELY = 0.04
"""Below it, it overrules what the lexicon found."""
FEWEST_WORDS = 4
"""Of a shorter clause (a cell, a heading) the lexicon alone decides."""


@dataclass(frozen=True, slots=True)
class SpecialReader:
    """Finds the special-category statements of French texts. Thread-safe."""

    learned: Learned

    @classmethod
    def load(cls, vectors: Vectors | None = None) -> "SpecialReader":
        """Load the shipped weights; `vectors` gives the meaning of words where there is any."""
        return cls(Learned.load(vectors))

    def statements(self, text: str, names: Iterable[tuple[int, int]] = ()) -> list[Statement]:
        """Return the special-category statements of a text, in order, without overlaps.

        `names` are the stretches that name somebody. The learned reader does not see them: a
        name is no evidence of an origin or a belief.
        """
        text = broken_blanks(text)
        folded = fold(text)
        seen = without(text, names)
        found: list[Statement] = []
        for start, end in clauses(text):
            category = self._category(seen, folded, start, end)
            if category is None:
                continue
            last = found[-1] if found else None
            follows = last is not None and not text[last.end : start].strip(" ,;")
            if last is not None and follows and last.category is category:
                found[-1] = Statement(last.start, end, category)
            else:
                found.append(Statement(start, end, category))
        return found

    def _category(self, seen: str, folded: str, start: int, end: int) -> Category | None:
        asked = folded[end : end + 2].strip().startswith("?")
        by_words = (
            category_by_words(clause, asked=asked) for clause in readings(folded[start:end])
        )
        said = next((category for category in by_words if category is not None), None)
        written = " ".join(seen[start:end].split())
        clause = next(iter(readings(fold(seen[start:end]))))
        if words_in(clause) < FEWEST_WORDS:
            return said
        likely = self.learned.probabilities(written, clause, asked=asked)
        best = max(likely, key=lambda category: likely[category])
        if likely[best] >= LIKELY:
            return best
        return said if said is not None and sum(likely.values()) >= UNLIKELY else None


def without(text: str, names: Iterable[tuple[int, int]]) -> str:
    """Return the text with blanks in the place of names; offsets stay."""
    seen = list(text)
    for start, end in names:
        seen[start:end] = " " * (end - start)
    return "".join(seen)
