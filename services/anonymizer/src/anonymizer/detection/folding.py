"""One way to compare words: without case, without accents, character for character."""

import unicodedata

_SIGNS = dict.fromkeys(map(ord, "’‘ʼ`´"), "'") | dict.fromkeys(map(ord, "‐‑–—"), "-")
_REMEMBERED = 0x3000
"""The first code point that is worked out anew each time: French is not written with it."""


class _Folds(dict[int, str]):
    """What each code point becomes: a table for `str.translate` that fills itself."""

    def __missing__(self, code: int) -> str:
        character = _plain(_SIGNS.get(code) or chr(code))
        if code < _REMEMBERED:
            self[code] = character
        return character


def _plain(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0].lower()
    return base if len(base) == 1 else character


_FOLDS = _Folds()


def fold(text: str) -> str:
    """Return `text` in lower case without accents; offsets stay the same."""
    return text.translate(_FOLDS)


def lowered(text: str) -> str:
    """Return `text` in lower case, accents kept; offsets stay the same.

    Patterns that ignore case take each of these three signs for its plain letter, and the first is
    the only one that `str.lower` makes longer.
    """
    return text.replace("İ", "i").replace("ı", "i").replace("ſ", "s").lower()
