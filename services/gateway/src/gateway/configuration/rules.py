"""What counts as a component, and what of it is compared (AI Act art. 12(2)(a); LR-L03)."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from keel.strict_json import canonical

_OF_THE_SOFTWARE = frozenset({"system_id", "system_version"})


@dataclass(frozen=True, slots=True)
class Component:
    """One part of what runs: its name, its version where it has one, and a digest of all of it."""

    name: str
    version: str | None
    digest: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look found of one kind of component; what it does not name is gone."""

    prefix: str
    components: tuple[Component, ...]


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON of a value, hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()


def software(name: str, version: str) -> Component:
    """Return the software of one service."""
    return Component(f"software.{name}", version, digest(version))


def use_cases(items: Iterable[Mapping[str, Any]]) -> list[Seen]:
    """Return the cards of the catalogue, their prompts, and the software that serves them."""
    cards, prompts, served = [], [], {}
    for item in items:
        card = {name: value for name, value in item.items() if name not in _OF_THE_SOFTWARE}
        cards.append(Component(f"use_case.{item['id']}", item["version"], digest(card)))
        if item.get("prompt_digest"):
            prompt = Component(
                f"prompt.{item['id']}", item["prompt_version"], item["prompt_digest"]
            )
            prompts.append(prompt)
        if item.get("system_version"):
            served[item["system_id"]] = software(item["system_id"], item["system_version"])
    return [
        Seen("use_case.", tuple(cards)),
        Seen("prompt.", tuple(prompts)),
        *(Seen(component.name, (component,)) for component in served.values()),
    ]


def recipients(items: Iterable[Mapping[str, Any]]) -> list[Seen]:
    """Return who may receive data, each with the models that are configured there."""
    found = [Component(f"recipient.{item['id']}", None, digest(dict(item))) for item in items]
    return [Seen("recipient.", tuple(found))]


def ruleset(told: Mapping[str, Any]) -> list[Seen]:
    """Return the rules by which texts are pseudonymised."""
    name = "anonymizer.ruleset"
    return [Seen(name, (Component(name, told["version"], told["digest"]),))]
