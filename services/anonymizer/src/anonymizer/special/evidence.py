"""What the lexicon says of one clause.

A clause is evidence by itself: a term of a category, a person it is said of, no denial, and not
the daily matter of a trade ("infirmière en oncologie" says nothing of the nurse's health). A few
terms say it alone, wherever they stand: RQTH, "de confession juive", "sous bracelet électronique".
"""

import re

from anonymizer.special.lexicon import (
    ALONE,
    DENIED,
    DIAGNOSIS,
    FIGURES,
    OF_SOMEBODY,
    PERSONAL,
    TRADE,
)
from anonymizer.special.rules import Category

_SHORT_CLAUSE = 70
_CLASSES = {Category(name): pattern for name, pattern in ALONE.items()}
_SAID = {Category(name): pattern for name, pattern in OF_SOMEBODY.items()}
_REACH = 60  # letters between a denial and what it denies


def category_by_words(clause: str, *, asked: bool) -> Category | None:
    """Return the category that the words of a folded clause state; None where they state none."""
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


def signs(clause: str, *, asked: bool) -> tuple[bool, ...]:
    """Return what the lexicon notices in a folded clause, each sign by itself.

    Of each category in order: a term that says it alone, a term that needs a person; then a person,
    a trade, a denial, a figure of speech, a question, a diagnosis.
    """
    found = [
        pattern.search(clause) is not None for pattern in (*_CLASSES.values(), *_SAID.values())
    ]
    others = (PERSONAL, TRADE, DENIED, FIGURES)
    found += [pattern.search(clause) is not None for pattern in others]
    found += [_is_question(clause, asked=asked), DIAGNOSIS.match(clause) is not None]
    return tuple(found)
