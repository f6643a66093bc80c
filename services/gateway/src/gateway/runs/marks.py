"""The marks on the answer of a run that used AI: put here, and read back before it leaves.

AI Act art. 50(2): machine-readable in the body and, where there is one, in the answer's headers.
"""

from collections.abc import Mapping
from typing import Any

VERSION = "1.0.0"
"""Of our way of marking answers; it changes with what the marks say."""

_RECORD, _GENERATED = "Transparency-Record", "AI-Generated"


def headers(envelope: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the headers of an answer that used AI; none of one that did not (section 7.5)."""
    marking = (envelope or {}).get("marking", {})
    if not marking.get("ai"):
        return {}
    mark = f"provider={marking['recipient']}; model={marking['model']}; reviewed=no"
    return {
        _RECORD: marking["record"],
        _GENERATED: mark.encode("ascii", "replace").decode(),
    }


def found(
    answer: Mapping[str, Any], head: Mapping[str, str], record: str, *, layer: str
) -> dict[str, Any]:
    """Return what records say of the marks that stand on an answer about to leave.

    `answer` is its body as it is sent, `head` its headers, `record` the use of AI that the marks
    have to name. A mark is verified when it names it; one that is not there is not told of.
    """
    envelope = answer.get("envelope") or {}
    marking = envelope.get("marking") or {}
    marks = []
    if "ai" in marking:
        named = bool(marking["ai"]) and marking.get("record") == record
        marks.append(_mark("json_field", layer, named))
    if _GENERATED in head:
        whole = head.get(_RECORD) == record and head[_GENERATED].endswith("; reviewed=no")
        marks.append(_mark("http_header", "response_header", whole))
    said = {
        "output_kind": "structured",
        "marking_applied": marks,
        "digital_source_type": marking.get("digital_source_type"),
        "marking_exemption": "none" if marks else None,
        "visible_label": "ai_generated" if marking.get("label") else None,
    }
    return {name: value for name, value in said.items() if value}


def _mark(technique: str, layer: str, verified: bool) -> dict[str, Any]:  # noqa: FBT001 - what was read
    return {"technique": technique, "layer": layer, "version": VERSION, "verified": verified}
