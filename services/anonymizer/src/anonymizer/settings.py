"""Every knob of the anonymizer."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from keel.settings import ServiceSettings, SettingsConfigDict


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
