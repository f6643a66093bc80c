"""JSON with one reading: what two parsers could understand differently is refused."""

import json
from typing import Any, NoReturn

import rfc8785

MAX_DEPTH = 64


class NotStrictJson(ValueError):  # noqa: N818 - says what the text is not
    """Malformed, ambiguous (duplicate member, NaN) or nested too deep."""


def _refuse_constant(_: str) -> NoReturn:
    raise NotStrictJson("NaN and Infinity are not JSON")


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
        NotStrictJson: malformed, a member named twice, NaN or Infinity, nested over `max_depth`.
    """
    try:
        deep = _depth(data) > max_depth
    except ValueError:
        raise NotStrictJson("not UTF-8") from None
    if deep:
        raise NotStrictJson("nested too deep")
    try:
        return json.loads(data, object_pairs_hook=_one_member_each, parse_constant=_refuse_constant)
    except NotStrictJson:
        raise
    except (ValueError, RecursionError):
        raise NotStrictJson("not one JSON value") from None


def canonical(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    """Return the canonical form of a JSON value (RFC 8785)."""
    return rfc8785.dumps(value)
