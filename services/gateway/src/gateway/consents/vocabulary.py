"""The closed vocabulary of consent, published at /v1/vocabulary."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Purposes and data categories, with what people read."""

    version: str
    purposes: Mapping[str, Mapping[str, Any]]
    data_categories: Mapping[str, Mapping[str, Any]]


@cache
def vocabulary() -> Vocabulary:
    """Return the vocabulary that this release ships."""
    document = json.loads(files("gateway.consents").joinpath("vocabulary.json").read_text("utf-8"))
    return Vocabulary(
        version=document["version"],
        purposes={p["id"]: p for p in document["purposes"]},
        data_categories={c["id"]: c for c in document["data_categories"]},
    )
