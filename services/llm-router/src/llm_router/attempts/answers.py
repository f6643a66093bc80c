"""From what a model wrote to a JSON object of the shape asked for, or to what is wrong with it.

Faults name places and rules, never values: they go to a model again, and to nobody else.
"""

import re
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from keel.strict_json import NotStrictJson, parse

_MOST_FAULTS = 12
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_SAID: Mapping[str, str] = {
    "type": "le type attendu est {rule}",
    "minItems": "au moins {rule} élément(s)",
    "maxItems": "au plus {rule} élément(s)",
    "minLength": "au moins {rule} caractère(s)",
    "maxLength": "au plus {rule} caractère(s)",
}
_FENCED = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?\s*```\s*\Z", re.DOTALL)


class InvalidAnswer(Exception):  # noqa: N818 - an outcome that leads to a repair
    """The answer is not of the shape; `faults` say where and why, in French, for the model."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


def checked(text: str, schema: Mapping[str, object]) -> dict[str, object]:
    """Return the JSON object that `text` is.

    A leading thought, a Markdown fence or words around the object are forgiven; nothing inside
    it is.

    Raises:
        InvalidAnswer: it is no JSON object, or not of the shape.
    """
    value = _object(text)
    faults = sorted(
        Draft202012Validator(schema).iter_errors(value), key=lambda e: list(map(str, e.path))
    )
    if faults:
        raise InvalidAnswer([_said(fault) for fault in faults[:_MOST_FAULTS]])
    return value


def _object(text: str) -> dict[str, object]:
    bare = _THOUGHT.sub("", text, count=1)
    if fenced := _FENCED.match(bare):
        bare = fenced.group(1)
    first, last = bare.find("{"), bare.rfind("}")
    try:
        value = parse(bare[first : last + 1]) if first >= 0 else None
    except NotStrictJson:
        value = None
    if not isinstance(value, dict):
        raise InvalidAnswer(["la réponse n’est pas un objet JSON"])
    return value


def _said(fault: ValidationError) -> str:
    where = "/" + "/".join(map(str, fault.absolute_path))
    return f"{where} : {_why(fault)}"


def _why(fault: ValidationError) -> str:
    rule: Any = fault.validator_value
    if fault.validator == "required" and isinstance(fault.instance, dict):
        return f"il manque {', '.join(name for name in rule if name not in fault.instance)}"
    if fault.validator == "additionalProperties" and isinstance(fault.schema, dict):
        return f"seuls sont admis {', '.join(fault.schema.get('properties', {}))}"
    if fault.validator == "enum":
        return f"les valeurs admises sont {', '.join(map(str, rule))}"
    said = _SAID.get(str(fault.validator), "la règle {rule} n’est pas tenue")
    return said.format(rule=rule if str(fault.validator) in _SAID else fault.validator)
