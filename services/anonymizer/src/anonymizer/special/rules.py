"""What a special-category statement is; finding one clause by clause.

A clause is evidence by itself: a term of a category, a person it is said of, no denial, and not
the daily matter of a trade ("infirmière en oncologie" says nothing of the nurse's health). A few
terms say it alone, wherever they stand: RQTH, "de confession juive", "sous bracelet électronique".
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from anonymizer.detection.folding import fold
from anonymizer.special.lexicon import (
    ALONE,
    DENIED,
    DIAGNOSIS,
    FIGURES,
    OF_SOMEBODY,
    PERSONAL,
    TRADE,
)


class Category(StrEnum):
    """The categories of the detector."""

    HEALTH = "health"
    RELIGION = "religion"
    ETHNIC_ORIGIN = "ethnic_origin"
    POLITICS = "politics"
    UNION = "union"
    SEXUAL_ORIENTATION = "sexual_orientation"
    CRIMINAL = "criminal"


class Action(StrEnum):
    """What becomes of a statement."""

    REMOVED = "removed"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement to drop, or to block the text for; offsets in code points, end excluded."""

    start: int
    end: int
    category: Category

    @property
    def action(self) -> Action:
        """Offences are never passed on in any form (`legal-requirements`, LR-C10)."""
        return Action.BLOCKED if self.category is Category.CRIMINAL else Action.REMOVED


_CUT = re.compile(r"[.!?;\n•|]+(?=\s|$)|\n|\t|[ ][–—-][ ]|[()«»\"]|…")
_COMMA = re.compile(r",[ \n]|[ \n](?:mais|donc|car|puis)[ \n]")
_LONG_CLAUSE = 110
_SHORT_CLAUSE = 70
_CLASSES = {Category(name): pattern for name, pattern in ALONE.items()}
_SAID = {Category(name): pattern for name, pattern in OF_SOMEBODY.items()}
_REACH = 60  # letters between a denial and what it denies


def special_statements(text: str) -> list[Statement]:
    """Return the special-category statements of a text, in order, without overlaps."""
    folded = fold(text)
    found: list[Statement] = []
    for start, end in _clauses(text):
        category = _category(folded, start, end)
        if category is None:
            continue
        if (
            found
            and found[-1].category is category
            and not text[found[-1].end : start].strip(" ,;")
        ):
            found[-1] = Statement(found[-1].start, end, category)
        else:
            found.append(Statement(start, end, category))
    return found


def _clauses(text: str) -> Iterator[tuple[int, int]]:
    """Yield the clauses of a text: sentences, cells and bullets; long ones cut at commas.

    A line break inside a sentence is no end: prose is wrapped anywhere.
    """
    at = 0
    for cut in _CUT.finditer(text):
        if cut[0] == "\n" and _goes_on(text, at, cut.end()):
            continue
        yield from _stretch(text, at, cut.start())
        at = cut.end()
    yield from _stretch(text, at, len(text))


def _goes_on(text: str, start: int, after: int) -> bool:
    line = text[start : after - 1].rsplit("\n", 1)[-1]
    return len(line) > 40 and text[after : after + 1].islower()  # noqa: PLR2004 - a full line of prose


def _stretch(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    pieces = [(start, end)]
    if end - start > _LONG_CLAUSE:
        cuts = [comma.span() for comma in _COMMA.finditer(text, start, end)]
        edges = [start, *(edge for cut in cuts for edge in cut), end]
        pieces = list(zip(edges[::2], edges[1::2], strict=True))
    for left, right in pieces:
        written = text[left:right]
        inset = len(written) - len(written.lstrip())
        if written.strip():
            yield left + inset, left + len(written.rstrip())


def _category(folded: str, start: int, end: int) -> Category | None:
    clause = folded[start:end]
    if FIGURES.search(clause) or "☐" in clause:
        return None
    for category, pattern in _CLASSES.items():
        match = pattern.search(clause)
        if (
            match is not None
            and not _is_denied(clause, match)
            and not _is_question(folded, end, clause)
        ):
            return category
    if DIAGNOSIS.match(clause) and TRADE.search(clause) is None and len(clause) < _SHORT_CLAUSE:
        return None if _is_question(folded, end, clause) else Category.HEALTH
    for category, pattern in _SAID.items():
        match = pattern.search(clause)
        if match is None or _is_denied(clause, match) or _is_question(folded, end, clause):
            continue
        if _is_of_somebody(clause, match):
            return category
    return None


def _is_of_somebody(clause: str, term: re.Match[str]) -> bool:
    """Say whether a term is said of a person, and not of what they do for a living."""
    if TRADE.search(clause) is not None:
        # "je suis infirmière" and "j'accompagne des malades" both have a subject: the term has
        # to be tied to the person by itself.
        return re.search(r"\b(?:mon|ma|mes|son|sa|ses)\s$", clause[: term.start()][-5:]) is not None
    return PERSONAL.search(clause) is not None


def _is_denied(clause: str, term: re.Match[str]) -> bool:
    before = clause[max(0, term.start() - _REACH) : term.start()]
    return DENIED.search(before) is not None


def _is_question(folded: str, end: int, clause: str) -> bool:
    """Questions of a form or of a counsellor state nothing."""
    asked = folded[end : end + 2].strip().startswith("?")
    return asked and re.search(r"\b(?:vous|avez|etes|est-ce|tu)\b", clause) is not None


def blocked(statements: Sequence[Statement]) -> bool:
    """Say whether a text with these statements must not be processed at all."""
    return any(statement.action is Action.BLOCKED for statement in statements)
