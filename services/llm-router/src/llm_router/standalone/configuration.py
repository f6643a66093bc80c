"""The configuration file of the router alone, checked before it starts."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keel.settings import SettingsRefused
from llm_router.deployments.declarations import DeclaredDeployment, faults


class StaticKey(BaseModel):
    """A caller's key, known by its SHA-256 only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=60)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StandaloneConfiguration(BaseModel):
    """The whole file; `deployments` as in the deployments file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: Annotated[str, Field(max_length=100)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8090
    keys: tuple[StaticKey, ...] = Field(min_length=1, max_length=100)
    deployments: tuple[DeclaredDeployment, ...] = Field(min_length=1, max_length=200)


def read_configuration(file: Path) -> StandaloneConfiguration:
    """Read and check the file.

    Raises:
        SettingsRefused: it cannot be read or is wrong; the message says where.
    """
    try:
        return StandaloneConfiguration.model_validate_json(file.read_bytes())
    except OSError as error:
        raise SettingsRefused(f"{file}: {error.strerror or 'cannot be read'}") from None
    except ValidationError as error:
        raise SettingsRefused(f"{file}: {faults(error)}") from None
