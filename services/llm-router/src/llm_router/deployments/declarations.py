"""The deployments file: what an operator writes, checked before anything starts.

JSON, `{"deployments": [...]}`. A wrong shape stops the start and says where; a processor datum
that is absent does not: it closes the route, and the plan says so.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from keel.identifiers import RecipientId
from keel.settings import SettingsRefused
from llm_router.deployments.rules import (
    Capability,
    Deployment,
    Hosting,
    Recipient,
    SubProcessor,
    Timeouts,
    Transfer,
    is_private,
)

_MAX_FILE_BYTES = 1_000_000

_Country = Annotated[str, Field(pattern=r"^(?:[A-Z]{2}|EEA)$")]
_Name = Annotated[str, Field(min_length=1, max_length=200)]
_Code = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=60)]
_Seconds = Annotated[float, Field(gt=0, le=3600)]


class DeploymentsRefused(SettingsRefused):
    """The deployments file is wrong; the message says what and where."""


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DeclaredRecipient(_Declared):
    """Who receives the data."""

    id: RecipientId
    legal_name: _Name | None = None
    role: Literal["processor", "sub-processor", "controller"] | None = None
    jurisdictions: tuple[_Country, ...] = Field(default=(), max_length=40)
    operator_home: _Country | None = None


class DeclaredSubProcessor(_Declared):
    """Somebody whom the processor makes use of."""

    legal_name: _Name
    jurisdictions: tuple[_Country, ...] = Field(min_length=1, max_length=40)


class DeclaredTimeouts(_Declared):
    """Seconds to wait for the connection, the first token, the next token, the whole answer."""

    connect_s: _Seconds = 5
    first_token_s: _Seconds = 60
    between_tokens_s: _Seconds = 20
    whole_s: _Seconds = 180


class DeclaredDeployment(_Declared):
    """One model at one address."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    recipient: DeclaredRecipient
    hosting: Hosting
    base_url: Annotated[str, Field(min_length=8, max_length=500)]
    model: _Name
    model_provider: _Code | None = None
    api_key_env: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$", max_length=100)] | None = None
    api_key_file: Path | None = None
    retention: _Code | None = None
    training_use: _Code | None = None
    transfer_mechanism: Transfer = Transfer.NONE
    sub_processors: tuple[DeclaredSubProcessor, ...] = Field(default=(), max_length=100)
    contract_reference: _Name | None = None
    context_tokens: Annotated[int, Field(ge=512, le=10_000_000)]
    capabilities: frozenset[Capability] = frozenset()
    timeouts: DeclaredTimeouts = DeclaredTimeouts()

    @field_validator("base_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("an address begins with http:// or https:// and names a host")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("an address holds no user, password, query or fragment")
        _ = parts.port  # raises ValueError when it is no port
        if parts.scheme == "http" and not is_private(value):
            raise ValueError("http:// only to loopback or a private address; elsewhere https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _has_one_key(self) -> Self:
        if self.api_key_env and self.api_key_file:
            raise ValueError("api_key_env or api_key_file, not both")
        return self


class DeclaredDeployments(_Declared):
    """The whole file; the order is the operator's preference."""

    deployments: tuple[DeclaredDeployment, ...] = Field(max_length=200)

    @model_validator(mode="after")
    def _are_consistent(self) -> Self:
        ids = [d.id for d in self.deployments]
        if twice := {i for i in ids if ids.count(i) > 1}:
            raise ValueError(f"deployments of one id: {', '.join(sorted(twice))}")
        known: dict[str, DeclaredRecipient] = {}
        for declared in self.deployments:
            recipient = declared.recipient
            if known.setdefault(recipient.id, recipient) != recipient:
                raise ValueError(f"{recipient.id} is described in two ways")
        return self


def read_deployments(file: Path, environment: Mapping[str, str] = os.environ) -> list[Deployment]:
    """Read and check a deployments file, keys included.

    Raises:
        DeploymentsRefused: the file cannot be read, is not of the shape, or a key is absent.
    """
    try:
        content = file.read_bytes()[: _MAX_FILE_BYTES + 1]
    except OSError as error:
        raise DeploymentsRefused(f"{file}: {error.strerror or 'cannot be read'}") from None
    if len(content) > _MAX_FILE_BYTES:
        raise DeploymentsRefused(f"{file}: larger than {_MAX_FILE_BYTES} bytes")
    try:
        declared = DeclaredDeployments.model_validate_json(content)
    except ValidationError as error:
        raise DeploymentsRefused(f"{file}: {faults(error)}") from None
    return deployments_of(declared.deployments, environment)


def deployments_of(
    declared: Iterable[DeclaredDeployment], environment: Mapping[str, str] = os.environ
) -> list[Deployment]:
    """Return the deployments declared, with their keys.

    Raises:
        DeploymentsRefused: a key is absent.
    """
    return [_deployment(d, _api_key(d, environment)) for d in declared]


def faults(error: ValidationError) -> str:
    """Say each fault as `where: why`, values left out: one of them may be a key."""
    return "; ".join(
        f"{'.'.join(map(str, e['loc'])) or 'the file'}: {e['msg'].removeprefix('Value error, ')}"
        for e in error.errors(include_input=False, include_context=False)
    )


def _api_key(declared: DeclaredDeployment, environment: Mapping[str, str]) -> str | None:
    if declared.api_key_env:
        key = environment.get(declared.api_key_env, "")
        where = f"the environment variable {declared.api_key_env}"
    elif declared.api_key_file:
        where = f"the file {declared.api_key_file}"
        try:
            key = declared.api_key_file.read_text().strip()
        except (OSError, UnicodeDecodeError):
            key = ""
    else:
        return None
    if not key or not key.isascii() or not key.isprintable():
        raise DeploymentsRefused(f"deployment {declared.id}: {where} holds no usable key")
    return key


def _deployment(declared: DeclaredDeployment, api_key: str | None) -> Deployment:
    limits = declared.timeouts
    return Deployment(
        id=declared.id,
        recipient=Recipient(**declared.recipient.model_dump()),
        hosting=declared.hosting,
        base_url=declared.base_url,
        model=declared.model,
        model_provider=declared.model_provider,
        context_tokens=declared.context_tokens,
        timeouts=Timeouts(
            connect=timedelta(seconds=limits.connect_s),
            first_token=timedelta(seconds=limits.first_token_s),
            between_tokens=timedelta(seconds=limits.between_tokens_s),
            whole=timedelta(seconds=limits.whole_s),
        ),
        capabilities=declared.capabilities,
        retention=declared.retention,
        training_use=declared.training_use,
        transfer_mechanism=declared.transfer_mechanism,
        sub_processors=tuple(SubProcessor(**s.model_dump()) for s in declared.sub_processors),
        contract_reference=declared.contract_reference,
        api_key=api_key,
    )
