"""French first names, surnames and communes, from open lists (see `data/NOTICE`)."""

import lzma
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from anonymizer.detection.folding import fold

_COMMON = 3  # given at least a thousand times since 1900
_ARTICLES = ("le ", "la ", "les ", "l'")


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Sets of folded names."""

    first_names: frozenset[str]
    common_first_names: frozenset[str]
    surnames: frozenset[str]
    communes: Mapping[str, tuple[str, ...]]
    """Without article or hyphens; the codes of the départements that have a commune so called."""
    genders: Mapping[str, str]
    """`f` or `m` for the first names that nearly always say which."""

    def is_first_name(self, word: str) -> bool:
        """Say whether a word, or each part of a hyphenated one, is a given name."""
        folded = fold(word)
        return folded in self.first_names or (
            "-" in folded and all(part in self.first_names for part in folded.split("-"))
        )

    def is_listed(self, folded: str) -> bool:
        """Say whether a folded word is a given name or a surname."""
        return folded in self.first_names or folded in self.surnames

    def is_commune(self, name: str) -> bool:
        """Say whether a name is a commune's, with or without its article."""
        return _without_article(name) in self.communes

    def departements_of(self, commune: str) -> tuple[str, ...]:
        """Return the codes of the départements that have a commune so called; none: no commune."""
        return self.communes.get(_without_article(commune), ())


def _without_article(name: str) -> str:
    folded = " ".join(fold(name).replace("-", " ").split())
    bare = next((folded[len(a) :] for a in _ARTICLES if folded.startswith(a)), folded)
    return bare.replace("st ", "saint ").replace("ste ", "sainte ")


def _communes(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for line in lines:
        name, _, codes = line.partition("\t")
        key = name.replace("-", " ")
        found[key] = tuple(sorted({*found.get(key, ()), *codes.split()}))
    return found


def _lines(name: str) -> list[str]:
    packed = (files("anonymizer.detection") / "data" / name).read_bytes()
    return lzma.decompress(packed).decode().splitlines()


@cache
def gazetteer() -> Gazetteer:
    """Return the lists, read once."""
    counted = [line.split("\t") for line in _lines("first_names.xz")]
    return Gazetteer(
        first_names=frozenset(name for name, _, _ in counted),
        common_first_names=frozenset(name for name, size, _ in counted if int(size) >= _COMMON),
        surnames=frozenset(_lines("surnames.xz")),
        communes=_communes(_lines("communes.xz")),
        genders={name: gender for name, _, gender in counted if gender},
    )
