"""Numbers: one for each thing that is masked, a letter for each further way of writing it.

`[FEMME_3]` is how somebody was written first, or most fully in the first text; `[FEMME_3b]` is
another way of writing the same name. A reader sees that it is one person, and restoration gives
back exactly what was written. What was issued never changes: later texts of the bilan add to it.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from anonymizer.detection.folding import fold
from anonymizer.surrogates.people import People, Person, gender_by_given_name, words_of
from anonymizer.surrogates.rules import MOST_FORMS, Secret, Surrogate, SurrogateType


def folded(secret: Secret) -> Hashable:
    """Return what two ways of writing one thing have in common: all but case, accents, spaces."""
    return " ".join(fold(secret.value).split())


@dataclass(slots=True)
class Things:
    """The things of one type: their numbers, and how many ways of writing each there are."""

    numbers: dict[Hashable, int] = field(default_factory=dict)
    """By what all ways of writing a thing have in common; not of people (`people`)."""
    forms: dict[int, int] = field(default_factory=dict)
    last: int = 0

    def add(self, surrogate: Surrogate) -> None:
        """Count a surrogate that was issued."""
        number = surrogate.number
        self.forms[number] = max(self.forms.get(number, 0), surrogate.form + 1)
        self.last = max(self.last, number)


class Numbering:
    """The surrogates of one bilan: those that were issued, and the next ones.

    Of people, and of whatever else was issued, `issued` has the values as they were written. Of
    things it is enough to know their `things`, whose numbers stand under what `common` returns:
    that may be a keyed hash, so that nothing is read which was masked before.
    """

    def __init__(
        self,
        issued: Mapping[Secret, Surrogate],
        things: Mapping[SurrogateType, Things] | None = None,
        common: Callable[[Secret], Hashable] = folded,
    ) -> None:
        self._given: dict[Secret, Surrogate] = {}
        self._things = defaultdict(Things, things or {})
        self._common = common
        self._people = People()
        self._numbered: dict[int, Person] = {}
        for secret, surrogate in issued.items():
            self._remember(secret, surrogate)

    def __getitem__(self, secret: Secret) -> Surrogate:
        return self._given[secret]

    def issue(self, secrets: Iterable[Secret]) -> dict[Secret, Surrogate]:
        """Give every secret its surrogate; returns the new ones."""
        new = [secret for secret in dict.fromkeys(secrets) if secret not in self._given]
        found: dict[Secret, Surrogate] = {}
        for secret, person in self._in_order(new):
            things = self._things[secret.type]
            known = things.numbers.get(self._common(secret)) if person is None else person.number
            if known is None or things.forms[known] >= MOST_FORMS:
                known = things.last + 1
            gender = None if person is None else person.gender or person.given
            found[secret] = Surrogate(secret.type, known, things.forms.get(known, 0), gender)
            if person is not None:
                person.number = known
            self._remember(secret, found[secret], person)
        return found

    def _in_order(self, new: list[Secret]) -> Iterator[tuple[Secret, Person | None]]:
        """Yield new secrets as they first appear; of one person, the fullest name first."""
        whose: dict[Secret, Person] = {}
        names: dict[Person, list[Secret]] = defaultdict(list)
        called = [secret for secret in new if secret.type is SurrogateType.PERSON]
        for secret in sorted(called, key=lambda s: -len(words_of(s.value))):
            words = words_of(secret.value)
            person = self._people.find(words, secret.gender) or Person()
            person.gender = person.gender or secret.gender
            person.given = person.given or gender_by_given_name(secret.value)
            self._people.add(person, words)
            whose[secret] = person
            names[person].append(secret)
        for secret in new:
            if secret not in whose:
                yield secret, None
                continue
            person = whose[secret]
            yield from ((name, person) for name in names.pop(person, ()))

    def _remember(self, secret: Secret, surrogate: Surrogate, person: Person | None = None) -> None:
        self._given[secret] = surrogate
        things = self._things[surrogate.type]
        things.add(surrogate)
        if surrogate.type is not SurrogateType.PERSON:
            things.numbers[self._common(secret)] = surrogate.number
        elif person is None:
            person = self._numbered.setdefault(surrogate.number, Person(surrogate.number))
            person.given = person.given or surrogate.gender
            self._people.add(person, words_of(secret.value))
