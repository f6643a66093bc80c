"""Two surrogates written wrongly on purpose, as models do, in prose and never in a quote."""

import re
from collections.abc import Callable, Iterator

from demo.wire import PERSONS

SURROGATE = re.compile(r"\[([A-Z]+)_(\d+[a-z]*)\]")

# « Personne 1 » without brackets, « [organisation 2] » in small letters with a space.
_HABITS: tuple[Callable[[str, str], str], ...] = (
    lambda kind, number: f"{kind.capitalize()} {number}",
    lambda kind, number: f"[{kind.lower()} {number}]",
)


class Mangler:
    """Writes surrogates into prose: the first two wrongly, the others as they are."""

    def __init__(self) -> None:
        self._habits: Iterator[Callable[[str, str], str]] = iter(_HABITS)

    def prose(self, text: str) -> str:
        """Return `text` with the next habits used up on its surrogates."""
        return SURROGATE.sub(self._written, text)

    def _written(self, match: re.Match[str]) -> str:
        habit = next(self._habits, None)
        return habit(match.group(1), match.group(2)) if habit else match.group()


def some_surrogates(text: str) -> list[str]:
    """Return one surrogate of each kind that prose may name: a person, organisations, a place."""
    found = dict.fromkeys(m.group() for m in SURROGATE.finditer(text))
    persons = [s for s in found if s.startswith(PERSONS)][:1]
    organisations = [s for s in found if s.startswith("[ORGANISATION_")][:2]
    return persons + organisations + [s for s in found if s.startswith("[LIEU_")][:1]
