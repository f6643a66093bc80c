"""Characters that the embedded fonts can show, and what stands for those that they cannot.

PDF/A refuses a character without a glyph. Rather than refuse the document, such a character is
written as its code point, « [U+1F642] »: nothing is lost, nothing is guessed. The ranges are those
of Libertinus Serif with the fall-back fonts that the typst wheel carries; a test holds them to it.
"""

import re
import unicodedata
from bisect import bisect_right
from typing import Any

from reports.rendering.glyphs import RANGES

_STARTS = [start for start, _ in RANGES]
_BEFORE = re.compile(r"[ \u00a0\u202f]([:;?!»%€])")
_AFTER = re.compile(r"« ")
_ENDLESS = re.compile(r"\S{30}(?=\S)")  # longer than any French word
_NO_BREAK, _MAY_BREAK = "\u00a0", "\u200b"


def is_covered(character: str) -> bool:
    """Say whether an embedded font has a glyph for `character`."""
    code = ord(character)
    at = bisect_right(_STARTS, code) - 1
    return at >= 0 and code <= RANGES[at][1]


def displayable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the same JSON value with every text ready to be typeset."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return {key: displayable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [displayable(item) for item in value]
    return value


def _text(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(c if c == "\n" or is_covered(c) else f"[U+{ord(c):04X}]" for c in composed)
    spaced = _AFTER.sub(f"«{_NO_BREAK}", _BEFORE.sub(rf"{_NO_BREAK}\1", kept))
    return _ENDLESS.sub(rf"\g<0>{_MAY_BREAK}", spaced)
