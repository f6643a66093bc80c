"""JSON with one reading: what two parsers could understand differently is refused."""

import json
import math
from typing import Any, NoReturn

import rfc8785

MAX_DEPTH = 64


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
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotStrictJson("a member is named twice")
    return members


def _depth(data: bytes | str) -> int:
    # Counts brackets outside strings, before the recursive parser sees them.
    text = data.decode("utf-8") if isinstance(data, bytes) else data
    depth = deepest = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                in_string = False
        elif character == '"':
            in_string = True
        elif character in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in "]}":
            depth -= 1
    return deepest


def parse(data: bytes | str, *, max_depth: int = MAX_DEPTH) -> Any:  # noqa: ANN401 - any JSON value
    """Parse one JSON text (RFC 8259), UTF-8.

    Raises:
        NotStrictJson: malformed, a member named twice, NaN or Infinity, NUL or half a character
            in a string, a number beyond double precision, nested over `max_depth`.
    """
    try:
        deep = _depth(data) > max_depth
    except ValueError:
        raise NotStrictJson("not UTF-8") from None
    if deep:
        raise NotStrictJson("nested too deep")
    try:
        value = json.loads(
            data,
            object_pairs_hook=_one_member_each,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except NotStrictJson:
        raise
    except (ValueError, RecursionError):
        raise NotStrictJson("not one JSON value") from None
    if _has_escapes(data):
        _refuse_characters(value)
    return value


def _has_escapes(data: bytes | str) -> bool:
    return b"\\u" in data if isinstance(data, bytes) else "\\u" in data


def _refuse_characters(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Refuse NUL and lone surrogates: they can only come as escapes, and no store keeps them."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise NotStrictJson("a string holds NUL or half a character")
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_characters(name)
            _refuse_characters(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_characters(member)


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical form of a JSON value (RFC 8785)."""
    return rfc8785.dumps(value)
