"""The gateway's keys: files in a folder that only its owner can open.

Each use has its current key (`access.pem`), perhaps the next one, published and not yet used
(`access.next.pem`), and those that only verify what they signed (`access.old-<until>.pem`, with the
Unix second after which nothing they signed lives; `receipt.old-….pem` says when it stopped signing,
for receipts have no end). The keys of the public log have names of their own (`gateway.log.keys`).
A key file begins with its own dates, which PEM allows (RFC 7468, 5.2),
so that they survive a copy of the folder. The folder is looked at again while the gateway runs: a
key that is taken away is unknown to every replica within a second.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.log.keys import LogKeys
from gateway.private_files import read_private
from gateway.problems import SigningKeyMissing
from keel.clock import rfc3339, utc_now
from keel.files import write_whole
from keel.sealing import KeyEncryptionKey, KeyFileRefused
from keel.tokens import PublicKeys, SigningKey, TokenRefused
from keel.watching import Watched

log = structlog.get_logger()

KEK = "gateway.kek"
"""The file of the keys that wrap what the gateway seals with."""


class Use(StrEnum):
    """What a key signs; no key signs two kinds of thing."""

    ACCESS = "access"
    CONSENT = "consent"
    RECEIPT = "receipt"
    PASS = "pass"  # noqa: S105 - the name of a use


class Role(StrEnum):
    """What a key is for at this time; in the order in which a file's role outranks another."""

    CURRENT = "current"
    NEXT = "next"
    OLD = "old"


_FILE = re.compile(r"(access|consent|receipt|pass)(?:\.(next)|\.old-([0-9]{1,12}))?\.pem")
_DATE = re.compile(rb"^(Published|First used): ([0-9TZ:-]{20})$", re.MULTILINE)


@dataclass(frozen=True, slots=True, repr=False)
class KeyFile:
    """One signing key as its file says it."""

    path: Path
    use: Use
    role: Role
    key: SigningKey
    kid: str
    published_at: datetime
    first_used_at: datetime | None
    until: datetime | None
    """For an old key: when the last thing that it signed is over; a receipt never is."""


@dataclass(frozen=True, slots=True, repr=False)
class _Held:
    """What the folder held at one look."""

    current: Mapping[Use, SigningKey]
    known: Mapping[Use, Mapping[str, ec.EllipticCurvePublicKey]]


class RotatingKey:
    """The keys of one use: one signs, all verify; which they are changes while the gateway runs."""

    def __init__(self, use: Use, watched: "Watched[_Held]") -> None:
        self._use, self._watched = use, watched

    def sign(self, typ: str, claims: Mapping[str, Any]) -> str:
        """Return a compact JWS by the current key.

        Raises:
            SigningKeyMissing: the folder holds no current key for this use.
        """
        return self._current().sign(typ, claims)

    def find(self, kid: str) -> ec.EllipticCurvePublicKey:
        """Return the public key called `kid`, or raise `TokenRefused`."""
        found = self._watched.now().known[self._use].get(kid)
        if found is None:  # another replica may have begun to sign with it just now
            found = self._watched.again().known[self._use].get(kid)
        if found is None:
            raise TokenRefused("unknown key")
        return found

    def public_keys(self) -> PublicKeys:
        """Return all that verify: next, current and old."""
        return PublicKeys(self._watched.now().known[self._use])

    @property
    def kid(self) -> str:
        """The id of the key that signs now."""
        return self._current().kid

    @property
    def public(self) -> ec.EllipticCurvePublicKey:
        """The public half of the key that signs now."""
        return self._current().public

    def _current(self) -> SigningKey:
        key = self._watched.now().current.get(self._use) or self._watched.again().current.get(
            self._use
        )
        if key is None:
            raise SigningKeyMissing("Try again in a moment.", headers={"Retry-After": "1"})
        return key


