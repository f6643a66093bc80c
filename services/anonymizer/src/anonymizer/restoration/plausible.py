"""Plausible values in a text: where one stands, and what it stands for.

A model says "Camille Berthier" where a placeholder would have been `[FEMME_1]`. Restoration takes
the values that were issued to one bilan: whole words, whatever the case, the longest first; also
the given name or the surname alone of a full name that was issued. They are written with plain
letters only, so that no accent can be lost, and are short enough for a stream to hold back.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAX_PLAUSIBLE = 60
_SPACES = "[ \u00a0\u202f]"
_FOLDED = str.maketrans({"\u00a0": " ", "\u202f": " "})
_MARK = "[\u0300-\u036f]"
# An escape of JSON ends with a letter or a digit, and is no part of the word that follows.
_ESCAPED = r"(?<=\\[nrtbf])|(?<=\\u(?:00a0|00ab|2011|2013|2014|2019|201c|202f))"
LOOKED_BACK = 6
"""So many characters before a value say whether it is a whole word."""
_AFTER = rf"(?![^\W_])(?!{_MARK})"
_BEFORE = rf"(?:(?<![^\W_])(?<!{_MARK})|{_ESCAPED})"
_START = re.compile(_BEFORE + r"(?=[A-Za-z0-9+])")


@dataclass(frozen=True, slots=True)
class Plausible:
    """What stands for a value in the place of a placeholder."""

    value: str
    base: tuple[str, ...]
    """What every way of writing the thing is made of: a given name and a surname, or the value."""
    parts: tuple[tuple[str, str], ...] = ()
    """Parts of a full name, each with the words of the original that it stands for."""

    def __str__(self) -> str:
        return self.value

    def to_json(self) -> str:
        """Return what is stored."""
        return json.dumps([self.value, self.base, self.parts])

    @classmethod
    def from_json(cls, stored: str) -> "Plausible":
        """Read what `to_json` wrote."""
        value, base, parts = json.loads(stored)
        return cls(value, tuple(base), tuple((shown, means) for shown, means in parts))


def may_be_issued(value: str) -> bool:
    """Say whether a value can be found again: plain letters, and short enough for a stream."""
    whole = re.fullmatch(r"[A-Za-z0-9+](?:[A-Za-z0-9 @.'+-]*[A-Za-z0-9])?", value)
    return whole is not None and len(value) <= MAX_PLAUSIBLE


def _folded(text: str) -> str:
    # Nothing but ASCII changes its case: offsets stay, and a pattern of ASCII means the same.
    return re.sub("[A-Z]+", lambda match: match[0].lower(), text.translate(_FOLDED))


def _either_case(character: str) -> str:
    # Not by `re.IGNORECASE`, which takes signs beyond ASCII for plain letters.
    if character == " ":
        return _SPACES
    return f"[{character}{character.upper()}]" if character.isalpha() else re.escape(character)


@dataclass(frozen=True, slots=True)
class Plausibles:
    """The plausible values of one bilan, and what they stand for."""

    _exact: dict[str, str] = field(default_factory=dict)
    _folded: dict[str, str] = field(default_factory=dict)
    _beginnings: frozenset[str] = frozenset()
    _pattern: re.Pattern[str] | None = None

    @classmethod
    def of(cls, issued: Iterable[tuple[Plausible, str]]) -> "Plausibles":
        """Make them of what was issued and its originals, in the order of numbers and forms.

        A value in another case than any that was issued stands for the first way of writing it.
        """
        exact: dict[str, str] = {}
        folded: dict[str, str] = {}
        parts: dict[str, str] = {}
        for plausible, original in issued:
            exact[plausible.value] = original
            folded.setdefault(_folded(plausible.value), original)
            for shown, means in plausible.parts:
                parts.setdefault(_folded(shown), means)
        folded = parts | folded
        if not folded:
            return cls()
        values = sorted(folded, key=lambda value: (-len(value), value))
        written = "|".join("".join(map(_either_case, value)) for value in values)
        beginnings = frozenset(v[:size] for v in values for size in range(1, len(v) + 1))
        pattern = re.compile(f"{_BEFORE}(?:{written}){_AFTER}")
        return cls(exact, folded, beginnings, pattern)

    def __bool__(self) -> bool:
        return self._pattern is not None

    def search(self, text: str, at: int) -> re.Match[str] | None:
        """Return the first value in `text[at:]`; what stands before `at` is looked back at."""
        return None if self._pattern is None else self._pattern.search(text, at)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where values stand in a text."""
        at = 0
        while (match := self.search(text, at)) is not None:
            yield match.span()
            at = match.end()

    def unfinished(self, text: str, at: int) -> int | None:
        """Return where a value may begin in `text[at:]` that only what follows can settle."""
        if self._pattern is None:
            return None
        starts = (match.start() for match in _START.finditer(text, at))
        return next((s for s in starts if _folded(text[s:]) in self._beginnings), None)

    def original(self, written: str) -> str:
        """Return what a value that was found stands for."""
        found = self._exact.get(written)
        return self._folded[_folded(written)] if found is None else found
