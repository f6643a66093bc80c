"""What records say of a report, from what the reports service answers; no word of it."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from gateway.runs.facts import seen
from keel.clock import rfc3339

_AI = frozenset({"ai_generated", "ai_assisted"})
_HUMAN = frozenset({"human", "beneficiary"})


def of_review(block: Mapping[str, Any], decision: str) -> dict[str, Any]:
    """Return how much of a passage was changed, in percent; nothing of one that was rejected."""
    if decision == "rejected":
        return {}
    edits = block["provenance"].get("edits")
    ratio = 0.0 if edits is None else float(edits["chars_changed_ratio"])
    return {"edit_ratio": round(100 * ratio)}


def of_signed(signed: Mapping[str, Any]) -> dict[str, Any]:
    """Return how a signed report is marked: its files, its sections, the uses of AI behind it."""
    passages = [block for section in signed["sections"] for block in section["blocks"]]
    has_ai = any(block["provenance"]["origin"] in _AI for block in passages)
    sections = list(_contributions(signed["sections"]))
    reviewed = all(s["contribution"] != "ia_non_relue" for s in sections)
    at = signed.get("signed_at")
    marks = {tuple(mark.values()): dict(mark) for f in signed["files"] for mark in f["marks"]}
    return seen(
        {
            "output_kind": "document",
            "version": signed["version"],
            "marking_applied": list(marks.values()) or None,
            "marking_exemption": "none" if marks else None,
            "digital_source_type": (
                "compositeWithTrainedAlgorithmicMedia" if has_ai else "digitalCreation"
            ),
            "visible_label": _label(has_ai=has_ai, reviewed=reviewed),
            "sections": sections or None,
            "rests_on": sorted({i["record_id"] for i in signed["inputs"] if i.get("record_id")})
            or None,
            "released_at": None if at is None else rfc3339(datetime.fromisoformat(at)),
        }
    )


def _label(*, has_ai: bool, reviewed: bool) -> str:
    if not has_ai:
        return "none"
    return "ai_assisted_human_reviewed" if reviewed else "ai_generated"


def _contributions(sections: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, str]]:
    """Yield who wrote each section; one that only rules filled, or nobody, is left out."""
    for section in sections:
        origins = {block["provenance"]["origin"] for block in section["blocks"]}
        if origins & _AI:
            reviewed = all(
                block["provenance"].get("review")
                for block in section["blocks"]
                if block["provenance"]["origin"] in _AI
            )
            yield _wrote(section, "ia_relue" if reviewed else "ia_non_relue")
        elif origins & _HUMAN:
            yield _wrote(section, "humain")


def _wrote(section: Mapping[str, Any], contribution: str) -> dict[str, str]:
    return {"section_id": section["key"], "contribution": contribution}
