"""What is known of a call, as its records say it: each field from what was seen, or left out.

Values are codes, ids, counts and instants; whatever came from outside and is not of the shape of a
code is left out, so that no upstream can write words into a record (I-1, I-4).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from typing import Any

from gateway.consents.rules import is_special
from keel.clock import rfc3339
from keel.problems import Problem

_ROUTING = {"route.local": "local", "route.ue": "eu", "route.tiers": "third_country"}
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,99}")
_FINISH_REASONS = frozenset({"stop", "length", "content_filter", "tool_calls"})
_SPECIAL = {
    "health": "sante",
    "religion": "religion",
    "ethnic_origin": "origine",
    "politics": "opinion",
    "union": "syndicat",
    "sexual_orientation": "orientation",
    "criminal": "penal",
}
"""The detector's categories, all of them, by the codes of `transparency-record.md` section 4.4."""
_ACTIONS = {"blocked": "blocked", "kept": "kept_with_9_2_a", "removed": "removed"}
"""What became of statements, by the words of the same section, what matters most first."""
_SOURCES = {"cv": "cv", "notes": "notes", "tests": "tests"}
_PHASES = ("preliminaire", "investigation", "conclusions", "suivi")
_TRAINING_NONE = "none"
_LICENCES = {
    "Licence Ouverte 2.0 (Etalab)": "etalab-2.0",
    "Décision 2011/833/UE (réutilisation avec attribution)": "com-2011-833",
}
"""By their SPDX identifiers; the Commission's decision has none, and is named by its number."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """What an operator says of their installation; what they do not say is left out of records."""

    public_url: str
    provider: str | None = None
    """Who puts the system into service under their own name (AI Act art. 3(3))."""
    classification_record: str | None = None
    dpia: str | None = None
    ropa: str | None = None

    def facts(self) -> Body:
        """Return what every record of a use of AI says of the installation."""
        provider = self.provider and {"party_id": self.provider, "role": "provider"}
        return seen(
            {
                "provider_party": provider or None,
                "classification_record_ref": self.classification_record,
                "dpia_ref": self.dpia,
                "ropa_ref": self.ropa,
            }
        )


def seen(facts: Mapping[str, Any]) -> Body:
    """Return the facts without what nobody saw (I-4)."""
    return {name: value for name, value in facts.items() if value is not None}


def code(value: object) -> str | None:
    """Return a value that came from outside if it has the shape of a code."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else None


def of_card(card: Mapping[str, Any], public_url: str) -> Body:
    """Return what the card of a use case says of every call that it makes."""
    edition = str(card["version"])
    return seen(
        {
            "system_id": code(card.get("system_id")),
            "system_version": code(card.get("system_version")),
            "intended_purpose_ref": f"{public_url}/v1/use-cases/{card['id']}#{edition}",
            "use_case_id": card["id"],
            "use_case_version": edition,
            "oversight_level": card["oversight"],
            "risk_class": card["risk_class"],
            "necessity_code": card["necessity_code"],
        }
    )


def deployer(tenant: str, siren: str | None) -> Body:
    """Return the centre under whose authority the system is used (AI Act art. 3(4))."""
    return {"deployer_party": seen({"party_id": tenant, "role": "deployer", "siren": siren})}


def phase(closed: int) -> Body:
    """Return how far a bilan has come, from how many of its three phases were closed."""
    return {"bilan_phase": _PHASES[closed]}


def of_document(document: Mapping[str, Any]) -> Body:
    """Return what the anonymizer tells of a document: counts, categories, its rules; no content."""
    special: Sequence[Mapping[str, str]] = document["special_categories"]
    taken = {found["action"] for found in special}
    rules: Mapping[str, Any] = document.get("pseudonymisation") or {}
    return seen(
        {
            "entity_counts": dict(document["entity_counts"]),
            "special_categories_detected": sorted({_special(s["category"]) for s in special}),
            "special_categories_action": next(
                (word for action, word in _ACTIONS.items() if action in taken),
                None if special else "none_found",
            ),
            "pseudonymisation_profile": code(rules.get("profile")),
            "pseudonymisation_version": code(rules.get("version")),
        }
    )


def _special(category: str) -> str:
    """Return the code of a special category.

    Raises:
        Problem: the anonymizer knows one more: a record must not be silent about it.
    """
    if category not in _SPECIAL:
        raise Problem(
            "The anonymizer found a special category that this gateway has no word for: bring both "
            "to the same release. Nothing was sent."
        )
    return _SPECIAL[category]


