"""The strings inside a text that is JSON, each with the places of its characters in that text.

Such a text is first written without needless escapes (`normalised`): then what is masked in it is
the same in the text and in the string, and comes back right in prose as in JSON. It keeps its
spaces and comes back byte for byte as it was normalised. An escape that JSON needs is never masked:
a finding is cut there.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anonymizer.surrogates.values import number_read

_LITERAL = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_TOKEN = re.compile(_LITERAL.pattern + r"|(?P<number>-?\d[\d.eE+-]*+)", re.DOTALL)
_HALF = re.compile("[\ud800-\udfff]")
_COLON = re.compile(r"\s*:\s*")
_SIGN = re.compile(r"\\u(?P<code>[0-9a-fA-F]{4})|\\(?P<escaped>.)|(?P<plain>[^\\])", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)


@dataclass(frozen=True, slots=True)
class Literal:
    """A string of a JSON text that is no member's name, or a long number."""

    text: str
    places: Sequence[int]
    """Where each character is written, and the end of the last one."""
    field: str | None
    """The member that it is the value of."""
    is_fixed: bool = False
    """Whether nothing can stand in its place, as of a number."""

    def stretches(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield where `text[start:end]` is written, without what is written as an escape."""
        at = start
        for index in range(start, end):
            if self.places[index + 1] - self.places[index] > 1:
                yield self.places[at], self.places[index]
                at = index + 1
        yield self.places[at], self.places[end]


def is_json(text: str) -> bool:
    """Say whether a text is one JSON document."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def normalised(text: str) -> str:
    """Return a JSON text with the same values, its strings without needless escapes."""

    def written(literal: re.Match[str]) -> str:
        read, _ = _read(text, literal.start() + 1, literal.end() - 1)
        # Half of a pair alone is no character: nothing but its escape can be sent.
        return _HALF.sub(
            lambda half: f"\\u{ord(half[0]):04x}", json.dumps(read, ensure_ascii=False)
        )

    return _LITERAL.sub(written, text)


def literals(text: str) -> Iterator[Literal]:
    """Yield the strings of a JSON text and its long numbers in order, names of members left out."""
    name, value_at = None, -1
    for found in _TOKEN.finditer(text):
        if found["number"]:
            if (read := number_read(json.loads(found[0]))) is not None:
                field = name if found.start() == value_at else None
                yield Literal(read, range(len(read) + 1), field, is_fixed=True)
            continue
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
