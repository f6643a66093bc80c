"""Every knob of the anonymizer."""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator
from pydantic_settings import NoDecode

from anonymizer.problems import PolicyNotAllowed
from anonymizer.special.rules import Category, Handling, SpecialPolicy
from anonymizer.surrogates.policy import Label, Policy, Treatment
from keel.settings import ServiceSettings, SettingsConfigDict


def _from_json(written: object) -> object:
    if not isinstance(written, str):
        return written
    try:
        return json.loads(written)
    except ValueError:
        raise ValueError("write a JSON object") from None


def _allowed(by_label: dict[Label, Treatment]) -> dict[Label, Treatment]:
    try:
        Policy(by_label)
    except PolicyNotAllowed as refused:
        raise ValueError(refused.detail) from None
    return by_label


ByLabel = Annotated[
    dict[Label, Treatment], NoDecode, BeforeValidator(_from_json), AfterValidator(_allowed)
]


def _lawful(by_category: dict[Category, Handling]) -> dict[Category, Handling]:
    SpecialPolicy(by_category)
    return by_category


ByCategory = Annotated[
    dict[Category, Handling], NoDecode, BeforeValidator(_from_json), AfterValidator(_lawful)
]


def _digest(folder: Path) -> str:
    """Return the SHA-256 of a model's files: another model is another set of rules."""
    found = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        found.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


class Settings(ServiceSettings):
    """Set by environment variables that begin with ANONYMIZER_."""

    model_config = SettingsConfigDict(env_prefix="ANONYMIZER_")

    database_url: str
    key_encryption_key_file: Path
    # A sidecar's Unix socket; without one, files are read in a child process.
    worker_socket: Path | None = None
    reading_timeout_seconds: float = Field(default=60.0, gt=0, le=600)
    max_document_bytes: int = Field(default=20 * 1024 * 1024, gt=0)
    detection_model: Literal["md", "sm", "none"] = "md"
    # A further reader of names (an optional package), and the folder of its model.
    second_reader: Literal["gliner", "transformers"] | None = None
    second_reader_model: Path | None = None
    detection_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    # What becomes of what is found, as JSON by label; a surrogate where nothing is said.
    policy: ByLabel = Field(default_factory=dict)
    # The same of special categories: drop, block, or keep with the person's explicit consent.
    special_categories: ByCategory = Field(default_factory=dict)

    @property
    def second(self) -> tuple[str, Path] | None:
        """The kind and the model's folder of a second reader; None without one."""
        kind, folder = self.second_reader, self.second_reader_model
        return None if kind is None or folder is None else (kind, folder)

    @model_validator(mode="after")
    def _has_its_model(self) -> Self:
        if (self.second_reader is None) != (self.second_reader_model is None):
            raise ValueError("second_reader and second_reader_model are set together")
        return self

    def said_of_policy(self) -> str:
        """Return what was set of what is found and what becomes of it, one text for one meaning."""
        second = None if self.second is None else [self.second[0], _digest(self.second[1])]
        said = [setting for setting in (self.policy, self.special_categories, second) if setting]
        return json.dumps(said, sort_keys=True) if said else ""
