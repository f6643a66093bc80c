"""Reading order: words with their boxes become lines, columns and paragraphs (pure geometry).

A page is cut recursively. A valley, a white band that no word crosses, makes two columns, read
left before right, unless its left side is a column of dates: dates beside their contents are the
rows of a table and are read across.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_MIN_COLUMN_LINES = 5
_MIN_VALLEY = 0.6  # this and the gaps below: in units of the type size
_WIDE_GAP = 1.5
_PARAGRAPH_GAP = 0.9
_DATE_SHARE = 0.5
_DATED = re.compile(r"\b(?:19|20)\d\d\b|^\W*(?:depuis|à|-|–)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its box in points; `top` grows downwards."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> float:
        """The height of the word's middle on the page."""
        return (self.top + self.bottom) / 2


Line = list[Word]


def text_of(words: Sequence[Word], type_size: float) -> str:
    """Return the words of a page as text in reading order, a blank line between blocks.

    `type_size` is the usual type size of the page in points: the measure of every gap.
    """
    unit = max(type_size, 1.0)
    if not words:
        return ""
    return "\n\n".join(_block_text(block, unit) for block in _blocks(list(words), unit))


def _lines(words: Sequence[Word]) -> list[Line]:
    lines: list[Line] = []
    for word in sorted(words, key=lambda w: (w.middle, w.left)):
        last = lines[-1] if lines else None
        if last is not None and _same_line(last, word):
            last.append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda w: w.left) for line in lines]


def _same_line(line: Line, word: Word) -> bool:
    anchor = line[-1]
    overlap = min(anchor.bottom, word.bottom) - max(anchor.top, word.top)
    return overlap > 0.5 * min(anchor.bottom - anchor.top, word.bottom - word.top)


def _blocks(words: list[Word], unit: float) -> list[list[Line]]:
    lines = _lines(words)
    columns = _columns(words, unit)
    if columns is not None:
        return [*_blocks(columns[0], unit), *_blocks(columns[1], unit)]
    # A heading across the page hides the valley below it: look under, then above.
    for start in range(1, len(lines) - _MIN_COLUMN_LINES):
        below = [word for line in lines[start:] for word in line]
        if _columns(below, unit) is not None:
            return [lines[:start], *_blocks(below, unit)]
    for end in range(len(lines) - 1, _MIN_COLUMN_LINES, -1):
        above = [word for line in lines[:end] for word in line]
        if _columns(above, unit) is not None:
            return [*_blocks(above, unit), *_blocks(_flat(lines[end:]), unit)]
    return [lines]


def _flat(lines: Sequence[Line]) -> list[Word]:
    return [word for line in lines for word in line]


def _columns(words: list[Word], unit: float) -> tuple[list[Word], list[Word]] | None:
    """Return the left and right columns, or None where the page is one column."""
    reach = 0.0
    best: tuple[float, float] | None = None
    for word in sorted(words, key=lambda w: w.left):
        gap = word.left - reach
        if reach and gap >= _MIN_VALLEY * unit and (best is None or gap > best[0]):
            left = [w for w in words if w.right <= reach + 0.1]
            right = [w for w in words if w.left >= word.left - 0.1]
            if _are_columns(left, right):
                best = (gap, word.left)
        reach = max(reach, word.right)
    if best is None:
        return None
    edge = best[1] - 0.1
    return [w for w in words if w.left < edge], [w for w in words if w.left >= edge]


def _are_columns(left: list[Word], right: list[Word]) -> bool:
    sides = (_lines(left), _lines(right))
    if min(map(len, sides)) < _MIN_COLUMN_LINES:
        return False
    for side in sides:
        dated = sum(bool(_DATED.search(" ".join(w.text for w in line))) for line in side)
        if dated / len(side) >= _DATE_SHARE:
            return False
    return not _are_rows(*sides)


def _are_rows(left: list[Line], right: list[Line]) -> bool:
    """Say whether bullets or labels on the left belong to the lines beside them."""
    marks = sum(len(line) == 1 and not any(map(str.isalpha, line[0].text)) for line in left)
    return marks / len(left) >= _DATE_SHARE or len(right) == 0


def _block_text(lines: Sequence[Line], unit: float) -> str:
    written: list[str] = []
    previous: Line | None = None
    for line in lines:
        if previous is not None and _is_apart(previous, line, unit):
            written.append("")
        written.append(_line_text(line, unit))
        previous = line
    return "\n".join(written)


def _is_apart(previous: Line, line: Line, unit: float) -> bool:
    gap = min(word.top for word in line) - max(word.bottom for word in previous)
    return gap > _PARAGRAPH_GAP * unit


def _line_text(line: Line, unit: float) -> str:
    pieces = [line[0].text]
    for before, word in pairwise(line):
        pieces.append("\t" if word.left - before.right > _WIDE_GAP * unit else " ")
        pieces.append(word.text)
    return "".join(pieces)
