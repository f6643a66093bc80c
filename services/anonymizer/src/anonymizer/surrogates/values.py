"""The strings of a JSON value, each by its pointer (RFC 6901), and the value with others in place.

Names of members stay as they are, and nobody reads them. Nothing can stand in the place of a
number; long ones are read all the same, so that a request that hides somebody there is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anonymizer.surrogates.policy import Label
from keel.problems import InvalidRequest

Json = str | int | float | bool | list["Json"] | dict[str, "Json"] | None

MAX_DEPTH = 64
_FEWEST_DIGITS = 8
"""A shorter number identifies nobody by itself."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A string of a JSON value, or a number that is long enough to identify somebody."""

    pointer: str
    text: str
    field: str | None = None
    """The member that it is the value of; None in an array, or where that says nothing."""
    label: Label | None = None
    """What it is, as the caller knows; None leaves that to the detector."""
    is_json: bool = False
    """Whether its text is a JSON document itself, of which strings and long numbers are read."""
    read_as: str | None = None
    """What is read of something that must stay as it is: with a finding in it, all is refused."""


def leaves(value: Json) -> Iterator[Leaf]:
    """Yield the strings of a value and its long numbers, in order.

    Raises:
        InvalidRequest: it is nested too deep.
    """
    return _leaves(value, "", None, MAX_DEPTH)


def _leaves(value: Json, pointer: str, field: str | None, depth: int) -> Iterator[Leaf]:
    if depth < 0:
        raise InvalidRequest(f"At most {MAX_DEPTH} levels of arrays and objects are read.")
    if isinstance(value, str):
        yield Leaf(pointer, value, field)
    elif isinstance(value, int | float):
        if (read := number_read(value)) is not None:
            yield Leaf(pointer, str(value), field, read_as=read)
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


def number_read(number: float) -> str | None:
    """Write a whole number of many digits as somebody would; None for any other.

    A number has lost the zero or the plus sign that a phone number begins with.
    """
    whole = isinstance(number, int) or number.is_integer()
    digits = str(abs(int(number))) if whole else ""
    if len(digits) < _FEWEST_DIGITS:
        return None
    if len(digits) == 9:  # noqa: PLR2004 - a French phone number without its zero
        return "0" + digits
    return "+" + digits if len(digits) == 11 and digits.startswith("33") else digits  # noqa: PLR2004


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
