"""What a surrogate is, and how a text is cut into what stays and what is replaced.

Every distinct written form of a value gets a number of its own (`MARTIN` and `Martin` are two),
so that restoration gives back exactly what was written. What looks like a surrogate in the input
is itself replaced: nobody can forge one, and the law `restore(pseudonymise(t)) == t` holds for
any text, whatever it contains.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from anonymizer.restoration.grammar import look_alikes

SurrogateText = NewType("SurrogateText", str)

REMOVED = "[mention retirée]"


class SurrogateType(StrEnum):
    """The word in a surrogate; what a reader, human or model, learns about the value."""

    PERSON = "PERSONNE"
    EMAIL = "COURRIEL"
    PHONE = "TELEPHONE"
    ADDRESS = "ADRESSE"
    LOCATION = "LIEU"
    DATE_OF_BIRTH = "NAISSANCE"
    AGE = "AGE"
    NIR = "NIR"
    IBAN = "IBAN"
    ID_DOC = "PIECE"
    DRIVING_LICENCE = "PERMIS"
    PLATE = "PLAQUE"
    URL = "LIEN"
    FRANCE_TRAVAIL_ID = "IDENTIFIANT"
    ORGANISATION = "ORGANISATION"


_BY_LABEL = {kind.name: kind for kind in SurrogateType}


@dataclass(frozen=True, slots=True)
class Masked:
    """A stretch of text to replace; offsets in code points, end excluded."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that needs a surrogate."""

    type: SurrogateType
    value: str


@dataclass(frozen=True, slots=True)
class Plan:
    """A text cut in pieces: strings stay, secrets are replaced, None is removed for good."""

    pieces: tuple[str | Secret | None, ...]

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The distinct secrets, in the order of their first appearance."""
        return tuple(dict.fromkeys(piece for piece in self.pieces if isinstance(piece, Secret)))

    def render(self, number: Callable[[Secret], int]) -> SurrogateText:
        """Return the text with each secret under its number."""
        return SurrogateText("".join(_rendered(piece, number) for piece in self.pieces))


def surrogate(kind: SurrogateType, number: int) -> str:
    """Write a surrogate."""
    return f"[{kind}_{number}]"


def _rendered(piece: str | Secret | None, number: Callable[[Secret], int]) -> str:
    if piece is None:
        return REMOVED
    return piece if isinstance(piece, str) else surrogate(piece.type, number(piece))


def plan(text: str, masked: Sequence[Masked], removed: Sequence[tuple[int, int]] = ()) -> Plan:
    """Cut `text`; `masked` spans do not overlap one another, and `removed` ones win over them."""
    spans: list[tuple[int, int, str | None]] = [(start, end, None) for start, end in removed]
    spans += [
        (span.start, span.end, span.label)
        for span in masked
        if not any(start < span.end and span.start < end for start, end in removed)
    ]
    return Plan(tuple(_pieces(text, sorted(spans, key=lambda span: span[:2]))))


def _pieces(
    text: str, spans: Sequence[tuple[int, int, str | None]]
) -> Iterator[str | Secret | None]:
    at = 0
    for start, end, label in spans:
        if start < at or start >= end:
            continue
        yield from _kept(text[at:start])
        yield None if label is None else Secret(_BY_LABEL[label], text[start:end])
        at = end
    yield from _kept(text[at:])


def _kept(text: str) -> Iterator[str | Secret]:
    at = 0
    for start, end in look_alikes(text):
        if start > at:
            yield text[at:start]
        yield Secret(SurrogateType.FRANCE_TRAVAIL_ID, text[start:end])
        at = end
    if at < len(text):
        yield text[at:]
