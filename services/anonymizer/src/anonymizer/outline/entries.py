# ruff: noqa: E501 - patterns and word lists are read as long lines
"""Experiences and studies: the dated entries of a CV."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import OCCUPATIONS
from anonymizer.outline.dates import Period, periods
from anonymizer.outline.sections import Line

_SEPARATORS = re.compile(r"\t|[ ]*\|[ ]*|[ ][–—-][ ]|[ ][–—-]$|,[ ]|[()]|[ ]:[ ]|:$|;[ ]")
_EMPLOYER = re.compile(
    r"\[ORGANISATION_\d+[a-z]*\]|\b(?:sarl|sas|lycee|universite|ecole|cfa|iut|institut|centre de formation|college|chu|mairie|ehpad)\b"
)
_PLACE = re.compile(r"\[(?:LIEU|ADRESSE)_\d+[a-z]*\]")
_EDGES = " \t,;:|–—-•*.()"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something done during a period, with what surrounds it."""

    period: Period | None
    dates_as_written: str
    fields: Sequence[Piece]  # in the order of the page: title, employer, place…
    missions: Sequence[Piece]
    lines: Sequence[Line]

    @property
    def start(self) -> int:
        """Where the entry begins in the text."""
        return self.lines[0].start

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.lines[-1].end


def entries(lines: Sequence[Line]) -> list[Entry]:
    """Cut the lines of a section into entries: each begins at a date, or above it."""
    return [_entry(block) for block in _blocks(lines)]


def _blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    shown = _unwrapped(lines)
    dated = [index for index, line in enumerate(shown) if _is_dated(line)]
    if not dated:
        yield from ([line] for line in shown if line.is_bullet or len(line.text) < 90)  # noqa: PLR2004
        return
    # Where the first entry has its date on a later line, so have the others.
    above = dated[0] if dated[0] <= 2 else 0  # noqa: PLR2004 - title and employer at most
    starts = [max(index - above, 0) for index in dated]
    starts += [
        i for i, line in enumerate(shown) if _stands_alone(shown, i, dated) and i not in starts
    ]
    edges = sorted(set(starts))
    for start, end in zip(edges, [*edges[1:], len(shown)], strict=True):
        if end > start:
            yield shown[start:end]


def _unwrapped(lines: Sequence[Line]) -> list[Line]:
    """Join what a narrow column broke: the rest of a bullet, a line that goes on in small letters."""
    joined: list[Line] = []
    for line in lines:
        last = joined[-1] if joined else None
        if not line.text:
            continue
        # A line break and the space that replaces it are one character each: offsets stay.
        adjoins = last is not None and line.start == last.end + 1 and not last.text.endswith(".")
        if last is not None and adjoins and not line.is_bullet and line.text[:1].islower():
            joined[-1] = Line(f"{last.text} {line.text}", last.start)
        else:
            joined.append(line)
    return joined


def _is_dated(line: Line) -> bool:
    found = list(periods(line.text))
    if not found:
        return False
    # A year inside a mission is no new entry: the date opens the line, closes it, or is a range.
    first, last = found[0].span, found[-1].span
    opens = not line.text[: first[0]].strip(_EDGES)
    closes = not line.text[last[1] :].strip(_EDGES)
    if line.is_bullet:
        return opens
    return opens or closes or any(period.is_range for period in found)


def _stands_alone(lines: Sequence[Line], index: int, dated: Sequence[int]) -> bool:
    """Say whether a bullet after a dated bullet is an entry of its own, without a date."""
    line = lines[index]
    earlier = [i for i in dated if i < index]
    return line.is_bullet and bool(earlier) and lines[earlier[-1]].is_bullet and not _is_dated(line)


def _entry(block: Sequence[Line]) -> Entry:
    dated = next((line for line in block if _is_dated(line)), None)
    period = _main_period(dated.text) if dated is not None else None
    fields: list[Piece] = []
    missions: list[Piece] = []
    for index, line in enumerate(block):
        if missions and _continues(missions[-1], line):
            last = missions[-1]
            missions[-1] = Piece(f"{last.text} {line.text}", last.start)
        elif line is dated and period is not None:
            fields += _split(line, period.span)
        elif line.is_bullet and index > 0:
            missions.append(bare_line(line))
        elif missions or _is_prose(line, fields):
            missions.append(Piece(line.text, line.start))
        else:
            fields += _split(line, None)
    written = "" if period is None or dated is None else dated.text[slice(*period.span)]
    return Entry(period, written, fields, missions, block)


def _continues(last: Piece, line: Line) -> bool:
    return not line.is_bullet and not last.text.endswith((".", ":")) and line.text[:1].islower()


def _is_prose(line: Line, fields: Sequence[Piece]) -> bool:
    """Say whether a line tells what was done: after title and employer, or as a sentence."""
    return (
        len(fields) >= 2  # noqa: PLR2004 - title and employer
        and (line.text.endswith(".") or len(fields) >= 3)  # noqa: PLR2004 - and place
        and not _PLACE.match(line.text)
    )


def _main_period(text: str) -> Period | None:
    found = list(periods(text))
    return next((period for period in found if period.is_range), found[0] if found else None)


def bare_line(line: Line) -> Piece:
    """Return a line without its bullet."""
    inset = len(line.text) - len(line.text.lstrip("•*–—-·+> \t"))
    return Piece(line.text[inset:], line.start + inset)


def _split(line: Line, hole: tuple[int, int] | None) -> Iterator[Piece]:
    """Yield the fields of a line, its date taken out."""
    parts = [(0, len(line.text))] if hole is None else [(0, hole[0]), (hole[1], len(line.text))]
    for left, right in parts:
        at = left
        cuts = [cut.span() for cut in _SEPARATORS.finditer(line.text, left, right)]
        for stop, following in [*cuts, (right, right)]:
            yield from _field(line, at, stop)
            at = following


def _field(line: Line, start: int, end: int) -> Iterator[Piece]:
    raw = line.text[start:end]
    bare = raw.strip(_EDGES)
    if (
        bare
        and any(c.isalnum() for c in bare)
        and fold(bare) not in ("de", "du", "a", "chez", "saison")
    ):
        yield Piece(bare, line.start + start + raw.index(bare))


@dataclass(frozen=True, slots=True)
class Roles:
    """Which field of an entry is what."""

    what: Piece | None
    where: Piece | None
    place: Piece | None


def roles(fields: Sequence[Piece]) -> Roles:
    """Tell the title (or degree), the employer (or school) and the place apart."""
    left = list(fields)
    place = next((f for f in reversed(left[1:]) if _is_place(f)), None)
    if place is not None:
        left.remove(place)
    where = next(
        (f for f in left if _EMPLOYER.search(fold(f.text)) or "[ORGANISATION_" in f.text), None
    )
    if where is not None and (len(left) > 1 or fold(where.text.split()[0]) not in OCCUPATIONS):
        left.remove(where)
    else:
        where = None
    what = next(
        (f for f in left if fold(f.text.split()[0]) in OCCUPATIONS), left[0] if left else None
    )
    if what is not None:
        left.remove(what)
    if where is None and left:
        where = left.pop(0)
    if place is None and left and left[0].text[:1].isupper() and len(left[0].text.split()) <= 4:  # noqa: PLR2004
        place = left[0]
    return Roles(what, where, place)


def _is_place(piece: Piece) -> bool:
    return _PLACE.fullmatch(piece.text) is not None or gazetteer().is_commune(piece.text)
