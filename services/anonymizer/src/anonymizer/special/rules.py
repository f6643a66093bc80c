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
from anonymizer.detection.runs import broken_blanks
from anonymizer.special.lexicon import (
    ALONE,
    BROKEN,
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
# A list item or a cell begins here, whatever the line before it ends with.
_ITEM = re.compile(r"[ ]*(?:[–—•▪■●◦‣·*>+§☐☑✓-]|\d{1,2}[.)]|[oO][ \t])")
# An article or a preposition at the end of a line: what it governs comes on the next.
_GOVERNS = re.compile(
    r"(?:^|[ '’(])(?:à|a|au|aux|de|du|des|d['’]|la|le|les|l['’]|un|une|en|et|ou|pour|"
    r"par|avec|sans|sur|chez|dans|mon|ma|mes|son|sa|ses|notre|votre|leurs?|ce|"
    r"cette|ces|comme|que|qui)[ ]?$",
    re.IGNORECASE,
)
# A congregation or a movement at the end of a line: its name comes on the next.
_TAKES_A_NAME = re.compile(
    r"\b(?:paroisse|eglise|mosquee|synagogue|temple|aumonerie|syndicat|section|parti|confederation)$"
)
_FULL_LINE = 40  # letters of a line of prose; a text in small letters is wrapped only there
_LONG_CLAUSE = 110
_SHORT_CLAUSE = 70
_CLASSES = {Category(name): pattern for name, pattern in ALONE.items()}
_SAID = {Category(name): pattern for name, pattern in OF_SOMEBODY.items()}
_REACH = 60  # letters between a denial and what it denies


def special_statements(text: str) -> list[Statement]:
    """Return the special-category statements of a text, in order, without overlaps."""
    text = broken_blanks(text)
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

    A line break inside a sentence is no end: prose is wrapped anywhere, see `_goes_on`.
    """
    at = 0
    for cut in _CUT.finditer(text):
        if cut[0] == "\n" and _goes_on(text, at, cut.end()):
            continue
        yield from _stretch(text, at, cut.start())
        at = cut.end()
    yield from _stretch(text, at, len(text))


def _goes_on(text: str, start: int, after: int) -> bool:
    """Say whether the line that ends before `after` goes on on the next one.

    Side bands are narrow: a statement may be broken after any word. A line that begins in small
    letters goes on the line before, unless that one is a heading, or all the lines begin so.
    """
    clause, rest = text[start : after - 1], text[after:].partition("\n")[0]
    line = clause.rsplit("\n", 1)[-1].rstrip()
    if not line or not rest.strip() or _ITEM.match(rest):
        return False
    if line.isupper() or line.endswith(":"):
        return _is_broken(f"{line}\n{rest}")
    if _GOVERNS.search(line) is not None or _TAKES_A_NAME.search(fold(line)) is not None:
        return True
    if not rest[0].islower():
        return _is_broken(f"{line}\n{rest}")
    opens_small = clause.lstrip()[:1].islower()
    return not opens_small or len(line) > _FULL_LINE or _is_broken(f"{line}\n{rest}")


def _is_broken(lines: str) -> bool:
    """Say whether a term that says it alone stands across the break of two lines."""
    folded = fold(lines)
    return any("\n" in match[0] for term in BROKEN for match in term.finditer(folded))


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
    asked = folded[end : end + 2].strip().startswith("?")
    read = (_category_of(clause, asked=asked) for clause in _readings(folded[start:end]))
    return next((category for category in read if category is not None), None)


def _readings(clause: str) -> Iterator[str]:
    """Yield a clause on one line; twice where a hyphen may be the line's or the word's."""
    # The patterns are written with single spaces, whatever stands between the words.
    yield " ".join(clause.split())
    if "-\n" in clause:
        yield " ".join(clause.replace("-\n", "").split())


def _category_of(clause: str, *, asked: bool) -> Category | None:
    if FIGURES.search(clause) or "☐" in clause:
        return None
    for category, pattern in _CLASSES.items():
        match = pattern.search(clause)
        if (
            match is not None
            and not _is_denied(clause, match)
            and not _is_question(clause, asked=asked)
        ):
            return category
    if DIAGNOSIS.match(clause) and TRADE.search(clause) is None and len(clause) < _SHORT_CLAUSE:
        return None if _is_question(clause, asked=asked) else Category.HEALTH
    for category, pattern in _SAID.items():
        match = pattern.search(clause)
        if match is None or _is_denied(clause, match) or _is_question(clause, asked=asked):
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


def _is_question(clause: str, *, asked: bool) -> bool:
    """Questions of a form or of a counsellor state nothing."""
    return asked and re.search(r"\b(?:vous|avez|etes|est-ce|tu)\b", clause) is not None


def blocked(statements: Sequence[Statement]) -> bool:
    """Say whether a text with these statements must not be processed at all."""
    return any(statement.action is Action.BLOCKED for statement in statements)
