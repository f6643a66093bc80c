"""The gateway's keys: one file each, in a folder that only its owner can open."""

import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keel.sealing import KeyEncryptionKey, KeyFileRefused
from keel.tokens import PublicKeys, SigningKey

_SIGNING = ("access", "consent", "receipt", "pass")


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Separate keys for access tokens, consent tokens, receipts, passes and checkpoints."""

    access: SigningKey
    consent: SigningKey
    receipt: SigningKey
    passes: SigningKey
    log: Ed25519PrivateKey
    kek: KeyEncryptionKey

    @classmethod
    def open(cls, folder: Path) -> "Keyring":
        """Read every key.

        Raises:
            KeyFileRefused: a file is missing or malformed; the message says which.
        """
        signing = {name: _read_signing(folder / f"{name}.pem") for name in _SIGNING}
        return cls(
            access=signing["access"],
            consent=signing["consent"],
            receipt=signing["receipt"],
            passes=signing["pass"],
            log=_read_log(folder / "log.pem"),
            kek=KeyEncryptionKey.from_file(folder / "gateway.kek"),
        )

    @classmethod
    def create(cls, folder: Path) -> "Keyring":
        """Write the keys that are missing in `folder`, and open it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in _SIGNING:
            _write_once(folder / f"{name}.pem", SigningKey.generate().to_pem())
        _write_once(
            folder / "log.pem",
            Ed25519PrivateKey.generate().private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        if not (folder / "gateway.kek").exists():
            KeyEncryptionKey.create_file(folder / "gateway.kek")
        return cls.open(folder)

    def published(self) -> PublicKeys:
        """The public keys that integrators may need: access and consent tokens, receipts."""
        return PublicKeys.of(self.access, self.consent, self.receipt)


def _write_once(path: Path, content: bytes) -> None:
    if path.exists():
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _read(path: Path) -> bytes:
    """Return the content of a private file; `KeyFileRefused` when it is open to everybody."""
    content = path.read_bytes()
    if path.stat().st_mode & 0o007:
        raise KeyFileRefused(f"The key file {path} is open to everybody: chmod 600 it.")
    return content


def _read_signing(path: Path) -> SigningKey:
    try:
        return SigningKey.from_pem(_read(path))
    except (OSError, ValueError):
        raise KeyFileRefused(
            f"{path} is no P-256 private key; `python -m gateway keys create` makes one."
        ) from None


def _read_log(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(_read(path), password=None)
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileRefused(
            f"{path} is no Ed25519 private key; `python -m gateway keys create` makes one."
        )
    return key
