"""The keys that sign the log's checkpoints: files of the key folder, by generation of the log.

`log.pem` signs the first log of the installation, `log.2.pem` the second, and so on: no key ever
signs for two origins. `log.old-<until>.pem` (`log.2.old-….pem`) is a key that was replaced and goes
on signing beside its successor until that Unix second. A file may begin with its dates and its
origin, which PEM allows (RFC 7468, 5.2). The folder is looked at again while the gateway runs.
"""

import base64
import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.log.rules import key_id, public_bytes
from gateway.private_files import read_private
from keel.clock import rfc3339
from keel.files import write_whole
from keel.sealing import KeyFileRefused
from keel.start import StartRefused
from keel.watching import Watched

logger = structlog.get_logger()

BESIDE = timedelta(days=30)
"""How long a key that was replaced signs beside its successor (profile, section 7.4)."""
_FILE = re.compile(r"log(?:\.([2-9]|[1-9][0-9]{1,8}))?(?:\.old-([0-9]{1,12}))?\.pem")
_SAID = re.compile(rb"^(Published|First used|Origin): (\S{1,200})$", re.MULTILINE)


class LogKeyMissing(StartRefused):
    """The key folder has no key that may sign this log; the message says what to put there."""


@dataclass(frozen=True, slots=True, repr=False)
class LogKey:
    """One key of the log as its file says it."""

    path: Path
    generation: int
    key: Ed25519PrivateKey
    origin: str | None
    """What it signs for, once that is settled."""
    first_used_at: datetime | None
    until: datetime | None
    """For a key that was replaced: when it stops signing."""


Held = Mapping[int, Sequence[LogKey]]
"""By generation of the log; the current key first."""


class LogKeys:
    """The keys of every log of this installation that the folder still holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._watched = self._watch()
        self.growing = max(self._watched.now(), default=1)
        """Which log is signed now, as far as this process knows."""

    def _watch(self) -> Watched[Held]:
        return Watched(self.folder, read_keys, pattern="log*.pem")

    @classmethod
    def open(cls, folder: Path) -> "LogKeys":
        """Read every key.

        Raises:
            KeyFileRefused: there is none, or one is no key; the message says which.
        """
        paths = [path for path in sorted(folder.glob("log*.pem")) if _FILE.fullmatch(path.name)]
        for path in paths or [folder / "log.pem"]:
            _read_key(path)
        return cls(folder)

    @classmethod
    def create(cls, folder: Path) -> None:
        """Write the key of the first log, unless there is one of any."""
        if not any(_FILE.fullmatch(path.name) for path in folder.glob("log*.pem")):
            write_whole(path_of(folder, 1), _pem(Ed25519PrivateKey.generate()))

    def can_sign(self) -> bool:
        """Say whether the key of the log that grows is there, as of the last half second."""
        for look in (self._watched.now, self._watched.again):  # it may have come back just now
            held = look().get(self.growing, ())
            if held and held[0].until is None:
                return True
        return False

    def held(self, generation: int) -> Sequence[LogKey]:
        """Return the keys of one log, the current one first."""
        # Another replica may have made the first of them just now.
        return self._watched.now().get(generation) or self._watched.again().get(generation, ())

    def all(self) -> list[LogKey]:
        """Return every key, by generation."""
        held = self._watched.now()
        return [key for generation in sorted(held) for key in held[generation]]

    def signers(self, generation: int, origin: str, *, at: datetime) -> Sequence[Ed25519PrivateKey]:
        """Return the keys that sign for a log at an instant, the current one first.

        Raises:
            LogKeyMissing: the folder does not hold the current one.
        """
        held = self.held(generation)
        if not held or held[0].until is not None:
            raise LogKeyMissing(
                f"The log {origin} cannot be signed: {path_of(self.folder, generation)} is missing."
            )
        return [
            found.key
            for found in held
            if (found.until is None or found.until > at) and found.origin in {None, origin}
        ]

    def obtain_unused(self, generation: int, origin: str, *, at: datetime) -> Ed25519PrivateKey:
        """Return a key that has signed nothing, for a log that begins now; it is this log's alone.

        Raises:
            LogKeyMissing: there is none, and the folder cannot be written.
        """
        path = path_of(self.folder, generation)
        # As it is on the disk now, not as of the last look: a key must not be made twice.
        given = read_keys(self.folder).get(generation, ())
        key = given[0].key if given else Ed25519PrivateKey.generate()
        ours = {public_bytes(other.key) for other in self.all() if other.path != path}
        if public_bytes(key) in ours:
            raise LogKeyMissing(f"{path} has signed another log: put a new Ed25519 key there.")
        try:
            write_whole(path, _pem(key, published=at, first_used=at, origin=origin))
        except OSError:
            if not given:
                raise LogKeyMissing(
                    f"A new log must begin, {origin}, with a key of its own, and {self.folder} "
                    f"cannot be written: put an Ed25519 key there as {path.name} "
                    "(`openssl genpkey -algorithm ed25519`) and start again."
                ) from None
        self._watched = self._watch()
        return key

    def is_used(self, generation: int) -> bool:
        """Say whether a key of this generation has begun to sign: its number is taken for good."""
        return any(found.first_used_at for found in read_keys(self.folder).get(generation, ()))


def path_of(folder: Path, generation: int, until: datetime | None = None) -> Path:
    """Return the name of a key's file."""
    number = "" if generation == 1 else f".{generation}"
    old = "" if until is None else f".old-{int(until.timestamp())}"
    return folder / f"log{number}{old}.pem"


