"""One way to compare words: without case, without accents, character for character."""

import unicodedata
from functools import lru_cache

_APOSTROPHES = dict.fromkeys(map(ord, "’‘ʼ`´"), "'") | dict.fromkeys(map(ord, "‐‑–—"), "-")


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0].lower()
    return base if len(base) == 1 else character


def fold(text: str) -> str:
    """Return `text` in lower case without accents; offsets stay the same."""
    return "".join(map(_plain, text.translate(_APOSTROPHES)))
