"""Characters that the eye does not see, taken out of a text and reported."""

import re
import unicodedata
from collections.abc import Iterator

from anonymizer.intake.rules import HiddenText

_TAGS = range(0xE0000, 0xE0080)
_ZERO_WIDTH = frozenset("\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\ufeff\u180e\u034f")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
_SUSPICIOUS_RUN = 8
_BULLETS = dict.fromkeys(map(ord, "\uf0b7\uf0a7\uf076\uf0d8\uf0fc\uf02d\u2023\u25aa\u25cf"), "•")
_SPACES = re.compile(r"[^\S\n\t]+")
_BLANK_LINES = re.compile(r"\n{3,}")
_BROKEN_WORD = re.compile(r"(?<=[^\W\d_])\u00ad[ \t]*\n[ \t]*(?=[^\W\d_])")


def is_invisible(character: str) -> bool:
    """Say whether a character takes no room on the page (soft hyphens apart)."""
    return character in _ZERO_WIDTH or character in _BIDI or ord(character) in _TAGS


def clean(text: str, page: int | None = None) -> tuple[str, list[HiddenText]]:
    """Return the visible text in NFC with plain line ends, and what was hidden in it."""
    hidden = list(_hidden_runs(text, page))
    visible = "".join(c for c in text if not is_invisible(c))
    visible = unicodedata.normalize("NFC", visible.replace("\r\n", "\n").replace("\r", "\n"))
    visible = _BROKEN_WORD.sub("", visible).replace("\u00ad", "").translate(_BULLETS)
    visible = visible.replace("\f", "\n").replace("\v", "\n").replace("\x00", "")
    visible = "".join(c for c in visible if c in "\n\t" or unicodedata.category(c) != "Cc")
    lines = (_SPACES.sub(" ", line).strip() for line in visible.split("\n"))
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip(), hidden


def _hidden_runs(text: str, page: int | None) -> Iterator[HiddenText]:
    said = "".join(chr(ord(c) - 0xE0000) for c in text if ord(c) in _TAGS).strip("\x00\x01\x7f")
    if said:
        yield HiddenText("invisible_characters", said, page)
    # Emoji and some scripts join with single zero-width characters: only long chains are a message.
    pattern = f"[{''.join(sorted(_ZERO_WIDTH))}]{{{_SUSPICIOUS_RUN},}}"
    for run in re.finditer(pattern, text):
        yield HiddenText("invisible_characters", f"{len(run[0])} zero-width characters", page)
