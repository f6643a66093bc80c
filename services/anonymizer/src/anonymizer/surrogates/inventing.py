"""Inventing plausible values: "Camille Berthier" where a placeholder would be `[FEMME_1]`.

Some models write better prose about a name than about a placeholder. What is invented follows from
the key, the type, the number, the way of writing and the gender alone; what was issued is stored
and never changes. People get a given name and a surname in common use, the same in every way of
writing theirs; places a commune's name; organisations and addresses a coined word; e-mail addresses
a domain of RFC 2606; telephones a number that Arcep keeps for fiction.

Everything else keeps its placeholder. A false identity number, account, number plate or link could
be somebody's; a false age or date would mislead the reader. So does whatever nothing fits: where
the names are used up, where two ways of writing would become one, initials alone.

No two things of a bilan share a word, and no word is taken that occurs in the texts at hand.
"""

import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import PARTICLES, TITLES
from anonymizer.restoration.plausible import Plausible, may_be_issued
from anonymizer.surrogates.people import Gender
from anonymizer.surrogates.rules import Secret, Surrogate, SurrogateType

_PURPOSE = b"anonymizer/plausible/v1"
_WORD = re.compile(r"[^\W_]+")
_NAME = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_KINDS = ("Atelier", "Maison", "Groupe", "Comptoir", "Compagnie", "Agence")
_DOMAINS = ("example.org", "example.com", "example.net")
# Arcep keeps 10,000 numbers after each of these for works of fiction.
_FICTION = {"1": "019900", "2": "026191", "3": "035301", "4": "046571", "5": "053649"}
_MOBILE = "063998"
_TRIES = 200
_DIGITS = 10
"""Of a number as it is dialled in France."""


@cache
def names() -> Mapping[str, tuple[str, ...]]:
    """Return the names that may be taken, by what they are."""
    lines = (files("anonymizer.surrogates") / "data" / "plausible.txt").read_text("utf-8")
    rows = (line.split("\t") for line in lines.splitlines() if not line.startswith("#"))
    return {what: tuple(said.split()) for what, said in rows}


def _list_of(gender: Gender | None) -> str:
    return {Gender.FEMININE: "feminine", Gender.MASCULINE: "masculine", None: "either"}[gender]


