"""What a surrogate is, and how a text is cut into what stays and what is replaced.

Every distinct written form of a value gets a surrogate of its own (`Martin` is `[HOMME_1]`,
`MARTIN` is `[HOMME_1b]`), so that restoration gives back exactly what was written. What looks like
a surrogate in the input is itself replaced: nobody can forge one, and the law
`restore(pseudonymise(t)) == t` holds for any text, whatever it contains.
"""

import itertools
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NewType

from anonymizer.restoration.grammar import look_alikes
from anonymizer.restoration.plausible import Plausible, Plausibles
from anonymizer.restoration.rules import restore
from anonymizer.surrogates.people import Gender, gender_by_title

SurrogateText = NewType("SurrogateText", str)

REMOVED = "[mention retirée]"
MOST_FORMS = 26 + 26 * 26
"""So many ways of writing one thing have letters: none, b to z, aa to zz."""


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


_PERSON = SurrogateType.PERSON
_GENDERED: Mapping[Gender | None, str] = {Gender.FEMININE: "FEMME", Gender.MASCULINE: "HOMME"}
_BY_LABEL = {kind.name: kind for kind in SurrogateType}


@dataclass(frozen=True, slots=True)
class Masked:
    """A stretch of text to replace; offsets in code points, end excluded."""

    start: int
    end: int
    label: str
    shown: str | None = None
    """What stands there instead of a surrogate: nothing gives the value back then."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that needs a surrogate."""

    type: SurrogateType
    value: str
    gender: Gender | None = field(default=None, compare=False)
    """Of a person, as a title before the name says it."""


@dataclass(frozen=True, slots=True)
class Surrogate:
    """What stands for a value: its type, a number for the thing, and which way of writing it."""

    type: SurrogateType
    number: int
    form: int = 0
    """0 for the first way of writing it, below `MOST_FORMS`."""
    gender: Gender | None = None

    @property
    def name(self) -> str:
        """Its plain name, by which it is restored: `PERSONNE_3b`, whatever the gender."""
        return f"{self.type}_{self.number}{letters(self.form)}"

    def __str__(self) -> str:
        word = _GENDERED.get(self.gender, self.type) if self.type is _PERSON else self.type
        return f"[{word}_{self.number}{letters(self.form)}]"


def letters(form: int) -> str:
    """Write which way of writing a value it is: nothing for the first, then b to z, aa to zz."""
    if form == 0:
        return ""
    before, last = divmod(form, 26)
    return (chr(ord("a") + before - 1) if before else "") + chr(ord("a") + last)


@dataclass(frozen=True, slots=True)
class Plan:
    """A text cut in pieces: strings stand as they are, secrets get a surrogate each."""

    pieces: tuple[str | Secret, ...]

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The distinct secrets, in the order of their first appearance."""
        said: dict[Secret, set[Gender]] = {}
        for piece in self.pieces:
            if isinstance(piece, Secret):
                said.setdefault(piece, set()).update(
                    () if piece.gender is None else (piece.gender,)
                )
        return tuple(
            replace(secret, gender=genders.pop() if len(genders) == 1 else None)
            for secret, genders in said.items()
        )

    @property
    def original(self) -> str:
        """What a text made of this plan is restored to."""
        return "".join(piece if isinstance(piece, str) else piece.value for piece in self.pieces)

    def render(self, surrogate: Callable[[Secret], Surrogate]) -> SurrogateText:
        """Return the text with each secret's surrogate in its place."""
        return SurrogateText("".join(_rendered(piece, surrogate) for piece in self.pieces))


def _rendered(piece: str | Secret, surrogate: Callable[[Secret], Surrogate]) -> str:
    return piece if isinstance(piece, str) else str(surrogate(piece))


def without(cut: Plan, plausibles: Plausibles) -> Plan:
    """Return a plan in which nothing that stays would be restored as somebody's plausible value."""

    def pieces(kept: str) -> Iterator[str | Secret]:
        at = 0
        for start, end in plausibles.spans(kept):
            yield from _kept(kept[at:start])
            yield Secret(SurrogateType.FRANCE_TRAVAIL_ID, kept[start:end])
            at = end
        yield from _kept(kept[at:]) if at else (kept,)

    if not plausibles:
        return cut
    parts = (pieces(part) if isinstance(part, str) else (part,) for part in cut.pieces)
    return Plan(tuple(itertools.chain.from_iterable(parts)))


def disguised(
    cut: Plan,
    surrogates: Mapping[Secret, Surrogate],
    values: Mapping[Secret, Plausible],
    plausibles: Plausibles,
) -> SurrogateText:
    """Return the text with plausible values where there are any, with placeholders elsewhere.

    A value that touches a word stays a placeholder, for nobody would find it again. What would not
    be restored to the same characters (a name beside another makes a third) has placeholders only.
    """
    if not values:
        return cut.render(surrogates.__getitem__)
    shown = [str(values.get(p, surrogates[p])) if isinstance(p, Secret) else p for p in cut.pieces]
    around = ["", *shown, ""]
    for n, piece in enumerate(cut.pieces, start=1):
        if isinstance(piece, Secret) and (_is_word(around[n - 1]) or _is_word(around[n + 1][:1])):
            shown[n - 1] = str(surrogates[piece])
    text = "".join(shown)
    originals = {surrogates[secret].name: secret.value for secret in cut.secrets}
    if restore(text, originals, plausibles)[0] == cut.original:
        return SurrogateText(text)
    return cut.render(surrogates.__getitem__)


def _is_word(text: str) -> bool:
    return text[-1:].isalnum() or unicodedata.combining(text[-1:] or " ") > 0


def plan(text: str, masked: Sequence[Masked], removed: Sequence[tuple[int, int]] = ()) -> Plan:
    """Cut `text`; `masked` spans do not overlap one another, and `removed` ones win over them."""
    spans = [Masked(start, end, "", REMOVED) for start, end in removed]
    spans += [
        span
        for span in masked
        if not any(start < span.end and span.start < end for start, end in removed)
    ]
    return Plan(tuple(_pieces(text, sorted(spans, key=lambda span: (span.start, span.end)))))


def _pieces(text: str, spans: Sequence[Masked]) -> Iterator[str | Secret]:
    at = 0
    for span in spans:
        if span.start < at or span.start >= span.end:
            continue
        yield from _kept(text[at : span.start])
        yield _secret(text, span) if span.shown is None else span.shown
        at = span.end
    yield from _kept(text[at:])


def _secret(text: str, span: Masked) -> Secret:
    kind = _BY_LABEL[span.label]
    gender = gender_by_title(text, span.start) if kind is _PERSON else None
    return Secret(kind, text[span.start : span.end], gender)


def _kept(text: str) -> Iterator[str | Secret]:
    """Cut what stays; what stands beside a surrogate is looked at anew, for it may look like one.

    In `%5BPERSONNE_1%5DLIEU_1` the second is part of a word until the first is replaced.
    """
    spans = list(look_alikes(text))
    if text and not spans:
        yield text
    at = 0
    for start, end in spans:
        yield from _kept(text[at:start])
        yield Secret(SurrogateType.FRANCE_TRAVAIL_ID, text[start:end])
        at = end
    if spans:
        yield from _kept(text[at:])
