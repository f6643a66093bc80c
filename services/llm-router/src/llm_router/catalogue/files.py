"""The catalogue as it lies in the package: one folder a use case, one file a version.

`card.json` names the versions in force; older ones stay beside them, because records of past
calls name them.
"""

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Annotated, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from llm_router.catalogue.prompts import Prompt, PromptRefused, parsed
from llm_router.catalogue.rules import (
    Actor,
    Assistance,
    DataCategory,
    Mode,
    Oversight,
    Phase,
    Purpose,
    RiskClass,
    Schema,
    Sensitivity,
    UseCase,
)

_FileName = Annotated[str, Field(pattern=r"^[a-z0-9.-]+$", max_length=80)]
_Sentence = Annotated[str, Field(min_length=10, max_length=600)]


class CatalogueRefused(ValueError):  # noqa: N818 - a start that is refused
    """A file of the catalogue is wrong; the message says which and where."""


class _AssistedFiles(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    prompt: _FileName
    inputs: _FileName
    answer: _FileName


class _Card(BaseModel):
    """`card.json`, checked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z][a-z-]*[a-z]$", max_length=40)]
    catalogue_id: Annotated[str, Field(pattern=r"^UC-\d\d$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    language: Literal["fr"]
    title: Annotated[str, Field(min_length=3, max_length=120)]
    summary: _Sentence
    phase: Phase
    actor: Actor
    purpose: Purpose
    sensitivity: Sensitivity
    oversight: Oversight
    data_categories: tuple[DataCategory, ...]
    without_ai: _Sentence
    local_only: bool
    necessity_code: Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=60)]
    risk_class: RiskClass
    automated_decision: Literal[False]
    outputs: dict[Mode, _FileName] = Field(min_length=1)
    assisted: _AssistedFiles | None = None


def packaged_use_cases() -> dict[str, UseCase]:
    """Read every use case of the package, by id, in the order of the catalogue.

    Raises:
        CatalogueRefused: a card, schema or prompt is wrong.
    """
    root = files("llm_router.catalogue")
    repair = _prompt(root / "repair.v1.fr.md")
    folders = [entry for entry in (root / "use_cases").iterdir() if entry.is_dir()]
    return _by_id(_use_case(folder, repair) for folder in folders)


def _by_id(found: Iterable[UseCase]) -> dict[str, UseCase]:
    return {u.id: u for u in sorted(found, key=lambda u: u.catalogue_id)}


def _use_case(folder: Traversable, repair: Prompt) -> UseCase:
    card = _card(folder / "card.json")
    if card.id != folder.name:
        raise CatalogueRefused(f"{folder.name}/card.json: id is not the folder's name")
    if (Mode.ASSISTED in card.outputs) is not (card.assisted is not None):
        raise CatalogueRefused(f"{card.id}: an assisted output and its prompt go together")
    outputs = {mode: _schema(folder / name, card.id) for mode, name in card.outputs.items()}
    return UseCase(
        id=card.id,
        catalogue_id=card.catalogue_id,
        version=card.version,
        title=card.title,
        summary=card.summary,
        phase=card.phase,
        actor=card.actor,
        purpose=card.purpose,
        sensitivity=card.sensitivity,
        oversight=card.oversight,
        data_categories=card.data_categories,
        without_ai=card.without_ai,
        local_only=card.local_only,
        necessity_code=card.necessity_code,
        risk_class=card.risk_class,
        outputs=outputs,
        assistance=_assistance(folder, card, repair),
    )


def _card(file: Traversable) -> _Card:
    try:
        return _Card.model_validate_json(file.read_bytes())
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise CatalogueRefused(f"{file}: {wrong}") from None


def _assistance(folder: Traversable, card: _Card, repair: Prompt) -> Assistance | None:
    if card.assisted is None:
        return None
    prompt = _prompt(folder / card.assisted.prompt)
    if (prompt.identity.id, prompt.purpose) != (card.id, card.purpose):
        raise CatalogueRefused(f"{folder.name}: the prompt's head is of another use case")
    inputs = _schema(folder / card.assisted.inputs, card.id)
    if _members(inputs.document) != prompt.variables | prompt.optional_variables:
        raise CatalogueRefused(f"{card.id}: the inputs are not the prompt's variables")
    answer = _schema(folder / card.assisted.answer, card.id)
    return Assistance(prompt=prompt, repair=repair, inputs=inputs, answer=answer)


def _members(schema: Mapping[str, object]) -> set[str]:
    members = schema.get("properties")
    return set(members) if isinstance(members, dict) else set()


def _prompt(file: Traversable) -> Prompt:
    try:
        return parsed(file.read_bytes(), where=file.name)
    except PromptRefused as error:
        raise CatalogueRefused(str(error)) from None


def _schema(file: Traversable, use_case: str) -> Schema:
    """Read a schema; its id is the use case's and the file's name, without `.schema.json`."""
    try:
        document = json.loads(file.read_bytes())
        Draft202012Validator.check_schema(document)
    except (OSError, ValueError, SchemaError) as error:
        raise CatalogueRefused(f"{use_case}/{file.name}: {error}") from None
    return Schema(id=f"{use_case}.{file.name.removesuffix('.schema.json')}", document=document)