@dataclass(slots=True)
class Taken:
    """What may not be invented: the words and the digits of all that was read or issued."""

    words: set[str] = field(default_factory=set)
    digits: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Take every word of a text."""
        self.words.update(_WORD.findall(fold(text)))
        self.digits.append("".join(re.findall("[0-9]", text)))

    def has_word(self, word: str) -> bool:
        """Say whether a word occurs, whatever its case."""
        return word.lower() in self.words

    def has_digits(self, digits: str) -> bool:
        """Say whether digits occur, whatever stands between them."""
        return any(digits in known for known in self.digits)


@dataclass(frozen=True, slots=True)
class Held:
    """A surrogate of the bilan, with its plausible value if it has one."""

    secret: Secret
    surrogate: Surrogate
    plausible: Plausible | None = None


class Inventing:
    """Invents what one bilan, or one space, still lacks."""

    def __init__(self, key: bytes, held: Iterable[Held], texts: Iterable[str]) -> None:
        self._key = hmac.digest(key, _PURPOSE, "sha256")
        self._taken = Taken()
        self._values: set[str] = set()
        self._bases: dict[tuple[SurrogateType, int], tuple[str, ...]] = {}
        self._given_names: dict[int, set[str]] = {}
        held = list(held)
        for text in texts:
            self._taken.add(text)
        for each in held:
            self._taken.add(each.secret.value)
            if each.secret.type is SurrogateType.PERSON:
                roles = _roles(each.secret.value, frozenset())
                if {"given", "surname"} <= {role for _, role in roles}:
                    said = {fold(word) for word, role in roles if role == "given"}
                    self._given_names.setdefault(each.surrogate.number, set()).update(said)
            if each.plausible is not None:
                self._keep(each.surrogate, each.plausible)

    def invent(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        """Return a value that nothing else has; None where the placeholder stays."""
        make = _MADE.get(secret.type)
        made = None if make is None else make(self, secret, surrogate)
        if made is None or made.value in self._values or not may_be_issued(made.value):
            return None
        self._keep(surrogate, made)
        return made

    def _keep(self, surrogate: Surrogate, plausible: Plausible) -> None:
        self._values.add(plausible.value)
        self._bases[surrogate.type, surrogate.number] = plausible.base
        for word in (plausible.value, *plausible.base):
            self._taken.add(word)

    def _digest(self, surrogate: Surrogate, what: str) -> bytes:
        told = f"{surrogate.type}|{surrogate.number}|{what}"
        return hmac.digest(self._key, told.encode(), "sha256")

    def _chosen(self, surrogate: Surrogate, what: str) -> str | None:
        free = (word for word in names()[what] if not self._taken.has_word(word))
        return min(free, key=lambda word: self._digest(surrogate, f"{what}|{word}"), default=None)

    def _one_of(self, surrogate: Surrogate, choices: Sequence[str]) -> str:
        return min(choices, key=lambda choice: self._digest(surrogate, choice))

    def _base(
        self, surrogate: Surrogate, anew: Callable[[], tuple[str | None, ...]]
    ) -> tuple[str, ...] | None:
        """Return what the thing's other ways of writing are made of, or else something new."""
        known = self._bases.get((surrogate.type, surrogate.number))
        if known is not None:
            return known
        chosen = anew()
        found = tuple(word for word in chosen if word is not None)
        return found if len(found) == len(chosen) else None

    def _person(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        gender = _list_of(surrogate.gender)
        base = self._base(
            surrogate,
            lambda: (self._chosen(surrogate, gender), self._chosen(surrogate, "surname")),
        )
        given_names = frozenset(self._given_names.get(surrogate.number, ()))
        return None if base is None else _named_like(secret.value, base, given_names)

    def _location(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        base = self._base(surrogate, lambda: (self._chosen(surrogate, "commune"),))
        return None if base is None else Plausible(_cased_like(secret.value, base[0]), base)

    def _organisation(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        def anew() -> tuple[str | None, ...]:
            coined = self._chosen(surrogate, "coined")
            return (coined and f"{self._one_of(surrogate, _KINDS)} {coined}",)

        base = self._base(surrogate, anew)
        return None if base is None else Plausible(_capitals_like(secret.value, base[0]), base)

    def _address(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        def anew() -> tuple[str | None, ...]:
            coined = self._chosen(surrogate, "coined")
            number = 1 + self._digest(surrogate, "number")[0] % 89
            return (coined and f"{number} rue {coined}",)

        base = self._base(surrogate, anew)
        return None if base is None else Plausible(_capitals_like(secret.value, base[0]), base)

    def _email(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        def anew() -> tuple[str | None, ...]:
            given, surname = self._chosen(surrogate, "feminine"), self._chosen(surrogate, "surname")
            domain = self._one_of(surrogate, _DOMAINS)
            return (given and surname and f"{given}.{surname}@{domain}".lower(),)

        base = self._base(surrogate, anew)
        return None if base is None else Plausible(_capitals_like(secret.value, base[0]), base)

    def _phone(self, secret: Secret, surrogate: Surrogate) -> Plausible | None:
        digits = "".join(re.findall("[0-9]", secret.value.replace("(0)", "")))
        national = re.sub(r"^(?:00)?33", "0", digits) if len(digits) > _DIGITS else digits
        start = _FICTION.get(national[1:2], _MOBILE)

        def numbers() -> Iterator[str]:
            for n in range(_TRIES):
                drawn = int.from_bytes(self._digest(surrogate, f"phone|{n}")[:4]) % 10_000
                yield f"{start}{drawn:04}"

        free = (number for number in numbers() if not self._taken.has_digits(number[1:]))
        base = self._base(surrogate, lambda: (next(free, None),))
        return None if base is None else Plausible(_dialled_like(secret.value, base[0]), base)


_Make = Callable[[Inventing, Secret, Surrogate], Plausible | None]
_MADE: Mapping[SurrogateType, _Make] = {
    SurrogateType.PERSON: Inventing._person,  # noqa: SLF001 - its own
    SurrogateType.LOCATION: Inventing._location,  # noqa: SLF001
    SurrogateType.ORGANISATION: Inventing._organisation,  # noqa: SLF001
    SurrogateType.ADDRESS: Inventing._address,  # noqa: SLF001
    SurrogateType.EMAIL: Inventing._email,  # noqa: SLF001
    SurrogateType.PHONE: Inventing._phone,  # noqa: SLF001
}


def _capitals_like(original: str, value: str) -> str:
    return value.upper() if original.isupper() else value


def _cased_like(original: str, value: str) -> str:
    return value.lower() if original.islower() else _capitals_like(original, value)


def _dialled_like(original: str, national: str) -> str:
    pairs = [national[at : at + 2] for at in range(0, _DIGITS, 2)]
    separator = next((sign for sign in " .-" if sign in original.strip()), "")
    if original.strip().startswith("+"):
        return separator.join(("+33", pairs[0][1], *pairs[1:]))
    return separator.join(pairs)


def _roles(name: str, given_names: frozenset[str]) -> list[tuple[str, str]]:
    """Return the words of a name and what each is: title, initial, given or surname."""
    words = _NAME.findall(name)
    roles = ["title" if fold(word) in TITLES and len(word) > 1 else "" for word in words]
    if len(words) > 1 and words[0] == "M":
        roles[0] = "title"
    bare = [n for n, role in enumerate(roles) if not role and fold(words[n]) not in PARTICLES]
    whole = [n for n in bare if len(words[n]) > 1]
    for n in bare:
        roles[n] = "surname" if n in whole else "initial"
    first = len(whole) == len(bare) and len(whole) > 1
    if len(whole) == 1:
        (n,) = whole
        known, said = fold(words[n]) in given_names, gazetteer().is_first_name(words[n])
        alone = len(bare) == 1 and not any(roles[:n]) and not words[n].isupper()
        roles[n] = "given" if known or (alone and said) else "surname"
    elif first:
        capitals = [n for n in whole if words[n].isupper()]
        if capitals and len(capitals) < len(whole):
            given = [n for n in whole if n not in capitals]
        else:
            turned = not gazetteer().is_first_name(words[whole[0]])
            turned = turned and gazetteer().is_first_name(words[whole[-1]])
            given = [whole[-1] if turned else whole[0]]
        for n in given:
            roles[n] = "given"
    return [(word, role or "surname") for word, role in zip(words, roles, strict=True)]


def _named_like(
    original: str, base: tuple[str, ...], given_names: frozenset[str]
) -> Plausible | None:
    """Return a name written as `original` is: in full, in part, with an initial, in capitals."""
    roles, (given, surname) = _roles(original, given_names), base
    said = {role for _, role in roles}
    if not said & {"given", "surname"}:
        return None
    shown: list[str] = []
    done: set[str] = set()
    for word, role in roles:
        if role == "title":
            shown.append(fold(word).capitalize() if word.isascii() is False else word)
        elif role not in done:
            done.add(role)
            shown.append(_part(word, role, given, surname, said))
    parts = [
        (value, " ".join(word for word, role in roles if role == which))
        for which, value in (("given", given), ("surname", surname))
        if {"given", "surname"} <= said
    ]
    value = " ".join(shown)
    return Plausible(_capitals_like(original, value), base, tuple(parts))


def _part(word: str, role: str, given: str, surname: str, said: set[str]) -> str:
    if role == "initial":
        return f"{(surname if 'given' in said else given)[0]}."
    return _cased_like(word, given if role == "given" else surname)
