"""JSON with one reading: what two parsers could understand differently is refused."""

import json
import math
import re
from contextlib import suppress
from typing import Any, NoReturn

import rfc8785

MAX_DEPTH = 64
MAX_VALUES = 50_000
"""Values of one text: a megabyte of empty arrays would hold everybody else up for half a second."""
MAX_MEMBERS = 2_000
"""Members of one object: each that is not known to us costs a line of its refusal."""


class NotStrictJson(ValueError):  # noqa: N818 - says what the text is not
    """Malformed, ambiguous (duplicate member, NaN) or nested too deep."""


def _refuse_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrictJson("a number is out of range")
    return number


def _one_member_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(pairs) > MAX_MEMBERS:
        raise NotStrictJson("an object has too many members")
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a member is named twice")
    return members


_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""A string, or what is left of one: possessive, so that no text costs the square of its length."""
_AS_LISTS = bytes.maketrans(b"{}", b"[]")
_NOT_STRUCTURE = bytes(set(range(256)) - set(b"[]{},"))
_KEPT_BY_NO_STORE = re.compile("[\x00\ud800-\udfff]")


def _structure(text: bytes) -> bytes:
    """Return the brackets and commas outside strings, all that a text's size in memory rests on."""
    return _STRING.sub(b"", text).translate(_AS_LISTS, _NOT_STRUCTURE)


def _is_deeper(structure: bytes, max_depth: int) -> bool:
    """Look at the brackets, before the recursive parser sees them.

    Each round takes the innermost pairs away, all at once and in C: a depth costs a round. What
    is left is too deep, or never closed.
    """
    left = structure.replace(b",", b"")
    for _ in range(max_depth):
        if not left:
            break
        left = left.replace(b"[]", b"")
    return bool(left)


def parse(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any JSON value
    """Parse one JSON text (RFC 8259), UTF-8.

    Raises:
        NotStrictJson: malformed, a member named twice, NaN or Infinity, NUL or half a character
            in a string, a number beyond double precision, nested over `max_depth`, or too many
            values or members.
    """
    try:
        # Decoded here: the parser would guess at UTF-16 and UTF-32, which nobody else reads.
        raw = data if isinstance(data, bytes) else data.encode("utf-8")
        text = raw.decode("utf-8")
    except ValueError:
        raise NotStrictJson("not UTF-8") from None
    structure = _structure(raw)
    if structure.count(b",") + structure.count(b"[") > MAX_VALUES:
        raise NotStrictJson("too many values")
    if _is_deeper(structure, max_depth):
        raise NotStrictJson("nested too deep, or not closed")
    try:
        value = json.loads(
            text,
            object_pairs_hook=_one_member_each,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except NotStrictJson:
        raise
    except (ValueError, RecursionError):
        raise NotStrictJson("not one JSON value") from None
    if "\\u" in text:
        _refuse_characters(value)
    return value


def _refuse_characters(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Refuse NUL and lone surrogates: they can only come as escapes, and no store keeps them."""
    if isinstance(value, str):
        if _KEPT_BY_NO_STORE.search(value):
            raise NotStrictJson("a string holds NUL or half a character")
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_characters(name)
            _refuse_characters(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_characters(member)


_SAFE = 2**53 - 1
_SORTED = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, sort_keys=True, separators=(",", ":")
)


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical form of a JSON value (RFC 8785)."""
    if _is_plain(value):
        # The same bytes, in a fifth of the time: each record and each signature needs them.
        with suppress(UnicodeEncodeError):
            return _SORTED.encode(value).encode()
    return rfc8785.dumps(value)


def _is_plain(value: Any) -> bool:  # noqa: ANN401 - any JSON value
    """Say whether the standard encoder writes a value as RFC 8785 does.

    It does not write every number so, and sorts by code points instead of UTF-16 units.
    """
    kind = type(value)
    if kind is dict:
        for name, member in value.items():
            if type(name) is not str or not name.isascii() or not _is_plain(member):
                return False
        return True
    if kind is list:
        return all(map(_is_plain, value))
    if kind is int:
        return bool(-_SAFE <= value <= _SAFE)
    return kind is str or kind is bool or value is None
