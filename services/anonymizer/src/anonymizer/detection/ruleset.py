"""Which rules find and mask: their name, and a version that changes with any of them.

The version is that of the software and the beginning of a SHA-256 over the rules themselves, and
over what the operator set of them, so that a record tells apart two documents that were masked
by different rules (AI Act art. 12(2)(a)).
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

_PARTS = ("detection", "learned", "special", "surrogates")
_SUFFIXES = (".py", ".txt", ".json", ".toml", ".gz", ".xz", ".csv", ".tsv", ".npz")
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Ruleset:
    """The rules in force: `profile` names the language and the statistical model beside them."""

    profile: str
    version: str
    digest: str


@cache
def ruleset(model: str, policy: str = "") -> Ruleset:
    """Return the rules in force with one model (`md`, `sm`, `none`) and an operator's policy."""
    found = hashlib.sha256(model.encode() + policy.encode())
    for part in _PARTS:
        for name, content in sorted(_files(files("anonymizer") / part, part)):
            found.update(f"{name}\0{len(content)}\0".encode() + content)
    digest = found.hexdigest()
    software = version("passerelle-anonymizer")
    return Ruleset(f"surrogates-fr-{model}", f"{software}+{digest[:_SHOWN]}", digest)


def _files(folder: Traversable, path: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            found += _files(entry, name)
        elif entry.name.endswith(_SUFFIXES):
            found.append((name, entry.read_bytes()))
    return found
