"""Finding special-category statements: clause by clause, by a lexicon and by learned readers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language

from anonymizer.detection.folding import fold
from anonymizer.detection.runs import broken_blanks
from anonymizer.special.clauses import clauses, readings
from anonymizer.special.evidence import category_by_words
from anonymizer.special.features import word_vectors, words_in
from anonymizer.special.judge import Judge
from anonymizer.special.learned import Learned
from anonymizer.special.rules import Category, Statement

JUDGED = 0.7
"""The share of the judge in the probabilities; the rest is the linear reader's."""
LIKELY = 0.3
"""From this probability on, the learned readers alone find a statement…"""
LIKELY_BY_PIECES = 0.55
"""…and from this one on the linear reader where it reads without the judge."""
UNLIKELY = 0.045
"""Below it, it overrules what the lexicon found."""
FEWEST_WORDS = 4
"""Of a shorter clause (a cell, a heading) the lexicon alone decides."""


@dataclass(frozen=True, slots=True)
class _Clause:
    """A stretch of text that can state something by itself."""

    start: int
    end: int
    written: str
    """On one line, without names."""
    asked: bool


@dataclass(frozen=True, slots=True)
class SpecialReader:
    """Finds the special-category statements of French texts. Thread-safe."""

    learned: Learned
    judge: Judge | None = None
    """Only beside a model with word vectors."""

    @classmethod
    def load(cls, language: Language | None = None) -> Self:
        """Load the shipped weights; `language` has the meaning of words, where there is any."""
        if language is None or not language.vocab.vectors_length:
            return cls(Learned.load(None))
        return cls(Learned.load(word_vectors(language.vocab)), Judge.load(language))

    def statements(self, text: str, names: Iterable[tuple[int, int]] = ()) -> list[Statement]:
        """Return the special-category statements of a text, in order, without overlaps.

        `names` are the stretches that name somebody. The learned readers do not see them: a
        name is no evidence of an origin or a belief.
        """
        text = broken_blanks(text)
        cut = list(_clauses(text, without(text, names)))
        found: list[Statement] = []
        for clause, category in zip(cut, self._categories(fold(text), cut), strict=True):
            if category is None:
                continue
            last = found[-1] if found else None
            follows = last is not None and not text[last.end : clause.start].strip(" ,;")
            if last is not None and follows and last.category is category:
                found[-1] = Statement(last.start, clause.end, category)
            else:
                found.append(Statement(clause.start, clause.end, category))
        return found

    def _categories(self, folded: str, cut: Sequence[_Clause]) -> Iterator[Category | None]:
        long = [clause for clause in cut if words_in(fold(clause.written)) >= FEWEST_WORDS]
        likely = iter(self._likely(long))
        limit = LIKELY_BY_PIECES if self.judge is None else LIKELY
        readable = set(long)
        for clause in cut:
            said = _said(folded[clause.start : clause.end], asked=clause.asked)
            yield _decided(said, next(likely), limit) if clause in readable else said

    def _likely(self, cut: Sequence[_Clause]) -> NDArray[np.float32]:
        """Return a row for each clause: how likely each category is, and last that it is none."""
        if not cut:
            return np.zeros((0, len(Category) + 1), np.float32)
        by_pieces = np.array(
            [
                self.learned.probabilities(
                    clause.written,
                    next(iter(readings(fold(clause.written)))),
                    asked=clause.asked,
                )
                for clause in cut
            ]
        )
        if self.judge is None:
            return by_pieces
        by_order = self.judge.probabilities([clause.written for clause in cut])
        weighed: NDArray[np.float32] = np.average(
            [by_order, by_pieces], axis=0, weights=[JUDGED, 1 - JUDGED]
        )
        return weighed


def _clauses(text: str, seen: str) -> Iterator[_Clause]:
    for start, end in clauses(text):
        asked = text[end : end + 2].strip().startswith("?")
        yield _Clause(start, end, " ".join(seen[start:end].split()), asked)


def _said(folded: str, *, asked: bool) -> Category | None:
    """Return what the lexicon alone makes of a clause."""
    found = (category_by_words(clause, asked=asked) for clause in readings(folded))
    return next((category for category in found if category is not None), None)


def _decided(said: Category | None, likely: NDArray[np.float32], limit: float) -> Category | None:
    """Weigh what the lexicon says against what the learned readers find likely."""
    best = int(likely[:-1].argmax())
    if likely[best] >= limit:
        return tuple(Category)[best]
    return said if said is not None and 1 - likely[-1] >= UNLIKELY else None


def without(text: str, names: Iterable[tuple[int, int]]) -> str:
    """Return the text with blanks in the place of names; offsets stay."""
    seen = list(text)
    for start, end in names:
        seen[start:end] = " " * (end - start)
    return "".join(seen)
