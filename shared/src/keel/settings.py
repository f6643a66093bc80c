"""Settings: typed, read once, frozen; a misspelt variable stops the start."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from keel.connections import ConnectionLimits
from keel.start import StartRefused


class SettingsRefused(StartRefused):
    """The configuration is wrong; the message says which variable and why."""


_Positive = Annotated[timedelta, Field(gt=timedelta())]


class ServiceSettings(BaseSettings):
    """What every service is told by its environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 8000
    metrics_port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Where `/metrics` is answered, on `host`; unset, nowhere."""
    pass_jwks_file: Path
    header_timeout: _Positive = timedelta(seconds=10)
    body_timeout: _Positive = timedelta(seconds=180)
    """How long a body may pause: between services, as long as a model may think."""
    min_body_rate: NonNegativeInt = 0
    """Bytes a second; 0: none."""
    max_connections: PositiveInt = 2000
    max_connections_per_peer: NonNegativeInt = 0
    """From one address; 0: no limit, as behind a proxy or with one caller."""
    trusted_proxies: str = "127.0.0.1,::1"
    """Addresses or networks whose `X-Forwarded-For` is believed, separated by commas."""

    def connection_limits(self) -> ConnectionLimits:
        """Return what one client may hold of the server."""
        return ConnectionLimits(
            headers=self.header_timeout.total_seconds(),
            body=self.body_timeout.total_seconds(),
            body_rate=self.min_body_rate,
            connections=self.max_connections,
            per_peer=self.max_connections_per_peer,
            trusted_proxies=self.trusted_proxies,
        )

    @classmethod
    def read(cls, **given: Any) -> Self:  # noqa: ANN401 - pydantic validates each value
        """Read the environment; `given` wins over it.

        Raises:
            SettingsRefused: a variable is missing, wrong, or begins with the prefix but names
                nothing (pydantic-settings alone ignores such a variable).
        """
        prefix = str(cls.model_config["env_prefix"])
        known = {prefix + name.upper() for name in cls.model_fields}
        stray = sorted(n for n in os.environ if n.startswith(prefix) and n not in known)
        if stray:
            raise SettingsRefused(f"No setting is called {', '.join(stray)}. Correct or unset it.")
        try:
            return cls(**given)
        except ValidationError as error:
            wrong = "; ".join(
                f"{prefix}{'_'.join(str(p) for p in e['loc']).upper()}: {e['msg']}"
                for e in error.errors()
            )
            raise SettingsRefused(wrong) from None


__all__ = ["ServiceSettings", "SettingsConfigDict", "SettingsRefused"]
