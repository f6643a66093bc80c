"""What a detector found, counted as the shelf's judge counts it (`pii-fr/score.py`).

Only letters and digits count. A marked identifier is found only if all of its letters are
covered by predictions of any label: one visible part is a leak. What lies in `ignore` counts
neither way.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from intervals import Share
from texts import Annotated, Marked

DIRECT = frozenset(
    ("PERSON", "EMAIL", "PHONE", "ADDRESS", "NIR", "IBAN", "ID_DOC", "DRIVING_LICENCE", "PLATE",
     "URL", "FRANCE_TRAVAIL_ID")
)  # fmt: skip
"""The labels that identify somebody by themselves."""
_SENTENCE = 160
"""Letters of a prediction that is still one sentence, however short the statement in it."""

DIRECT_FOUND = "direct identifiers found"
DOCUMENTS = "documents with none left"
QUASI_FOUND = "quasi-identifiers found"
PRECISION = "character precision"
STRETCHES = "stretches that are right"
NEGATIVES = "hard negatives masked"
SPECIAL = "special statements found"
SPECIAL_RIGHT = "special precision"
NEAR_MISSES = "near misses flagged"
ROWS = (
    DIRECT_FOUND, DOCUMENTS, QUASI_FOUND, PRECISION, STRETCHES, NEGATIVES, SPECIAL, SPECIAL_RIGHT,
    NEAR_MISSES,
)  # fmt: skip
"""The measures in the order of the table; `label X` for each label follows."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """A stretch that a detector found, and how sure it is (0 to 1)."""

    start: int
    end: int
    label: str
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a detector found in one text; `sensitive` is labelled by category."""

    entities: Sequence[Predicted]
    sensitive: Sequence[Predicted] = ()


@dataclass
class _Sheet:
    """One text, its answer, and the letters that each kind of stretch covers."""

    given: Annotated
    answer: Answer
    counts: dict[str, Share] = field(default_factory=lambda: defaultdict(lambda: Share(0, 0)))

    def __post_init__(self) -> None:
        self.entities = self.given.marked("entities")
        self.statements = self.given.marked("sensitive")
        self.of_entities = self.letters(self.entities)
        self.of_statements = self.letters(self.statements)
        self.ignored = self.letters(self.given.marked("ignore"))
        self.masked = self.letters(self.answer.entities)
        self.removed = self.letters(self.answer.sensitive)

    def letters(self, stretches: Iterable[Marked | Predicted]) -> set[int]:
        """Return where the letters and digits of the stretches stand."""
        text = self.given.text
        return {at for s in stretches for at in range(s.start, s.end) if text[at].isalnum()}

    def count(self, name: str, *, found: bool) -> None:
        """Count one more."""
        self.counts[name] += Share(int(found), 1)


def measured(texts: Iterable[Annotated], answers: Iterable[Answer]) -> dict[str, Share]:
    """Return the measures of a set by name; the answers are in the order of the texts."""
    total: dict[str, Share] = dict.fromkeys(ROWS, Share(0, 0))
    for text, answer in zip(texts, answers, strict=True):
        sheet = _Sheet(text, answer)
        _count_found(sheet)
        _count_precision(sheet)
        _count_negatives(sheet)
        _count_special(sheet)
        for name, share in sheet.counts.items():
            total[name] = total.get(name, Share(0, 0)) + share
    return total


def f_score(measures: Mapping[str, Share]) -> float:
    """Return the harmonic mean of direct identifiers found and character precision, 0 to 1."""
    found, right = measures[DIRECT_FOUND].value or 0.0, measures[PRECISION].value or 0.0
    return 2 * found * right / (found + right) if found and right else 0.0


def _count_found(sheet: _Sheet) -> None:
    cover, clean = sheet.masked | sheet.removed, []
    for entity in sheet.entities:
        found = sheet.letters([entity]) <= cover
        direct = entity.is_direct or entity.label in DIRECT
        sheet.count(f"label {entity.label}", found=found)
        sheet.count(DIRECT_FOUND if direct else QUASI_FOUND, found=found)
        clean += [found] if direct else []
    if clean:
        sheet.count(DOCUMENTS, found=all(clean))


def _count_precision(sheet: _Sheet) -> None:
    judged = sheet.masked - sheet.ignored
    judged -= sheet.of_statements - sheet.of_entities
    sheet.counts[PRECISION] += Share(len(judged & sheet.of_entities), len(judged))
    for stretch in sheet.answer.entities:
        letters = sheet.letters([stretch]) - sheet.ignored
        right = _is_half(letters & sheet.of_entities, letters)
        if letters and (right or not letters <= sheet.of_statements):
            sheet.count(STRETCHES, found=right)


def _count_negatives(sheet: _Sheet) -> None:
    for negative in sheet.given.marked("negatives"):
        letters = sheet.letters([negative]) - sheet.of_statements
        if letters:
            sheet.count(NEGATIVES, found=_is_half(letters & sheet.masked, letters))


def _count_special(sheet: _Sheet) -> None:
    for statement in sheet.statements:
        same = [p for p in sheet.answer.sensitive if p.label == statement.label]
        letters = sheet.letters([statement])
        sheet.count(SPECIAL, found=_is_half(letters & sheet.letters(same), letters))
    for prediction in sheet.answer.sensitive:
        letters = sheet.letters([prediction])
        if letters:
            sheet.count(SPECIAL_RIGHT, found=_is_right(sheet, letters))
    for near in sheet.given.marked("sensitive_negatives"):
        letters = sheet.letters([near])
        sheet.count(NEAR_MISSES, found=_is_half(letters & sheet.removed, letters))


def _is_right(sheet: _Sheet, predicted: set[int]) -> bool:
    """Half of it lies in statements, or it holds half of one and is about one sentence."""
    if _is_half(predicted & sheet.of_statements, predicted):
        return True
    marked = [sheet.letters([statement]) for statement in sheet.statements]
    return any(
        _is_half(one & predicted, one) and len(predicted) <= max(3 * len(one), _SENTENCE)
        for one in marked
    )


def _is_half(part: set[int], whole: set[int]) -> bool:
    return 2 * len(part) >= len(whole)
