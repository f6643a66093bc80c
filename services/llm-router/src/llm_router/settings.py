"""Every knob of the router, typed."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from keel.settings import ServiceSettings, SettingsConfigDict


class Settings(ServiceSettings):
    """Set by environment variables that begin with LLM_ROUTER_.

    Time-outs towards a model are its deployment's own, in the deployments file.
    """

    model_config = SettingsConfigDict(env_prefix="LLM_ROUTER_", frozen=True, extra="forbid")

    deployments_file: Path | None = None
    """The models that may be reached; none, and every use case is computed."""

    wire_copy_file: Path | None = None
    """Where the exact bytes of each request to a model are appended; off by default."""

    dpf_accepted: bool = True
    """Whether the EU-US Data Privacy Framework carries a transfer; off closes such routes."""

    breaker_failures: int = Field(default=5, ge=1, le=1000)
    """Failures in a row after which a deployment is left alone."""

    breaker_rest: timedelta = timedelta(seconds=15)
    """How long it is left alone before one call tries it again."""
