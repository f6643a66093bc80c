"""Ages and dates of birth, made wider: bands of ten years, open at both ends.

The year alone, and the month alone, give the age that is reached in them. A year of two digits is
the one that makes a person of 14 to 99 years. Whatever cannot be a birth date gives nothing.
"""

import re
from datetime import date

from anonymizer.detection.folding import fold
from anonymizer.surrogates.numbers import number_said

_ADULT, _OLDEST_BAND, _OLDEST = 18, 70, 120
_FIRST_BAND = 30
_OF_TWO_DIGITS = range(14, 100)
_MONTHS = ("jan", "fev", "mar", "avr", "mai", "juin", "juil", "aou", "sep", "oct", "nov", "dec")
_MONTH = re.compile(
    r"\b(janv(?:ier)?|fevr?(?:ier)?|mars|avr(?:il)?|mai|juin|juil(?:let)?|aout|"
    r"sept(?:embre)?|oct(?:obre)?|nov(?:embre)?|dec(?:embre)?)\b\.?"
)
_BETWEEN = r"\s*[/.\-–| ]\s*"
_DAY_FIRST = re.compile(rf"(\d{{1,2}}){_BETWEEN}(\d{{1,2}}){_BETWEEN}(\d{{4}}|\d\d)")
_YEAR_FIRST = re.compile(rf"(\d{{4}}){_BETWEEN}(\d{{1,2}}){_BETWEEN}(\d{{1,2}})")
_MONTH_AND_YEAR = re.compile(rf"(\d{{1,2}}){_BETWEEN}(\d{{4}})")
_ORDINAL = re.compile(r"(\d+)\s?(?:er|e)\b")
_AGE = re.compile(r"(\d{1,3})(?!\d)")


def band(age: int) -> str | None:
    """Return the band of an age in French; None where nobody is that old.

    From 18 to 29 is one band: two years alone would say more than ten.
    """
    if not 0 <= age <= _OLDEST:
        return None
    if age < _ADULT:
        return f"moins de {_ADULT} ans"
    if age >= _OLDEST_BAND:
        return f"{_OLDEST_BAND} ans ou plus"
    if age < _FIRST_BAND:
        return f"entre {_ADULT} et {_FIRST_BAND - 1} ans"
    return f"entre {age // 10 * 10} et {age // 10 * 10 + 9} ans"


def band_of_age(written: str) -> str | None:
    """Return the band of an age in digits or in words (`43 ans`, `quarante-trois ans`)."""
    folded = fold(written).strip()
    digits = _AGE.match(folded)
    age = int(digits[1]) if digits else number_said(re.sub(r"\s+ans?$", "", folded))
    return None if age is None else band(age)


def band_of_birth(written: str, today: date) -> str | None:
    """Return the band of who was born then, as of `today`; None where it is no birth date.

    `12/03/81`, `1981-03-12`, `1er mars 1981`, `mars 1981`, `1981`, and the same in words.
    """
    folded = " ".join(_ORDINAL.sub(r"\1", fold(written)).removeprefix("le ").split())
    parts = _by_digits(folded) or _by_month(folded) or (_year(folded), None, None)
    year, month, day = parts
    if year is None:
        return None
    ages = [a for a in _ages(year, month, day, today) if a is not None]
    return band(ages[0]) if len(ages) == 1 else None


def _by_digits(folded: str) -> tuple[int | None, int | None, int | None] | None:
    if found := _YEAR_FIRST.fullmatch(folded):
        return int(found[1]), int(found[2]), int(found[3])
    if found := _DAY_FIRST.fullmatch(folded):
        return int(found[3]), int(found[2]), int(found[1])
    if found := _MONTH_AND_YEAR.fullmatch(folded):
        return int(found[2]), int(found[1]), None
    return None


def _by_month(folded: str) -> tuple[int | None, int | None, int | None] | None:
    named = _MONTH.search(folded)
    if named is None:
        return None
    month = next(n for n, word in enumerate(_MONTHS, 1) if named[0].startswith(word))
    said = folded[: named.start()].strip(" -/.,")
    day = 1 if said == "premier" else _number(said)
    if said and day is None:
        return None, None, None
    return _year(folded[named.end() :].strip(" -/.,")), month, day


def _year(written: str) -> int | None:
    return _number(written.removeprefix("en ").strip()) if written else None


def _number(written: str) -> int | None:
    return int(written) if re.fullmatch(r"\d{1,4}", written) else number_said(written)


def _ages(year: int, month: int | None, day: int | None, today: date) -> list[int | None]:
    """Return what age that may be: one, or none or two where the century is not written."""
    if year >= 100:  # noqa: PLR2004 - all four digits
        return [_age(year, month, day, today)]
    ages = (_age(century + year, month, day, today) for century in (1900, 2000))
    return [age for age in ages if age in _OF_TWO_DIGITS]


def _age(year: int, month: int | None, day: int | None, today: date) -> int | None:
    try:
        born = date(year, month or 1, day or 1)
    except ValueError:
        return None
    if born > today:
        return None
    passed = (born.month, born.day) <= (today.month, today.day)
    return today.year - year - (0 if passed else 1)
