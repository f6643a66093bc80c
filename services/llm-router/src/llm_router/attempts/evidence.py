"""Proofs: a quote is one when it stands in the inputs word for word; everything else is not.

Folding is by code point, so that a found quote has a place in the input as it came. The text of a
verified quote is always taken from the input, never from the model.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from llm_router.catalogue.neutral import neutralised

_SHORTEST_QUOTE = 3

# What models retype without meaning to: apostrophes, quotation marks, dashes; and what the
# renderer replaced in the data that they saw.
_SAME = str.maketrans("’‘ʼ′“”„‐‑‒–—−‹›⟦❴❵¦", "''''\"\"\"------<>[{}|")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text with its runs of white space as one space, and where each character came from."""

    text: str
    origins: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """One text of the inputs that may be quoted; `pointer` leads to it inside a JSON input."""

    name: str
    pointer: str
    original: str
    folded: Folded

    def find(self, quote: str) -> dict[str, object] | None:
        """Return the evidence that `quote` (folded) is, at its first place, or None."""
        for start in _places(quote, self.folded.text):
            first = self.folded.origins[start]
            last = self.folded.origins[start + len(quote) - 1]
            return {
                "kind": "span",
                "source": self.name,
                "pointer": self.pointer,
                "start": first,
                "end": last + 1,
                "quote": self.original[first : last + 1],
            }
        return None


@dataclass(frozen=True, slots=True)
class Proved:
    """An output whose claims carry verified evidence, and how many do."""

    output: dict[str, object]
    claims: int
    unproved: int

    @property
    def coverage(self) -> int | None:
        """The share of claims with a verified quote, in whole percent rounded down."""
        return (self.claims - self.unproved) * 100 // self.claims if self.claims else None


def sources(inputs: Mapping[str, object], schema: Mapping[str, object]) -> list[Source]:
    """Return the texts that may be quoted: those that the input schema marks `x-quotable`.

    `true` marks every text of an input; a list of names, the members of these names in it.
    """
    members = schema.get("properties")
    found: list[Source] = []
    for name, described in members.items() if isinstance(members, dict) else ():
        quotable = described.get("x-quotable")
        if quotable and name in inputs:
            names = frozenset(quotable) if isinstance(quotable, list) else None
            found += [
                Source(name, pointer, text, fold(neutralised(text)))
                for pointer, text in _texts(inputs[name], "", names)
            ]
    return found


def proved(answer: Mapping[str, object], sources: list[Source]) -> Proved:
    """Verify every quote of an answer; mark claims without a verified one as hypothesis."""
    tally = [0, 0]
    output = _proved(answer, sources, tally)
    if not isinstance(output, dict):
        raise TypeError("an answer is a JSON object")
    return Proved(output=output, claims=tally[0], unproved=tally[1])


def fold(text: str) -> Folded:
    """Fold white space and typography."""
    same = text.translate(_SAME)
    kept: list[str] = []
    origins: list[int] = []
    for at, character in enumerate(same):
        is_space = character.isspace()
        if is_space and kept and kept[-1] == " ":
            continue
        kept.append(" " if is_space else character)
        origins.append(at)
    return Folded(text="".join(kept), origins=tuple(origins))


def _proved(value: object, sources: list[Source], tally: list[int]) -> object:
    if isinstance(value, list):
        return [_proved(item, sources, tally) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {k: _proved(v, sources, tally) for k, v in value.items() if k != "evidence"}
    if not isinstance(quotes := value.get("evidence"), list):
        return rest
    evidence = _verified(quotes, sources)
    tally[0] += 1
    tally[1] += not evidence
    return rest | {"evidence": evidence, "hypothesis": not evidence}


def _verified(quotes: list[object], sources: list[Source]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for entry in quotes:
        quote = (
            fold(neutralised(str(entry["quote"]))).text.strip() if isinstance(entry, dict) else ""
        )
        place = _first(quote, sources) if len(quote) >= _SHORTEST_QUOTE else None
        if place is not None and place not in found:
            found.append(place)
    return found


def _first(quote: str, sources: list[Source]) -> dict[str, object] | None:
    return next((place for source in sources if (place := source.find(quote))), None)


def _places(quote: str, text: str) -> Iterator[int]:
    """Yield where `quote` stands in `text` as whole words: « art » is no part of « quart »."""
    before = r"(?<!\w)" if quote[:1].isalnum() else ""
    after = r"(?!\w)" if quote[-1:].isalnum() else ""
    for match in re.finditer(f"{before}{re.escape(quote)}{after}", text):
        yield match.start()


def _texts(value: object, pointer: str, names: frozenset[str] | None) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if names is None or pointer.rpartition("/")[2] in names:
            yield pointer, value
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{at}", names)
    elif isinstance(value, dict):
        for key, item in value.items():
            escaped = str(key).replace("~", "~0").replace("/", "~1")
            yield from _texts(item, f"{pointer}/{escaped}", names)