@dataclass(slots=True)
class Sources:
    """What a run was made from, noted as it is fetched."""

    kinds: set[str] = field(default_factory=set)
    pseudonymised: set[bool] = field(default_factory=set)
    datasets: dict[tuple[str, str], Body] = field(default_factory=dict)
    data_categories: set[str] = field(default_factory=set)
    """Of the documents that were read; of earlier runs, the special ones."""

    def document(self, data_categories: Sequence[str]) -> None:
        """Note that a document's text was read."""
        self.kinds |= {_SOURCES[c] for c in data_categories if c in _SOURCES}
        self.data_categories |= set(data_categories)

    def text(self, answer: Mapping[str, Any]) -> None:
        """Note whether the text that is used came pseudonymised, as the anonymizer says."""
        if "pseudonymised" in answer:
            self.pseudonymised.add(bool(answer["pseudonymised"]))

    def market(self, answer: object) -> None:
        """Note the publications that an answer of the labour-market service cites."""
        for source in _cited(answer):
            key = (str(source.get("key")), str(source["release"]))
            found = {
                "dataset": code(source.get("key")),
                "version": code(source["release"]),
                "retrieved_at": source["retrieved_on"],
                "licence": _LICENCES.get(source.get("licence", "")),
            }
            self.kinds.add("reference_data")
            self.datasets[key] = seen(found)

    def earlier(self, said: Mapping[str, Any]) -> None:
        """Note what an earlier run rests on, as its own record says.

        What a document held of special categories may stand in what was made of it.
        """
        self.data_categories |= set(filter(is_special, said.get("input_categories", ())))
        self.kinds |= set(said.get("input_sources", ()))
        for source in said.get("reference_data", ()):
            self.datasets[source.get("dataset", ""), source.get("version", "")] = dict(source)
        if "pseudonymisation_applied" in said:
            self.pseudonymised.add(bool(said["pseudonymisation_applied"]))

    def facts(self) -> Body:
        """Return what was noted; what is not of one mind about pseudonymisation is not applied."""
        named = [d for d in self.datasets.values() if "dataset" in d]
        return seen(
            {
                "input_categories": sorted(self.data_categories) or None,
                "input_sources": sorted(self.kinds) or None,
                "reference_data": sorted(named, key=lambda d: (d["dataset"], d.get("version", "")))
                or None,
                "pseudonymisation_applied": all(self.pseudonymised) if self.pseudonymised else None,
            }
        )


def _cited(answer: object) -> Iterable[Mapping[str, Any]]:
    """Yield each `source` of an answer of the labour-market service, wherever it stands."""
    if isinstance(answer, Mapping):
        source = answer.get("source")
        if isinstance(source, Mapping) and {"key", "release", "retrieved_on"} <= source.keys():
            yield source
        for value in answer.values():
            yield from _cited(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from _cited(value)


def of_computed(card: Mapping[str, Any], installation: Installation, sources: Sources) -> Body:
    """Return what the record of a computed run says of it: our own rules made it, from what."""
    schemas: Mapping[str, Mapping[str, Any]] = card.get("output_schemas") or {}
    return seen(
        {
            **of_card(card, installation.public_url),
            **installation.facts(),
            **sources.facts(),
            "system_id": "gateway",
            "system_version": version("passerelle-gateway"),
            "purpose_code": card["purpose"],
            "output_kind": "structured",
            "output_schema_id": code(schemas.get("computed", {}).get("id")),
            "automated_decision": False,
        }
    )


def of_candidate(candidate: Mapping[str, Any]) -> Body:
    """Return what the plan says of the deployment that a call goes to."""
    training = candidate.get("training_use")
    return seen(
        {
            "model_requested": code(candidate["model"]),
            "model_provider": code(candidate.get("model_provider")),
            "routing_decision": _ROUTING[candidate["route"]],
            "transfer_mechanism": code(candidate.get("transfer_mechanism")),
            "provider_retention_code": code(candidate.get("retention")),
            "provider_training_use": None if training is None else training != _TRAINING_NONE,
        }
    )


def passed_over(rejected: Iterable[Mapping[str, Any]]) -> Body:
    """Return the deployments that the plan left out, each with its reason."""
    return {
        "rejected_candidates": [
            {"deployment": r["deployment"], "reason": r["reason"]} for r in rejected
        ]
    }


def of_start(started: Mapping[str, Any]) -> Body:
    """Return what the router says of a call as it leaves: the prompt, how the model is asked."""
    prompt = started.get("prompt", {})
    parameters = started.get("parameters") or {}
    sent = {
        "temperature": parameters.get("temperature"),
        "max_tokens": parameters.get("max_output_tokens"),
    }
    return seen(
        {
            "operation": code(started.get("operation")),
            "prompt_template_id": code(prompt.get("id")),
            "prompt_template_version": code(prompt.get("version")),
            "prompt_template_digest": code(prompt.get("digest")),
            "parameters": seen(sent) or None,
        }
    )


def of_end(last: Mapping[str, Any], at: datetime | None) -> Body:
    """Return what the router's last line says of a call that held."""
    usage = last["usage"]
    reason = last["finish_reason"]
    known = reason if reason in _FINISH_REASONS else "other"
    return seen(
        {
            "ended_at": None if at is None else rfc3339(at),
            "model_returned": code(last["model_returned"]),
            "usage_input_tokens": usage.get("input_tokens"),
            "usage_output_tokens": usage.get("output_tokens"),
            "finish_reason": None if reason is None else known,
            "output_kind": "structured" if last["schema_valid"] else None,
            "output_schema_id": code(last["schema_id"]),
            "schema_valid": last["schema_valid"],
            "repaired": last["repaired"],
            "evidence_coverage": last["evidence_coverage"],
            "guardrail_results": _guardrails(last.get("guardrails")),
        }
    )


def _guardrails(told: Sequence[Mapping[str, Any]] | None) -> list[Body] | None:
    if told is None:
        return None
    return [
        {"name": g["name"], "version": g["version"], "fired": g["fired"]}
        for g in told
        if code(g["name"]) and code(g["version"])
    ]


def of_failure(last: Mapping[str, Any], at: datetime | None) -> Body:
    """Return why a call came to nothing."""
    return seen(
        {
            "ended_at": None if at is None else rfc3339(at),
            "reason": code(last["code"]) or "unknown",
            "retryable": last["retryable"],
        }
    )
