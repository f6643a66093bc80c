"""French numbers in words, read as people say ages and years."""

import re

from anonymizer.detection.folding import fold

_UNITS = ["un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit", "neuf"]
_TEENS = ["dix", "onze", "douze", "treize", "quatorze", "quinze", "seize"]
_TEENS += ["dix sept", "dix huit", "dix neuf"]
_TENS = {20: "vingt", 30: "trente", 40: "quarante", 50: "cinquante", 60: "soixante"}
_ELSEWHERE = {70: "septante", 80: "huitante", 90: "nonante"}
_ALSO_WRITTEN = {"vingts": "vingt", "cents": "cent", "une": "un", "mil": "mille"}
_BLANKS = re.compile(r"[\s-]+")


def _below_a_hundred() -> dict[str, int]:
    """Return every number from 1 to 99 by its words, without hyphens and without "et"."""
    said = {word: n for n, word in enumerate([*_UNITS, *_TEENS], 1)}
    for ten, word in {**_TENS, **_ELSEWHERE, 80: "quatre vingt"}.items():
        said |= {word: ten} | {f"{word} {unit}": ten + n for n, unit in enumerate(_UNITS, 1)}
    for ten, word in ((70, "soixante"), (90, "quatre vingt")):
        said |= {f"{word} {teen}": ten + n for n, teen in enumerate(_TEENS)}
    for n, unit in enumerate(["", *_UNITS]):
        said |= {f"{word} {unit}".strip(): 80 + n for word in ("huitante", "octante")}
    return said


_BELOW_A_HUNDRED = _below_a_hundred()


def number_said(words: str) -> int | None:
    """Return the number that French words say, from 1 to 99,999; None where they say none.

    Also as years are said: `dix-neuf cent quatre-vingts` is 1980.
    """
    said = [w for w in _BLANKS.split(fold(words).strip()) if w and w != "et"]
    said = [
        {"vingts": "vingt", "cents": "cent", "une": "un", "mil": "mille"}.get(w, w) for w in said
    ]
    thousands, found, rest = _parted(said, "mille")
    below = _hundreds(rest)
    if below is None or not said:
        return None
    if not found:
        return below or None
    many = _BELOW_A_HUNDRED.get(thousands) if thousands else 1
    return None if many is None else many * 1000 + below


def _parted(said: list[str], word: str) -> tuple[str, bool, list[str]]:
    if word not in said:
        return "", False, said
    at = said.index(word)
    return " ".join(said[:at]), True, said[at + 1 :]


def _hundreds(said: list[str]) -> int | None:
    before, found, rest = _parted(said, "cent")
    many = (_BELOW_A_HUNDRED.get(before) if before else 1) if found else 0
    last = _BELOW_A_HUNDRED.get(" ".join(rest)) if rest else 0
    return None if many is None or last is None else many * 100 + last
