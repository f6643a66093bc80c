"""Places and addresses, made wider: the département in French.

By the postcode, in the value or right beside it, else by the commune's name where only one
département has a commune so called, and no well-known city abroad is called so too. Sixteen
postcodes belong to two départements: the name decides there too. What stays open gives nothing, and
the value gets a surrogate: a place that was guessed wrong would mislead, and "a commune in France"
would say nothing and could not be restored.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer

_POSTCODE = re.compile(r"(?<!\d)(\d{2})[ \u00a0]?(\d{3})(?!\d)")
_BEFORE = re.compile(r"(?<!\d)(\d{5})[ \t\u00a0]{1,3}$")
_AFTER = re.compile(
    r"[ \t\u00a0]{0,2}(?:\(?(?P<postcode>\d{5})(?!\d)|\((?P<code>\d{2,3}|2[AB])\))", re.IGNORECASE
)
_REACH = 10
_ARRONDISSEMENT = re.compile(
    r"[ \t\n]+(?:cedex\b.*|\d{1,2}(?:er|e|eme|nd|nde)?(?:[ ]arr(?:ondissement|t)?\.?)?)\Z",
    re.DOTALL,
)
_SHARED = frozenset(
    ("01200", "01410", "01590", "05110", "05130", "05160", "05700", "06260", "13780", "21340",
     "33220", "37160", "42620", "43450", "48250", "52100")
)  # fmt: skip
"""Postcodes of communes of two départements (La Poste)."""
_OF_THEIR_OWN = {"97133": "977", "97150": "978"}
"""Saint-Barthélemy and Saint-Martin kept postcodes of Guadeloupe."""


_ABROAD = frozenset(
    ("berne", "bologne", "bruges", "cadix", "cologne", "fribourg", "grenade", "le caire", "leon",
     "liege", "modene", "montreux", "sion", "treves", "venise", "vienne")
)  # fmt: skip
"""Communes, most of them villages, whose bare name rather means a city of another country.

Rome, Milan or Tunis need no line: no commune is called so. Laval and Orléans are larger here.
"""


@cache
def _names() -> Mapping[str, str]:
    lines = (files("anonymizer.surrogates") / "data/departements.tsv").read_text("utf-8")
    rows = (line.split("\t") for line in lines.splitlines() if not line.startswith("#"))
    return {code: name for code, name in rows}  # noqa: C416 - two columns, as the types say


@cache
def _by_name() -> Mapping[str, tuple[str]]:
    return {fold(name): (code,) for code, name in _names().items()}


def departement_of_place(text: str, start: int, end: int) -> str | None:
    """Return the département of the place that `text[start:end]` names; None where it is open."""
    written = text[start:end]
    beside = _names().get(_code_beside(text, start, end) or "")
    return _of_last_postcode(written) or beside or _of_commune(written)


def departement_of_address(written: str) -> str | None:
    """Return the département of an address; None where it is open.

    Without a postcode, its last line may be the commune; a street alone may be called after one.
    """
    *street, last = re.split(r"[,\n]", written.strip(" ,\n"))
    return _of_last_postcode(written) or (_of_commune(last.strip()) if street else None)


def _of_last_postcode(written: str) -> str | None:
    """Return what the last postcode says: a box (`BP`, `CS`) stands before it."""
    found = [m[1] + m[2] for m in _POSTCODE.finditer(written)]
    return _names().get(_of_postcode(found[-1]) or "") if found else None


def _of_postcode(postcode: str) -> str | None:
    if postcode in _SHARED:
        return None
    if postcode in _OF_THEIR_OWN:
        return _OF_THEIR_OWN[postcode]
    if postcode.startswith("20"):  # Corsica
        return "2A" if postcode[2] in "01" else "2B"
    code = postcode[:3] if postcode.startswith(("97", "98")) else postcode[:2]
    return code if code in _names() else None


def _code_beside(text: str, start: int, end: int) -> str | None:
    """Return the code that stands right before (`29200 Brest`) or after (`Brest (29)`) a place."""
    if before := _BEFORE.search(text[max(0, start - _REACH) : start]):
        return _of_postcode(before[1])
    after = _AFTER.match(text[end : end + _REACH])
    if after is None:
        return None
    return after["code"].upper() if after["code"] else _of_postcode(after["postcode"])


def _of_commune(written: str) -> str | None:
    """Return the one département that is called so, or that has a commune called so."""
    name = _ARRONDISSEMENT.sub("", fold(_POSTCODE.sub("", written)).strip(" ,()"))
    if name in _ABROAD:
        return None
    codes = {*gazetteer().departements_of(name), *_by_name().get(name, ())}
    return _names().get(codes.pop()) if len(codes) == 1 else None
