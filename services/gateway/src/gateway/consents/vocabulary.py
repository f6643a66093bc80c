"""The closed vocabulary of consent, published at /v1/vocabulary.

Labels are ours. The IRIs are terms of the W3C Data Privacy Vocabulary; where none says exactly what
we mean it is the nearest broader term, and the entry says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Entries = Mapping[str, Mapping[str, Any]]
LISTS = (
    "purposes",
    "data_categories",
    "legal_bases",
    "recipient_roles",
    "statuses",
    "end_reasons",
)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word of consent by its id, with what people read."""

    version: str
    dpv_version: str
    purposes: Entries
    data_categories: Entries
    legal_bases: Entries
    recipient_roles: Entries
    statuses: Entries
    end_reasons: Entries


def _shipped(name: str) -> Any:  # noqa: ANN401 - a JSON document of ours
    return json.loads(files("gateway.consents").joinpath(name).read_text("utf-8"))


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary that this release ships."""
    document = _shipped("vocabulary.json")
    entries = {name: {entry["id"]: entry for entry in document[name]} for name in LISTS}
    return Vocabulary(version=document["version"], dpv_version=document["dpv_version"], **entries)


@cache
def receipt_mapping() -> Mapping[str, Any]:
    """Return how a receipt's members map to ISO/IEC TS 27560 and Kantara Consent Receipt 1.1."""
    mapping: Mapping[str, Any] = _shipped("receipt_mapping.json")
    return mapping
