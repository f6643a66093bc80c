"""The strings of a JSON value, each by its pointer (RFC 6901), and the value with others in place.

Names of members and everything that is no string stay as they are, and nobody reads them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anonymizer.surrogates.policy import Label
from keel.problems import InvalidRequest

Json = str | int | float | bool | list["Json"] | dict[str, "Json"] | None

MAX_DEPTH = 64


@dataclass(frozen=True, slots=True)
class Leaf:
    """A string of a JSON value."""

    pointer: str
    text: str
    field: str | None = None
    """The member that it is the value of; None in an array, or where that says nothing."""
    label: Label | None = None
    """What it is, as the caller knows; None leaves that to the detector."""
    is_json: bool = False
    """Whether its text is a JSON document itself, of which the strings alone are read."""


def leaves(value: Json) -> Iterator[Leaf]:
    """Yield the strings of a value in order.

    Raises:
        InvalidRequest: it is nested too deep.
    """
    return _leaves(value, "", None, MAX_DEPTH)


def _leaves(value: Json, pointer: str, field: str | None, depth: int) -> Iterator[Leaf]:
    if depth < 0:
        raise InvalidRequest(f"At most {MAX_DEPTH} levels of arrays and objects are read.")
    if isinstance(value, str):
        yield Leaf(pointer, value, field)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, f"{pointer}/{index}", None, depth - 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f"{pointer}/{_escaped(name)}", name, depth - 1)


def replaced(value: Json, texts: Mapping[str, str], pointer: str = "") -> Json:
    """Return the value with the strings of `texts`, by pointer, in the place of its own."""
    if isinstance(value, str):
        return texts.get(pointer, value)
    if isinstance(value, list):
        return [replaced(item, texts, f"{pointer}/{index}") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {
            name: replaced(item, texts, f"{pointer}/{_escaped(name)}")
            for name, item in value.items()
        }
    return value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
