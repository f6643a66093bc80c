"""Who is who: the ways in which one person's name is written, told apart from other people's.

"Jeanne Le Goff", "LE GOFF Jeanne", "Mme Le Goff", "J. Le Goff" and "Jeanne" are one person as long
as no second one fits. Where two fit, nobody is guessed: the form is a person of its own. A wrong
guess would cost a reader's understanding, never the restoration: each written form keeps a
surrogate of its own.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

from anonymizer.detection.folding import fold
from anonymizer.detection.lexicon import PARTICLES, TITLES
from anonymizer.surrogates.given_names import gender_said_by

_WORD = re.compile(r"[^\W\d_]+")
_SHE = re.compile(r"\b(?:mme|mmes|madame|mlle|mle|mademoiselle|melle)\.?\s*$")
_HE = re.compile(r"\b(?:m\.|mr\.?|monsieur|m)\s*$")
_TITLE_REACH = 16
_MOST_INITIALS = 4
_MOST_OF_A_NAME = 100
"""So many people who share a word are told apart by their exact forms only."""


class Gender(StrEnum):
    """What a title or a given name says, so that French can agree."""

    FEMININE = "f"
    MASCULINE = "m"


def gender_by_title(text: str, start: int) -> Gender | None:
    """Return the gender that a title before `text[start:]` says; None without one."""
    before = fold(text[max(0, start - _TITLE_REACH) : start])
    if _SHE.search(before):
        return Gender.FEMININE
    return Gender.MASCULINE if _HE.search(before) else None


def gender_by_given_name(name: str) -> Gender | None:
    """Return the gender that a name's given name says; a surname in capitals says none."""
    words = _WORD.findall(name)
    given = [word for word in words if not word.isupper()] or words
    found = (gender_said_by(fold(word)) for word in given)
    said = next((gender for gender in found if gender is not None), None)
    return None if said is None else Gender(said)


def words_of(name: str) -> tuple[str, ...]:
    """Return the folded words of a name, titles and particles left out."""
    words = (match[0] for match in _WORD.finditer(fold(name)))
    return tuple(word for word in words if word not in TITLES and word not in PARTICLES)


@dataclass(slots=True, eq=False)
class Person:
    """Somebody, by every form of the name that was seen; without a number until one is given."""

    number: int | None = None
    gender: Gender | None = None
    """As a title says it."""
    given: Gender | None = None
    """As the given name says it."""
    fullest: tuple[str, ...] = ()

    def agrees(self, title: Gender | None) -> bool:
        """Say whether a title may be this person's."""
        return title is None or (self.gender or self.given or title) is title

    def may_be_called(self, words: tuple[str, ...], gender: Gender | None) -> bool:
        """Say whether a form of a name may be this person's."""
        return self.agrees(gender) and (_fits(words, self.fullest) or _fits(self.fullest, words))


@dataclass(slots=True)
class People:
    """The people of a bilan, found by the words of their names."""

    # Each value is an ordered set: who has the word, or bears the very name.
    _by_word: dict[str, dict[Person, None]] = field(default_factory=lambda: defaultdict(dict))
    _by_name: dict[tuple[str, ...], dict[Person, None]] = field(
        default_factory=lambda: defaultdict(dict)
    )

    def find(self, words: tuple[str, ...], gender: Gender | None) -> Person | None:
        """Return the one person whom a form names; None where nobody or more than one fits."""
        found = [person for person in self._by_name[words] if person.agrees(gender)]
        if not found:
            near = dict.fromkeys(p for key in _keys(words) for p in self._by_word[key])
            if len(near) > _MOST_OF_A_NAME:
                return None
            found = [person for person in near if person.may_be_called(words, gender)]
        return found[0] if len(found) == 1 else None

    def add(self, person: Person, words: tuple[str, ...]) -> None:
        """Remember that a form names a person."""
        person.fullest = max(person.fullest, words, key=len)
        for known in (self._by_name[words], *(self._by_word[key] for key in _indexed(words))):
            known[person] = None


def _fits(short: tuple[str, ...], full: tuple[str, ...]) -> bool:
    """Say whether each word of `short` is one of `full`, or the initial of another."""
    if len(short) == 1 and 1 < len(full) == len(short[0]) <= _MOST_INITIALS:
        return sorted(short[0]) == sorted(word[0] for word in full)
    left = list(full)
    for word in short:
        alike = [w for w in left if w == word or (len(word) == 1 and w[0] == word)]
        if not alike:
            return False
        left.remove(word if word in alike else alike[0])
    return bool(short)


def _indexed(words: tuple[str, ...]) -> set[str]:
    """Return under what a name is found: its words, their initials, and the initials together."""
    return {*words, *(word[0] for word in words), "".join(sorted(word[0] for word in words))}


def _keys(words: tuple[str, ...]) -> set[str]:
    """Return where a form is looked for: under its words; under initials where it has no other."""
    whole = {word for word in words if len(word) > 1}
    together = {"".join(sorted(word)) for word in words if 1 < len(word) <= _MOST_INITIALS}
    return (whole | together) or set(words)
