"""The strings inside a text that is JSON, each with the places of its characters in that text.

What is masked is replaced in the text as it was written, escapes and all: whatever it is restored
by, and however it was spaced, it comes back byte for byte.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_LITERAL = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_COLON = re.compile(r"\s*:\s*")
_SIGN = re.compile(r"\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<escaped>.)|(?P<plain>[^\\])", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string of a JSON text that is no member's name."""

    text: str
    places: Sequence[int]
    """Where each character is written, and the end of the last one."""
    field: str | None
    """The member that it is the value of."""


def is_json(text: str) -> bool:
    """Say whether a text is one JSON document."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def literals(text: str) -> Iterator[Literal]:
    """Yield the strings of a JSON text in order, names of members left out."""
    name, value_at = None, -1
    for found in _LITERAL.finditer(text):
        written, places = _read(text, found.start() + 1, found.end() - 1)
        if colon := _COLON.match(text, found.end()):
            name, value_at = written, colon.end()
            continue
        yield Literal(written, places, name if found.start() == value_at else None)


def _read(text: str, start: int, end: int) -> tuple[str, list[int]]:
    read: list[str] = []
    places: list[int] = []
    for sign in _SIGN.finditer(text, start, end):
        character = _character(sign)
        if read and ord(read[-1]) in _HIGH and ord(character) in _LOW:
            pair = (ord(read[-1]) - _HIGH.start << 10) + ord(character) - _LOW.start
            read[-1] = chr(0x10000 + pair)
            continue
        read.append(character)
        places.append(sign.start())
    return "".join(read), [*places, end]


def _character(sign: re.Match[str]) -> str:
    if sign["code"] is not None:
        return chr(int(sign["code"], 16))
    if sign["escaped"] is not None:
        return _ESCAPES.get(sign["escaped"], sign["escaped"])
    return sign["plain"]
