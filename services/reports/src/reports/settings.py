"""Every knob of the reports service."""

from datetime import timedelta
from pathlib import Path

from keel.settings import ServiceSettings, SettingsConfigDict


class Settings(ServiceSettings):
    """Set by environment variables that begin with REPORTS_."""

    model_config = SettingsConfigDict(env_prefix="REPORTS_", frozen=True, extra="forbid")

    database_url: str
    key_encryption_key_file: Path
    rendering_time_limit: timedelta = timedelta(seconds=30)
    rendering_idle_limit: timedelta = timedelta(seconds=60)
