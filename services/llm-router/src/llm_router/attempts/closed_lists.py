"""Codes come from the inputs, never from a model: closed lists in the schema, labels put back.

`x-values-from` (`{"input", "member"}`) makes a text one of the values that a list among the
inputs holds; `x-label-of` (`{"input", "key", "member"}`) takes a label from the entry that the
sibling `key` names; `x-copy-of` (`{"input"}`) takes a text from an input as it is. All of them
leave the schema before it is sent.
"""

from collections.abc import Mapping
from typing import Any

_OURS = frozenset({"x-values-from", "x-label-of", "x-copy-of"})


def closed(schema: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema as it applies to these inputs, closed lists filled in."""
    return {
        key: _closed(value, inputs) for key, value in schema.items() if key not in _OURS
    } | _enumeration(schema, inputs)


def with_own_labels(
    answer: dict[str, Any], schema: Mapping[str, Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the answer with labels and copies as the inputs have them, whatever was written."""
    labelled: dict[str, Any] = _labelled(answer, schema, inputs)
    return labelled


def _closed(value: Any, inputs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(value, dict):
        return closed(value, inputs)
    if isinstance(value, list):
        return [_closed(item, inputs) for item in value]
    return value


def _enumeration(schema: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    if "x-values-from" not in schema:
        return {}
    named = schema["x-values-from"]
    return {"enum": list(dict.fromkeys(e[named["member"]] for e in inputs[named["input"]]))}


def _labelled(value: Any, schema: Any, inputs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return [_labelled(item, schema.get("items", {}), inputs) for item in value]
    if not isinstance(value, dict):
        return value
    members = schema.get("properties", {})
    labelled = {k: _labelled(v, members.get(k, {}), inputs) for k, v in value.items()}
    for name, described in members.items():
        if name in labelled and (of := described.get("x-label-of")):
            labelled[name] = _label(labelled[of["key"]], of, inputs)
        if name in labelled and (copied := described.get("x-copy-of")):
            labelled[name] = inputs[copied["input"]]
    return labelled


def _label(code: str, of: Mapping[str, str], inputs: Mapping[str, Any]) -> Any:  # noqa: ANN401
    return next(e[of["member"]] for e in inputs[of["input"]] if e[of["key"]] == code)
