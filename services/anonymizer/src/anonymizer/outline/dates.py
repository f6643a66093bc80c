# ruff: noqa: E501 - patterns and word lists are read as long lines
"""French dates of a career in all their forms, as `AAAA-MM` or `AAAA`, as far as they say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from anonymizer.detection.folding import fold

_MONTHS = {
    "jan": 1, "fev": 2, "mar": 3, "avr": 4, "mai": 5, "juin": 6, "juil": 7, "aou": 8,
    "sep": 9, "oct": 10, "nov": 11, "dec": 12,
}  # fmt: skip
# A season's first and last month; winter runs over the new year.
_SEASONS = {"hiver": (12, 4), "printemps": (3, 6), "ete": (6, 9), "automne": (9, 12)}

_MONTH = (
    r"(?:janv(?:ier|\.)?|fevr?(?:ier|\.)?|mars|avr(?:il|\.)?|mai|juin|juil(?:let|\.)?|aout|"
    r"sept(?:embre|\.)?|oct(?:obre|\.)?|nov(?:embre|\.)?|dec(?:embre|\.)?)"
)
_YEAR = r"(?:19[4-9]\d|20[0-4]\d)"
_POINT = rf"(?:(?:\d{{1,2}}(?:er)?[ ])?{_MONTH}[ ]{_YEAR}|(?:\d{{1,2}}[/.])?(?:0?[1-9]|1[0-2])[/.-]{_YEAR}|{_YEAR}[/-](?:0[1-9]|1[0-2])(?!\d)|{_YEAR})"
_NOW = r"(?:aujourd'?hui|auj\.?|present|ce jour|actuel(?:lement)?|maintenant|en cours|\.{3}|…)"
_TO = r"(?:[ ]*(?:-|/|>|→)[ ]*(?:a[ ])?|[ ](?:a|au|jusqu'(?:a|en|au))[ ])"
_RANGE = re.compile(
    rf"(?<![\d/])(?:(?:de|du|entre|saison)[ ])?(?:"
    rf"(?P<season>hiver|printemps|ete|automne)s?[ ](?P<s1>{_YEAR})(?:[-/](?P<s2>{_YEAR}|\d\d))?"
    rf"|(?P<m1>{_MONTH})(?:{_TO})(?P<m2>{_MONTH})[ ](?P<my>{_YEAR})"
    rf"|(?P<a>{_POINT})(?:{_TO})(?:(?P<b>{_POINT})|(?P<now>{_NOW})|(?P<short>\d\d)(?![\d/]))"
    rf"|(?:depuis|a partir de|des)[ ](?:le[ ]|l'annee[ ])?(?P<since>{_POINT})"
    rf"|(?P<one>{_POINT}))(?!\d)"
)


@dataclass(frozen=True, slots=True)
class Period:
    """A period as it is written; `end` is None while `current`, `start` None for a single date."""

    span: tuple[int, int]
    start: str | None
    end: str | None
    current: bool

    @property
    def is_range(self) -> bool:
        """Say whether it has two ends, or goes on."""
        return self.current or self.start is not None


def periods(text: str) -> Iterator[Period]:
    """Yield the periods of a text, in order."""
    folded = fold(text).replace("\u00a0", " ")
    for match in _RANGE.finditer(folded):
        yield _period(match)


def _period(match: re.Match[str]) -> Period:
    span = match.span()
    if match["season"]:
        return _season(match)
    if match["m1"]:
        year = match["my"]
        return Period(
            span,
            f"{year}-{_month(match['m1']):02}",
            f"{year}-{_month(match['m2']):02}",
            current=False,
        )
    if match["since"]:
        return Period(span, _point(match["since"]), None, current=True)
    if match["one"]:
        return Period(span, None, _point(match["one"]), current=False)
    start = _point(match["a"])
    if match["now"]:
        return Period(span, start, None, current=True)
    end = start[:2] + match["short"] if match["short"] else _point(match["b"])
    return Period(span, start, end, current=False)


def _season(match: re.Match[str]) -> Period:
    first, last = _SEASONS[match["season"]]
    year = match["s1"]
    later = match["s2"] or (str(int(year) + 1) if first > last else year)
    later = year[:2] + later if len(later) == 2 else later  # noqa: PLR2004 - "2012-13"
    return Period(match.span(), f"{year}-{first:02}", f"{later}-{last:02}", current=False)


def _point(written: str) -> str:
    year = re.search(_YEAR, written)
    rest = re.sub(_YEAR, " ", written, count=1)
    named = re.search(_MONTH, rest)
    numbers = re.findall(r"\d{1,2}", rest)
    found = year[0] if year is not None else ""
    if named is not None:
        return f"{found}-{_month(named[0]):02}"
    return f"{found}-{int(numbers[-1]):02}" if numbers else found


def _month(word: str) -> int:
    return next(number for start, number in _MONTHS.items() if word.startswith(start))
