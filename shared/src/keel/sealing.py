"""Encryption at rest under keys that can be destroyed (AES-256-GCM, NIST SP 800-38D).

A content key belongs to one bilan and dies at its closing (Code du travail R6313-7); it is stored
wrapped by a key-encryption key that lives outside the database. Destroying the wrapped key makes
whatever was sealed under it unreadable in this database, and in every copy that does not hold the
wrapped key. A backup made before the destruction holds it: together with the key-encryption key it
can still be read, until the backup itself is deleted or that key is.
"""

import base64
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import LargeBinary, Select, String, delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from keel.files import write_whole
from keel.shredding import note
from keel.start import StartRefused
from keel.tenancy import TenantOwned

KEY_BYTES = 32
_NONCE_BYTES = 12


class CannotUnseal(Exception):  # noqa: N818 - a fact, not a mistake of the caller
    """Wrong key, wrong context or altered bytes; the three look the same."""


class KeyFileRefused(StartRefused):
    """A key file is missing, malformed or readable by others; the message says which."""


def seal(key: bytes, plaintext: bytes, context: str) -> bytes:
    """Encrypt `plaintext`, bound to `context`; returns nonce (12 bytes) + ciphertext + tag (16)."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, context.encode())


def unseal(key: bytes, sealed: bytes, context: str) -> bytes:
    """Return what was sealed.

    Raises:
        CannotUnseal: wrong key, wrong context or altered bytes.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context.encode())
    except InvalidTag:
        raise CannotUnseal from None


@dataclass(frozen=True, slots=True, repr=False)
class KeyEncryptionKey:
    """The key that wraps the others, and those that wrapped before it: 32 bytes each, newest first.

    One file holds them, a line each, so that a secret store keeps one value. Only the first line
    wraps; all of them unwrap, so that keys can be wrapped anew while everything goes on
    (`keel.rewrapping`).
    """

    _newest: bytes
    _former: tuple[bytes, ...] = ()

    @classmethod
    def from_file(cls, path: Path) -> "KeyEncryptionKey":
        """Read one or more lines of 32 bytes in base64url from `path`.

        Raises:
            KeyFileRefused: missing, malformed, or open to others than its owner and group.
        """
        try:
            lines = path.read_text("ascii").split()
            mode = path.stat().st_mode
        except (OSError, UnicodeDecodeError):
            raise KeyFileRefused(f"The key file {path} cannot be read.") from None
        if mode & 0o007:
            raise KeyFileRefused(f"The key file {path} is open to everybody: chmod 600 it.")
        newest, *former = [_decoded(line) for line in lines] or [b""]
        if any(len(key) != KEY_BYTES for key in (newest, *former)):
            raise KeyFileRefused(
                f"The key file {path} does not hold 32 bytes in base64url, on each of its lines."
            )
        return cls(newest, tuple(former))

    @classmethod
    def create_file(cls, path: Path) -> "KeyEncryptionKey":
        """Write a fresh key to a new file that only its owner can open, and return it."""
        key = secrets.token_bytes(KEY_BYTES)
        write_whole(path, base64.urlsafe_b64encode(key).rstrip(b"=") + b"\n", anew=True)
        return cls(key)

    def wrap(self, key: bytes, context: str) -> bytes:
        """Encrypt a key for storage, under the newest."""
        return seal(self._newest, key, "wrap|" + context)

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """Return a stored key, whichever of the keys wrapped it (raises `CannotUnseal`)."""
        for former in (self._newest, *self._former):
            with suppress(CannotUnseal):
                return unseal(former, wrapped, "wrap|" + context)
        raise CannotUnseal

    def wrapped_anew(self, wrapped: bytes, context: str) -> bytes | None:
        """Return a stored key wrapped under the newest; None where it is already.

        Raises:
            CannotUnseal: none of the keys wrapped it.
        """
        with suppress(CannotUnseal):
            unseal(self._newest, wrapped, "wrap|" + context)
            return None
        return self.wrap(self.unwrap(wrapped, context), context)


def _decoded(line: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(line + "=" * (-len(line) % 4))
    except ValueError:
        return b""


class ContentKeyRow(TenantOwned):
    """Columns of a service's table of wrapped keys; mix into a class on its own Base."""

    __tablename__ = "content_keys"

    subject: Mapped[str] = mapped_column(String(30), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)


class ContentKeys:
    """One key per (tenant, subject), made when first needed; the subject is usually a bilan."""

    def __init__(self, kek: KeyEncryptionKey, table: type[ContentKeyRow]) -> None:
        self._kek = kek
        self._table = table

    async def obtain(self, session: AsyncSession, tenant: str, subject: str) -> bytes:
        """Return the key, creating it when there is none."""
        found = await self.find(session, tenant, subject)
        if found is not None:
            return found
        key = secrets.token_bytes(KEY_BYTES)
        row = self._table()
        row.tenant, row.subject = tenant, subject
        row.wrapped = self._kek.wrap(key, f"{tenant}|{subject}")
        try:
            async with session.begin_nested():
                session.add(row)
        except IntegrityError:  # another replica made it first: that one is the key
            made = await self.find(session, tenant, subject)
            if made is None:
                raise
            return made
        return key

    async def obtain_all(
        self, session: AsyncSession, tenant: str, subjects: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the keys by subject, creating those that there are not; one query for all."""
        keys = await self.find_all(session, tenant, subjects)
        for subject in subjects:
            if subject not in keys:
                keys[subject] = await self.obtain(session, tenant, subject)
        return keys

    async def find_all(
        self, session: AsyncSession, tenant: str, subjects: Sequence[str]
    ) -> dict[str, bytes]:
        """Return the keys that there are, by subject; one query for all."""
        found = await session.execute(self._held(tenant, subjects))
        return {
            subject: self._kek.unwrap(wrapped, f"{tenant}|{subject}") for subject, wrapped in found
        }

    def _held(self, tenant: str, subjects: Sequence[str]) -> Select[str, bytes]:
        table = self._table
        return select(table.subject, table.wrapped).where(
            table.tenant == tenant, table.subject.in_(subjects)
        )

    async def create(
        self, session: AsyncSession, tenant: str, subjects: Sequence[str]
    ) -> dict[str, bytes]:
        """Make the keys of subjects that nobody else can know of yet; returns them by subject."""
        keys = {subject: secrets.token_bytes(KEY_BYTES) for subject in subjects}
        for subject, key in keys.items():
            row = self._table()
            row.tenant, row.subject = tenant, subject
            row.wrapped = self._kek.wrap(key, f"{tenant}|{subject}")
            session.add(row)
        await session.flush()
        return keys

    async def find(self, session: AsyncSession, tenant: str, subject: str) -> bytes | None:
        """Return the key; None when it was never made or was destroyed."""
        table = self._table
        wrapped = await session.scalar(
            select(table.wrapped).where(table.tenant == tenant, table.subject == subject)
        )
        return None if wrapped is None else self._kek.unwrap(wrapped, f"{tenant}|{subject}")

    async def destroy(self, session: AsyncSession, tenant: str, subject: str) -> bool:
        """Delete the wrapped key; whatever it sealed is lost. False when there was none.

        On SQLite the bytes of the key leave the files a while later (`keel.shredding`).
        """
        table = self._table
        await note(session)
        result = await session.execute(
            delete(table)
            .where(table.tenant == tenant, table.subject == subject)
            .returning(table.subject)
        )
        return result.first() is not None
