"""When signing keys change, and how (consent profile, section 3, "Keys").

A key signs for 90 days; the one after it is published 24 h before its first use; an old one stays
until the last token that it signed is over, and an hour more. `rotate` does what is due and nothing
else, so that it may run every day: each threshold is a day early, since a day may pass between two
runs. `revoke` is for a key that somebody else may hold: it is gone at once, and a fresh one signs.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from gateway.keyring import KeyFile, Role, Use, key_files, write_signing
from gateway.problems import KeyInUse
from keel.passes import LIFETIME as PASS_LIFETIME
from keel.problems import NotFound
from keel.tokens import PublicKeys, SigningKey

PERIOD = timedelta(days=90)
LEAD = timedelta(hours=24)
_RUN_EVERY = timedelta(days=1)
_AFTER_THE_LAST = timedelta(hours=1)
_LONGEST = {
    Use.ACCESS: timedelta(seconds=900),
    Use.CONSENT: timedelta(seconds=600),
    Use.PASS: PASS_LIFETIME,
}
"""How long a token lives at most; a receipt is a proof without an end, so its key stays."""

PASS_JWKS = "pass-jwks.json"  # noqa: S105 - a file name


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was done to a key of one use."""

    use: Use
    step: str
    """`published`, `activated`, `deleted` or `revoked`."""
    old: str | None
    new: str | None


def rotate(folder: Path, *, at: datetime) -> list[Change]:
    """Do what is due at the instant `at`: publish, activate, delete. Safe to run again."""
    done: list[Change] = []
    with alone(folder):
        files = key_files(folder)
        for use in Use:
            held = {role: [f for f in files if f.use is use and f.role is role] for role in Role}
            if held[Role.CURRENT]:
                done += _advance(folder, held[Role.CURRENT][0], held[Role.NEXT], at)
            done += [_delete(old) for old in held[Role.OLD] if _is_over(old, at)]
    return done


def due(folder: Path, *, at: datetime) -> list[tuple[Use, str]]:
    """Return what `rotate` would do at the instant `at`, by use and step; nothing is changed."""
    files = key_files(folder)
    steps: list[tuple[Use, str]] = []
    for use in Use:
        held = {role: [f for f in files if f.use is use and f.role is role] for role in Role}
        if held[Role.CURRENT]:
            step = _step(held[Role.CURRENT][0], held[Role.NEXT], at)
            steps += [(use, step)] if step else []
        steps += [(use, "deleted") for old in held[Role.OLD] if _is_over(old, at)]
    return steps


def is_writable(folder: Path, passes: Path | None) -> bool:
    """Say whether keys can be changed here, and the public pass keys written where they are read.

    A secret that the platform mounts is neither: there its source is rotated.
    """
    read_from = passes.parent if passes is not None else folder
    return all(os.access(place, os.W_OK | os.X_OK) for place in (folder, read_from))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change the keys of a folder."""
    with (folder / "rotation.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _advance(
    folder: Path, current: KeyFile, following: Sequence[KeyFile], at: datetime
) -> list[Change]:
    if following and following[0].kid == current.kid:
        following[0].path.unlink()  # a run that ended between its last two steps
        following = ()
    step = _step(current, following, at)
    if step == _PUBLISHED:
        key = SigningKey.generate()
        write_signing(folder / f"{current.use}.next.pem", key, at, first_used_at=None)
        return [Change(current.use, _PUBLISHED, current.kid, key.kid)]
    return [_activate(current, following[0], at)] if step == _ACTIVATED else []


_PUBLISHED, _ACTIVATED = "published", "activated"


def _step(current: KeyFile, following: Sequence[KeyFile], at: datetime) -> str | None:
    """Say what the key that signs and the one after it ask for at the instant `at`."""
    age = at - (current.first_used_at or current.published_at)
    if not following:
        return None if age < PERIOD - LEAD - _RUN_EVERY else _PUBLISHED
    early = age < PERIOD - _RUN_EVERY or at - following[0].published_at < LEAD
    return None if early else _ACTIVATED


def _activate(current: KeyFile, following: KeyFile, at: datetime) -> Change:
    # Each step leaves a folder in which both keys are known, and running again ends the work.
    over = at + _LONGEST.get(current.use, timedelta()) + _AFTER_THE_LAST
    kept = current.path.with_name(f"{current.use}.old-{int(over.timestamp())}.pem")
    if not kept.exists():
        os.link(current.path, kept)
    write_signing(current.path, following.key, following.published_at, first_used_at=at)
    following.path.unlink()
    return Change(current.use, _ACTIVATED, current.kid, following.kid)


def _is_over(old: KeyFile, at: datetime) -> bool:
    return old.until is not None and old.until <= at


def _delete(old: KeyFile) -> Change:
    old.path.unlink()
    return Change(old.use, "deleted", old.kid, None)


def retire(folder: Path, kid: str) -> Change:
    """Take away a key that does not sign: an old one before its time, or one never used.

    Raises:
        NotFound: there is no such key.
        KeyInUse: it signs; it is rotated or revoked.
    """
    with alone(folder):
        files = _called(folder, kid)
        if any(file.role is Role.CURRENT for file in files):
            raise KeyInUse(
                "This key signs. `keys rotate` replaces it in time, `keys revoke` at once."
            )
        for file in files:
            file.path.unlink()
    return Change(files[0].use, "deleted", kid, None)


def revoke(folder: Path, kid: str, *, at: datetime) -> Change:
    """Take a key away at once, whatever it signed; where it was the one that signs, sign afresh.

    Raises:
        NotFound: there is no such key.
    """
    fresh: SigningKey | None = None
    with alone(folder):
        files = _called(folder, kid)
        for file in files:
            if file.role is Role.CURRENT:
                fresh = SigningKey.generate()
                write_signing(file.path, fresh, at, first_used_at=at)
            else:
                file.path.unlink()
    return Change(files[0].use, "revoked", kid, None if fresh is None else fresh.kid)


def _called(folder: Path, kid: str) -> list[KeyFile]:
    files = [file for file in key_files(folder) if file.kid == kid]
    if not files:
        raise NotFound(f"No signing key is called {kid}; `keys list` shows those that there are.")
    return files


def publish_passes(folder: Path, path: Path | None) -> None:
    """Write the public pass keys where the inside services read them, whole or not at all."""
    path = path or folder / PASS_JWKS
    keys = {f.kid: f.key.public for f in key_files(folder) if f.use is Use.PASS}
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    beside.write_text(json.dumps(PublicKeys(keys).to_jwks()))
    beside.replace(path)