@dataclass(frozen=True, slots=True, repr=False)
class Keyring:
    """Separate keys for access tokens, consent tokens, receipts, passes and checkpoints."""

    folder: Path
    access: RotatingKey
    consent: RotatingKey
    receipt: RotatingKey
    passes: RotatingKey
    log: LogKeys
    kek: KeyEncryptionKey

    def has_log_key(self) -> bool:
        """Say whether the folder still holds a key for checkpoints, as of the last half second."""
        return self.log.can_sign()

    @classmethod
    def open(cls, folder: Path) -> "Keyring":
        """Read every key.

        Raises:
            KeyFileRefused: a file is missing or malformed; the message says which.
        """
        for use in Use:
            read_signing(folder / f"{use}.pem")
        watched = Watched(folder, _read_folder, pattern="*.pem")
        return cls(
            folder=folder,
            access=RotatingKey(Use.ACCESS, watched),
            consent=RotatingKey(Use.CONSENT, watched),
            receipt=RotatingKey(Use.RECEIPT, watched),
            passes=RotatingKey(Use.PASS, watched),
            log=LogKeys.open(folder),
            kek=KeyEncryptionKey.from_file(folder / KEK),
        )

    @classmethod
    def create(cls, folder: Path) -> "Keyring":
        """Write the keys that are missing in `folder`, and open it."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for use in Use:
            if not (folder / f"{use}.pem").exists():
                now = utc_now()
                write_signing(folder / f"{use}.pem", SigningKey.generate(), now, first_used_at=now)
        LogKeys.create(folder)
        if not (folder / KEK).exists():
            KeyEncryptionKey.create_file(folder / KEK)
        return cls.open(folder)

    def published(self) -> PublicKeys:
        """The public keys that integrators may need: access and consent tokens, receipts."""
        return PublicKeys.joined(
            *(ring.public_keys() for ring in (self.access, self.consent, self.receipt))
        )


def key_files(folder: Path) -> list[KeyFile]:
    """Return the signing keys of a folder, by use and role; a file that is no key is left out."""
    found = [_key_file(path) for path in sorted(folder.glob("*.pem"))]
    order = list(Role)
    return sorted(
        (file for file in found if file is not None),
        key=lambda file: (list(Use).index(file.use), order.index(file.role), file.path.name),
    )


def _key_file(path: Path) -> KeyFile | None:
    named = _FILE.fullmatch(path.name)
    if named is None:
        return None
    use, is_next, until = named.groups()
    role = Role.NEXT if is_next else Role.OLD if until else Role.CURRENT
    try:
        content = read_private(path)
        key = SigningKey.from_pem(content)
        written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        dates = {n.decode(): datetime.fromisoformat(d.decode()) for n, d in _DATE.findall(content)}
        over = None if until is None else datetime.fromtimestamp(int(until), UTC)
    except (OSError, ValueError, OverflowError, KeyFileRefused) as error:
        # Not known, so nothing that it signed is accepted; the others go on.
        log.error("key_unreadable", file=path.name, why=type(error).__name__)  # noqa: TRY400 - never its content
        return None
    published = dates.get("Published", written)
    return KeyFile(
        path=path,
        use=Use(use),
        role=role,
        key=key,
        kid=key.kid,
        published_at=published,
        first_used_at=dates.get("First used", None if role is Role.NEXT else published),
        until=None if use == Use.RECEIPT else over,
    )


def _read_folder(folder: Path) -> _Held:
    current: dict[Use, SigningKey] = {}
    known: dict[Use, dict[str, ec.EllipticCurvePublicKey]] = {use: {} for use in Use}
    for file in key_files(folder):
        known[file.use][file.kid] = file.key.public
        if file.role is Role.CURRENT:
            current[file.use] = file.key
    return _Held(current, known)


def write_signing(
    path: Path, key: SigningKey, published_at: datetime, *, first_used_at: datetime | None
) -> None:
    """Write a key file with its dates, whole or not at all, in place of what was there."""
    dates = f"Published: {rfc3339(published_at)}\n"
    if first_used_at is not None:
        dates += f"First used: {rfc3339(first_used_at)}\n"
    write_whole(path, dates.encode() + key.to_pem())


def read_signing(path: Path) -> SigningKey:
    """Return the signing key of a file; `KeyFileRefused` says what is wrong with it."""
    try:
        return SigningKey.from_pem(read_private(path))
    except (OSError, ValueError):
        raise KeyFileRefused(
            f"{path} is no P-256 private key; `python -m gateway keys create` makes one."
        ) from None
