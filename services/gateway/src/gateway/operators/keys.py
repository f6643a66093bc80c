"""What an operator does with the signing keys, each change written down (`key.rotated`)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from gateway import rotation
from gateway.keyring import KeyFile, Keyring, key_files
from gateway.records.rules import DEPLOYMENT, Fact, Kind
from gateway.records.service import Records
from keel.clock import rfc3339, utc_now
from keel.database import Database

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The operator's verbs on signing keys."""

    database: Database
    records: Records
    keyring: Keyring
    pass_jwks_file: Path | None

    def listed(self) -> list[dict[str, Any]]:
        """List the signing keys with their roles and dates; nothing secret."""
        return [_line(file) for file in key_files(self.keyring.folder)]

    async def rotate(self) -> list[dict[str, Any]]:
        """Do what is due: publish, activate, delete; an empty list when nothing was."""
        changes = rotation.rotate(self.keyring.folder, at=utc_now())
        return await self._written(changes, "scheduled")

    async def keep_up(self) -> None:
        """Do what is due, unasked; where the folder cannot be written, say aloud what is."""
        folder = self.keyring.folder
        if rotation.is_writable(folder, self.pass_jwks_file):
            await self.rotate()
            return
        for use, step in rotation.due(folder, at=utc_now()):
            logger.warning("key_rotation_due", use=str(use), step=step)

    async def retire(self, kid: str) -> list[dict[str, Any]]:
        """Take away a key that does not sign."""
        return await self._written([rotation.retire(self.keyring.folder, kid)], None)

    async def revoke(self, kid: str) -> list[dict[str, Any]]:
        """Take a key away at once: every replica refuses it within a second."""
        changes = [rotation.revoke(self.keyring.folder, kid, at=utc_now())]
        return await self._written(changes, "emergency")

    async def _written(
        self, changes: list[rotation.Change], reason: str | None
    ) -> list[dict[str, Any]]:
        # The folder first: a key that must go goes also while the database is away. What could not
        # be written down is then told to the operator as the refusal that it is.
        rotation.publish_passes(self.keyring.folder, self.pass_jwks_file)
        lines = [
            {
                "use": str(change.use),
                "step": change.step,
                "kid_old": change.old,
                "kid_new": change.new,
                "reason": reason,
            }
            for change in changes
        ]
        if lines:
            async with self.database.begin(DEPLOYMENT) as session:
                for line in lines:
                    fact = Fact(Kind.KEY_ROTATED, DEPLOYMENT, line)
                    await self.records.write(session, fact)
        return lines


def _line(file: KeyFile) -> dict[str, Any]:
    return {
        "kid": file.kid,
        "use": str(file.use),
        "role": str(file.role),
        "file": file.path.name,
        "published_at": rfc3339(file.published_at),
        "first_used_at": None if file.first_used_at is None else rfc3339(file.first_used_at),
        "verifies_until": None if file.until is None else rfc3339(file.until),
    }
