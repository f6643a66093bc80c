"""Settings: typed, read once, frozen; a misspelt variable stops the start."""

import os
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from keel.start import StartRefused


class SettingsRefused(StartRefused):
    """The configuration is wrong; the message says which variable and why."""


class ServiceSettings(BaseSettings):
    """What every service is told by its environment."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    host: str = "127.0.0.1"
    port: int = 8000
    pass_jwks_file: Path

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