def read_keys(folder: Path) -> Held:
    """Return what a folder holds; a file that is no key is left out, aloud."""
    held: dict[int, list[LogKey]] = {}
    for path in sorted(folder.glob("log*.pem")):
        named = _FILE.fullmatch(path.name)
        if named is None:
            continue
        try:
            content, key = read_private(path), _read_key(path)
            said = {n.decode(): v.decode() for n, v in _SAID.findall(content)}
            used = said.get("First used")
            found = LogKey(
                path=path,
                generation=int(named[1] or 1),
                key=key,
                origin=said.get("Origin"),
                first_used_at=None if used is None else datetime.fromisoformat(used),
                until=None if named[2] is None else datetime.fromtimestamp(int(named[2]), UTC),
            )
        except (OSError, ValueError, OverflowError, KeyFileRefused) as error:
            logger.error("key_unreadable", file=path.name, why=type(error).__name__)  # noqa: TRY400 - never its content
            continue
        held.setdefault(found.generation, []).append(found)
    return {generation: _in_order(keys) for generation, keys in held.items()}


def _in_order(keys: Sequence[LogKey]) -> list[LogKey]:
    """Put the current key first, then the youngest of the old; one key in two files counts once."""
    current_first = sorted(
        keys, key=lambda k: (k.until is not None, -(k.until.timestamp() if k.until else 0))
    )
    seen: set[bytes] = set()
    return [
        key
        for key in current_first
        if not ((public := public_bytes(key.key)) in seen or seen.add(public))  # type: ignore[func-returns-value]
    ]


def replace_key(folder: Path, generation: int, origin: str, *, at: datetime) -> tuple[str, str]:
    """Let a new key sign, the old one beside it for 30 days; returns both key ids, old and new.

    The caller holds the lock of the folder. Each step leaves a folder in which all keys are known.

    Raises:
        LogKeyMissing: there is no key to replace.
    """
    held = read_keys(folder).get(generation, ())
    path = path_of(folder, generation)
    if not held or held[0].until is not None:
        raise LogKeyMissing(f"There is no key to replace: {path} is missing.")
    old, new = held[0].key, Ed25519PrivateKey.generate()
    kept = path_of(folder, generation, at + BESIDE)
    if not kept.exists():
        os.link(path, kept)
    write_whole(path, _pem(new, published=at, first_used=at, origin=origin))
    return key_id(origin, old).hex(), key_id(origin, new).hex()


def forget_over(folder: Path, *, at: datetime, but: Collection[str] = ()) -> list[LogKey]:
    """Delete the keys that have stopped signing, and return them; the caller holds the lock.

    `but`: verifier keys that alone signed the last checkpoint of a log that grows; a start without
    them could not tell that it is ours.
    """
    over = [
        key
        for keys in read_keys(folder).values()
        for key in keys
        if key.until is not None and key.until <= at and not _is_of(key.key, but)
    ]
    for key in over:
        key.path.unlink()
    return over


def _is_of(key: Ed25519PrivateKey, lines: Collection[str]) -> bool:
    """Say whether one of these verifier keys is this key's, whatever it signs for."""
    encoded = base64.b64encode(b"\x01" + public_bytes(key)).decode()
    return any(line.endswith(f"+{encoded}") for line in lines)


def _pem(
    key: Ed25519PrivateKey,
    *,
    published: datetime | None = None,
    first_used: datetime | None = None,
    origin: str | None = None,
) -> bytes:
    said = {
        "Published": published and rfc3339(published),
        "First used": first_used and rfc3339(first_used),
        "Origin": origin,
    }
    head = "".join(f"{name}: {value}\n" for name, value in said.items() if value is not None)
    return head.encode() + key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(read_private(path), password=None)
    except (OSError, ValueError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileRefused(
            f"{path} is no Ed25519 private key; `python -m gateway keys create` makes one."
        )
    return key
