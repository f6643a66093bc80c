"""The text before and after, in two columns, with what was masked made visible."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from demo.wire import REMOVED, SURROGATE

_MARKED = re.compile(rf"{SURROGATE.pattern}|{re.escape(REMOVED)}")
_BREAKS = re.compile(r"[ \t\r\n\f\v]+")
"""Where a line may break: French typography's own spaces (« », « : ») are no such place."""
_MIDDLE = 3
_NARROWEST = 12
BEFORE_OPENS, BEFORE_CLOSES = "‹", "›"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of two columns; `changed` where the two differ."""

    before: str
    after: str
    changed: bool


def surrogates_in(text: str) -> list[str]:
    """Return the surrogates of a text, each once, in order."""
    return list(dict.fromkeys(SURROGATE.findall(text)))


def original(line: str, restored: Mapping[str, str], removed: Iterator[str]) -> str:
    """Return what stood on a line, each masked part between ‹ and ›.

    `removed` gives what was taken out for good, in order; what it does not know stays as it is.
    """

    def put_back(match: re.Match[str]) -> str:
        marked = match.group()
        known = next(removed, marked) if marked == REMOVED else restored.get(marked, marked)
        return f"{BEFORE_OPENS}{' '.join(known.split())}{BEFORE_CLOSES}"

    return _MARKED.sub(put_back, line)


def rows(
    text: str, restored: Mapping[str, str], removed: Sequence[str], *, width: int
) -> list[Row]:
    """Lay out a pseudonymised text beside what it stands for, in `width` columns."""
    column = max(_NARROWEST, (width - _MIDDLE) // 2)
    taken_out = iter(removed if text.count(REMOVED) == len(removed) else ())
    found: list[Row] = []
    for line in text.splitlines():
        told = _BREAKS.sub(" ", line).strip()
        if not told:
            if found and found[-1].before.strip():
                found.append(Row(" " * column, "", changed=False))
            continue
        before = wrapped(original(told, restored, taken_out), column)
        after = wrapped(told, column)
        deep = max(len(before), len(after))
        before += [""] * (deep - len(before))
        after += [""] * (deep - len(after))
        is_marked = _MARKED.search(told) is not None
        found += [
            Row(padded(b, column), a, changed=is_marked) for b, a in zip(before, after, strict=True)
        ]
    return found


def wrapped(text: str, column: int) -> list[str]:
    """Break a text at spaces into lines of at most `column` places; long words are cut."""
    lines, line = [], ""
    for word in filter(None, _BREAKS.split(text)):
        left = word
        while left:
            gap = " " if line else ""
            if places(line) + len(gap) + places(left) <= column:
                line, left = f"{line}{gap}{left}", ""
            elif line:
                lines.append(line)
                line = ""
            else:
                lines.append(left[:column])
                left = left[column:]
    return [*lines, line] if line else lines or [""]


def padded(text: str, column: int) -> str:
    """Fill a text with spaces up to `column` places."""
    return text + " " * max(0, column - places(text))


def places(text: str) -> int:
    """Return how many places a text takes on a terminal."""
    return sum(_place(c) for c in text)


def _place(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
