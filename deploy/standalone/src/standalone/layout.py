"""Where one installation keeps its things: a folder that one process owns at a time."""

import fcntl
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import anonymizer.tables
import gateway.tables
import reports.tables
from gateway.keyring import Keyring
from keel.files import write_whole
from keel.migrations import migrate
from keel.rewrapping import Wrapped
from keel.sealing import ContentKeyRow, KeyEncryptionKey
from keel.settings import SettingsRefused

_WITH_DATABASE = {
    "gateway": "gateway",
    "anonymizer": "anonymizer",
    "labour-market": "labour_market",
    "reports": "reports",
}
_WITH_KEK = ("anonymizer", "reports")
_WRAPPED: Mapping[str, tuple[type[ContentKeyRow], ...]] = {
    "gateway": (gateway.tables.ContentKey, gateway.tables.RecordKey),
    "anonymizer": (anonymizer.tables.ContentKey,),
    "reports": (reports.tables.ContentKey,),
}


class DataInUse(SettingsRefused):
    """Another platform runs on this folder."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The files of one installation."""

    data: Path

    @property
    def keys(self) -> Path:
        """The folder of keys; only its owner can open it."""
        return self.data / "keys"

    @property
    def pass_jwks(self) -> Path:
        """The public keys with which the services verify passes."""
        return self.keys / "pass-jwks.json"

    @property
    def operator_socket(self) -> Path:
        """Where the operator's verbs reach the running platform."""
        return self.data / "operator.sock"

    @property
    def checkpoints(self) -> Path:
        """Copies of the checkpoint of the log: what tells that its database was restored."""
        return self.data / "checkpoints"

    def kek(self, service: str) -> Path:
        """The key-encryption key of one service."""
        return self.keys / f"{service}.kek"

    def database_url(self, service: str) -> str:
        """The SQLite database of one service."""
        return f"sqlite+aiosqlite:///{self.data / (service + '.sqlite3')}"

    def claim(self) -> IO[bytes]:
        """Become the one process that works on this folder; keep the returned file open.

        Raises:
            SettingsRefused: the folder cannot be made or written.
            DataInUse: another platform runs on it.
        """
        try:
            self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = (self.data / "platform.lock").open("ab")
        except OSError as error:
            raise SettingsRefused(
                f"The data folder {self.data} cannot be written ({error.strerror}). "
                "Choose another one, or give yourself the right to write there."
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DataInUse(
                f"Another platform already runs on {self.data}. Stop it, choose another data "
                f"folder, or reach it through {self.operator_socket}."
            ) from None
        return lock

    def make_keys(self) -> None:
        """Make the keys that are missing, and publish the pass keys to the services."""
        keyring = Keyring.create(self.keys)
        for service in _WITH_KEK:
            if not self.kek(service).exists():
                KeyEncryptionKey.create_file(self.kek(service))
        self.pass_jwks.write_text(json.dumps(keyring.passes.public_keys().to_jwks()))

    def log_origin(self) -> str:
        """Return the origin of this installation's log: made once, never reused elsewhere."""
        path = self.data / "log-origin"
        if not path.exists():
            write_whole(path, f"localhost/passerelle/{secrets.token_hex(4)}".encode())
        return path.read_text().strip()

    def wrapped_keys(self) -> list[Wrapped]:
        """Return where each service's wrapped keys are, and what wraps them.

        Raises:
            KeyFileRefused: a key file is missing or wrong.
        """
        return [
            Wrapped(service, self.database_url(service), KeyEncryptionKey.from_file(path), tables)
            for service, tables in _WRAPPED.items()
            for path in (self.kek(service),)
        ]

    async def migrate(self) -> None:
        """Bring every database up to date."""
        for service, package in _WITH_DATABASE.items():
            await migrate(package, self.database_url(service))
