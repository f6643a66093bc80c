"""Identifiers by a small network, trained on career texts in many voices.

Patterns, lists and grammars know how a thing is written; how people speak of each other, in which
order a form puts what, where a name goes on after a line end, is learned: `tools/train_names.py`
makes `data/learned.npz` from `training/texts`. What it finds is added to what the rules find, and
what a weak rule alone found is left out where the network is sure that it names nobody.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc

from anonymizer.detection.numerals import CARDINAL
from anonymizer.detection.rules import LABELS, Finding
from anonymizer.learned import weights
from anonymizer.learned.network import Network, tagger

TAGS = ("O", *(f"{place}-{label}" for label in LABELS for place in "BI"))
"""What a word may be: of no identifier, its beginning, or inside it."""

RULE = "fr_learned"
LIKELY = 0.35
"""From this probability on that a word identifies somebody, it is masked."""
SUREST = 0.84
"""The score of what the network is certain of; a checked number, or a title, says more."""
UNLIKELY = {"PERSON": 0.03, "ORGANISATION": 0.1, "LOCATION": 0.1}
"""Below it, for each of its words, what a weak rule alone found names nobody."""
WEAK = 0.76
"""A rule with a lower score is weak: a place in a line, a list, the statistical model."""


_COUNTED = frozenset(LABELS) - {"PERSON", "EMAIL", "ADDRESS", "LOCATION", "URL", "ORGANISATION"}
_COUNTS = re.compile(rf"\d|\b{CARDINAL}\b|\bz[ée]ro\b|\bmille\b", re.IGNORECASE)
# "15 ans d'expérience", "25 ans de service" are no age; "d'âge" says that it is one.
_OF_SERVICE = re.compile(r"(?:[ ]ans)?[ ](?:d['’](?!âge)|de[ ](?!vie))", re.IGNORECASE)
_IN_HEADINGS = frozenset(("LOCATION", "ORGANISATION"))
_OPENS_A_PHRASE = re.compile(r"[ \t]*(?:À|A|AU|AUX|PAR|EN|SUR|DANS|POUR|SANS|AVEC)[ ]")


@dataclass(frozen=True)
class Reading:
    """What the network makes of each word of one text."""

    document: Doc
    probabilities: NDArray[np.float32]
    """A row a word, a column a tag."""

    @cached_property
    def identifying(self) -> NDArray[np.float32]:
        """How likely it is of each word that it identifies somebody."""
        found: NDArray[np.float32] = 1 - self.probabilities[:, 0]
        return found

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        return np.array([word.idx for word in self.document], np.int64)

    def findings(self, text: str) -> list[Finding]:
        """Return what the network names, in order; `text` is the document's as it was written.

        The score is `SUREST` times the probability of the least likely word.
        """
        return [found for found in self._findings(text) if _may_be(found, text)]

    def doubts(self, finding: Finding) -> bool:
        """Say whether only a weak rule saw this, and the network is sure that it is nothing."""
        limit = UNLIKELY.get(finding.label)
        if limit is None or finding.score >= WEAK or finding.rule == RULE:
            return False
        first = max(0, int(np.searchsorted(self._starts, finding.start, "right")) - 1)
        last = int(np.searchsorted(self._starts, finding.end, "left"))
        return bool((self.identifying[first:last] < limit).all())

    def _findings(self, text: str) -> Iterator[Finding]:
        begins, inside = self.probabilities[:, 1::2], self.probabilities[:, 2::2]
        labels = (begins + inside).argmax(axis=1)
        whole: list[tuple[int, int, float]] = []
        label = ""
        for at in map(int, np.flatnonzero(self.identifying >= LIKELY)):
            word = self.document[at]
            if word.is_space:
                continue
            named = LABELS[labels[at]]
            goes_on = inside[at, labels[at]] >= begins[at, labels[at]] and named == label
            if whole and not (goes_on and not text[whole[-1][1] : word.idx].strip()):
                yield _joined(whole, label)
                whole = []
            label = named
            whole.append((word.idx, word.idx + len(word), float(self.identifying[at])))
        if whole:
            yield _joined(whole, label)


def _joined(words: list[tuple[int, int, float]], label: str) -> Finding:
    score = SUREST * min(chance for _, _, chance in words)
    return Finding(words[0][0], words[-1][1], label, RULE, round(score, 3))


def _may_be(found: Finding, text: str) -> bool:
    """Say whether the words can be what the network calls them."""
    written = text[found.start : found.end]
    if found.label in _COUNTED and _COUNTS.search(written) is None:
        return False
    if found.label == "AGE" and _OF_SERVICE.match(text, found.end) is not None:
        return False
    return found.label not in _IN_HEADINGS or not _is_a_phrase(text, found.start)


def _is_a_phrase(text: str, start: int) -> bool:
    """Say whether a heading in capitals is a set phrase: it opens with a preposition ("PAR …")."""
    line = text[text.rfind("\n", 0, start) + 1 :].partition("\n")
    alone = not line[2].partition("\n")[0].strip()
    return alone and line[0].isupper() and _OPENS_A_PHRASE.match(line[0]) is not None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads texts with the vectors of the `md` model. Thread-safe."""

    network: Network

    @classmethod
    def load(cls) -> Self:
        """Load the shipped weights."""
        file = files("anonymizer.detection") / "data" / "learned.npz"
        return cls(weights.load(tagger(len(TAGS)), file))

    def read(self, document: Doc) -> Reading:
        """Read a text that spaCy has cut into words."""
        if not len(document):
            return Reading(document, np.zeros((0, len(TAGS)), np.float32))
        return Reading(document, self.network.predict([document])[0])
