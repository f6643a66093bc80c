"""What left towards the model, byte for byte, and what must not be in it."""

import base64
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

SURROGATE = re.compile(r"\[[A-Z]+_[0-9]+[a-z]*\]")
PERSONS = ("[PERSONNE_", "[FEMME_", "[HOMME_")
REMOVED = "[mention retirée]"
MANGLED = re.compile(
    r"\b(?:personne|femme|homme|organisation|lieu|adresse|courriel|telephone)[ _][0-9]+[a-z]?\b",
    re.IGNORECASE,
)
"""How models misspell surrogates; none may reach a reader."""

_DIRECT = frozenset(
    {
        "PERSONNE",
        "FEMME",
        "HOMME",
        "COURRIEL",
        "TELEPHONE",
        "ADRESSE",
        "NAISSANCE",
        "NIR",
        "IBAN",
        "PIECE",
        "PERMIS",
        "PLAQUE",
        "LIEN",
        "IDENTIFIANT",
    }
)
_SHORTEST = 4
"""A shorter value (« Mme », « 75 ») is also an ordinary word or number."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One request to a model: where it went, and its exact body."""

    url: str
    body: bytes


def sent(file: Path) -> list[Sent]:
    """Read the router's wire copy: a line of JSON with the length, then that many bytes."""
    found, left = [], file.read_bytes() if file.exists() else b""
    while left:
        head, _, rest = left.partition(b"\n")
        told = json.loads(head)
        found.append(Sent(told["url"], rest[: told["bytes"]]))
        left = rest[told["bytes"] :].removeprefix(b"\n")
    return found


def received(scripted_url: str) -> list[bytes]:
    """Ask the scripted model which bodies it received."""
    answer = httpx.get(f"{scripted_url}/received", timeout=10, trust_env=False).json()
    return [base64.b64decode(body) for body in answer["bodies_base64"]]


def direct_identifiers(restored: Mapping[str, str]) -> list[str]:
    """Return what identifies somebody directly, from surrogates and what they stand for."""
    return [
        value
        for surrogate, value in restored.items()
        if surrogate.strip("[]").rpartition("_")[0] in _DIRECT and len(value) >= _SHORTEST
    ]


def leaks(body: bytes, identifiers: Iterable[str]) -> list[str]:
    """Return the identifiers that a request holds, however its JSON is written."""
    told = _plain(body.decode(errors="replace"))
    try:
        texts = [_plain(text) for text in _strings(json.loads(body))]
    except ValueError:
        texts = []
    haystack = "\n".join([told, *texts])
    return [i for i in identifiers if _word(_plain(i)).search(haystack)]


def _word(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").casefold().split())


def _strings(value: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, member in value.items():
            yield name
            yield from _strings(member)
    elif isinstance(value, list):
        for member in value:
            yield from _strings(member)


def texts_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Return every text inside a JSON value, one a line."""
    return "\n".join(_strings(value))
