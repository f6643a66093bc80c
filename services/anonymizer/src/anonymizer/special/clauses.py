"""Cutting a text into clauses: what can state something by itself.

Sentences, cells and bullets; long sentences at their commas. A line break inside a sentence is no
end: prose is wrapped anywhere, and side bands break a statement after any word.
"""

import re
from collections.abc import Iterator

from anonymizer.detection.folding import fold
from anonymizer.special.lexicon import BROKEN

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


def clauses(text: str) -> Iterator[tuple[int, int]]:
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


def readings(clause: str) -> Iterator[str]:
    """Yield a clause on one line; twice where a hyphen may be the line's or the word's."""
    # The patterns are written with single spaces, whatever stands between the words.
    yield " ".join(clause.split())
    if "-\n" in clause:
        yield " ".join(clause.replace("-\n", "").split())
