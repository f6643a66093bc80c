"""Copies of the checkpoint outside the database: what says that a database was restored.

A database that was put back to an earlier state cannot know it by itself. The newest note is kept
beside it, in a folder (`checkpoint`, and every note in a file a day) and, where an address is
given, in an object store; a start compares. Only what was committed is copied.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import structlog

from gateway.background import Well
from gateway.log.rules import Checkpoint, NotACheckpoint, generation_of
from gateway.private_files import settle_folder
from keel.clock import rfc3339, utc_now
from keel.files import write_whole
from keel.start import StartRefused

logger = structlog.get_logger()

LATEST = "checkpoint"
_LOCK = ".lock"
_PATIENCE = httpx.Timeout(10)
_MAX_NOTE = 64 * 1024
_NOT_THERE = frozenset({404, 410})
_WEAK = "W/"


class CopyRefused(StartRefused):
    """A copy of the checkpoint cannot be read for what it is; the message says which."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What a copy says was the last of the log."""

    generation: int
    checkpoint: Checkpoint
    where: str
    """For the operator: the file, or the object store."""

    @property
    def age(self) -> tuple[int, int]:
        """What orders copies: the generation first, then the size."""
        return self.generation, self.checkpoint.size


def read_note(note: str, base: str, where: str) -> Kept:
    """Return what a copy says, of an installation whose first origin is `base`.

    Raises:
        CopyRefused: it is no checkpoint, or one of another log.
    """
    try:
        checkpoint = Checkpoint.read(note)
    except NotACheckpoint:
        raise CopyRefused(
            f"{where} holds no checkpoint: find out what wrote there, move it away and start again."
        ) from None
    generation = generation_of(base, checkpoint.origin)
    if generation is None:
        raise CopyRefused(
            f"{where} holds a checkpoint of {checkpoint.origin}, which is not this log ({base}): "
            "give each installation a place of its own."
        )
    return Kept(generation, checkpoint, where)


@dataclass(frozen=True, slots=True)
class CopyFolder:
    """The copies in a folder, which stands on another disk than the database where it can."""

    path: Path
    now: Callable[[], datetime] = utc_now

    def open(self) -> None:
        """Make the folder.

        Raises:
            CopyRefused: it cannot be written.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise self._unwritable(error) from None
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise self._unwritable(PermissionError(13, "Permission denied"))

    def _unwritable(self, error: OSError) -> CopyRefused:
        return CopyRefused(
            f"The folder of checkpoint copies {self.path} cannot be written ({error.strerror}): "
            "make it writable, or unset GATEWAY_CHECKPOINT_COPIES."
        )

    def latest(self) -> str | None:
        """Return the newest note that was copied; None when there is none.

        Raises:
            CopyRefused: it is there and cannot be read.
        """
        try:
            return (self.path / LATEST).read_text("utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            raise CopyRefused(f"{self.path / LATEST} cannot be read.") from None

    def put(self, note: str, base: str) -> None:
        """Keep a note: in the file of its day, and as the newest one unless a newer one stands.

        Two processes that sequence in turn may come here in the other order than they committed.

        Raises:
            OSError: the folder cannot be written.
            CopyRefused: what stands there as the newest is no checkpoint of this log.
        """
        with self._alone():
            self._append(note)
            held = self.latest()
            newer = held is not None and _is_older(note, held, base, str(self.path / LATEST))
            if not newer:
                write_whole(self.path / LATEST, note.encode())

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the folder against every other process on this file system."""
        descriptor = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _append(self, note: str) -> None:
        at = self.now()
        days = self.path / f"checkpoints-{at:%Y-%m-%d}.jsonl"
        is_new = not days.exists()
        line = json.dumps({"at": rfc3339(at), "note": note}, ensure_ascii=False) + "\n"
        descriptor = os.open(days, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, line.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            settle_folder(self.path)


def _is_older(note: str, held: str, base: str, where: str) -> bool:
    """Say whether a note is of an earlier log, or of a smaller tree, than the one that is held."""
    return read_note(note, base, "This process").age < read_note(held, base, where).age


_STORE = "The object store of checkpoints"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The copy behind one address: the newest note is put there, whoever keeps the older ones."""

    url: str
    token_file: Path | None
    transport: httpx.AsyncBaseTransport | None = None

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=_PATIENCE, transport=self.transport, trust_env=False)

    def _headers(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        return {"Authorization": f"Bearer {self.token_file.read_text('ascii').strip()}"}

    async def put(self, note: str, base: str) -> None:
        """Put a note, unless the store has a newer one; it may be one that is only written to.

        Between the look and the writing another process may come: a store that gives entity tags
        refuses then (412), and the next attempt looks again. One that gives none cannot tell.

        Raises:
            httpx.HTTPError, OSError: it does not answer, or does not take it.
            CopyRefused: it holds something else than a checkpoint of this log.
        """
        headers = {**self._headers(), "Content-Type": "text/plain; charset=utf-8"}
        async with self._client() as client:
            held = await client.get(self.url, headers=self._headers())
            if held.is_success:
                if _is_older(note, held.text[:_MAX_NOTE], base, _STORE):
                    return
                tag = held.headers.get("ETag", _WEAK)
                if not tag.startswith(_WEAK):
                    headers["If-Match"] = tag
            answer = await client.put(self.url, content=note.encode(), headers=headers)
        answer.raise_for_status()

    async def latest(self) -> str | None:
        """Return the note that is there; None when there is none (httpx.HTTPError, OSError)."""
        async with self._client() as client:
            answer = await client.get(self.url, headers=self._headers())
        if answer.status_code in _NOT_THERE:
            return None
        return answer.raise_for_status().text[:_MAX_NOTE]


@dataclass(slots=True)
class Copies:
    """Every place that a checkpoint is copied to, and what has been."""

    base: str
    folder: CopyFolder | None = None
    remote: ObjectStore | None = None
    remembered: Callable[[], Awaitable[Sequence[Kept]]] | None = None
    """Asks others, the witnesses, for the newest checkpoint of ours that they know."""
    newest: str | None = None
    """The last note that this process committed."""
    behind: set[str] = field(default_factory=set)
    """The places that do not hold it: `folder`, `object_store`."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Make the folder (CopyRefused)."""
        if self.folder is not None:
            self.folder.open()

    async def known(self) -> Kept | None:
        """Return the most advanced checkpoint that a copy or a witness knows.

        Raises:
            CopyRefused: a copy cannot be read for what it is.
        """
        kept = [await self.found(), *(await self.remembered() if self.remembered else ())]
        return max((one for one in kept if one is not None), key=lambda one: one.age, default=None)

    async def found(self) -> Kept | None:
        """Return the most advanced copy; a store that does not answer is left out, aloud.

        Raises:
            CopyRefused: a copy cannot be read for what it is.
        """
        kept: list[Kept] = []
        if self.folder is not None:
            note = await asyncio.to_thread(self.folder.latest)
            if note is not None:
                kept.append(read_note(note, self.base, str(self.folder.path / LATEST)))
        if self.remote is not None:
            try:
                note = await self.remote.latest()
            except (httpx.HTTPError, OSError, UnicodeDecodeError) as error:
                logger.warning("checkpoint_copy_unreachable", error=type(error).__name__)
                note = None
            if note is not None:
                kept.append(read_note(note, self.base, _STORE))
        return max(kept, key=lambda one: one.age, default=None)

    async def put(self, note: str) -> None:
        """Keep a note that was committed. What fails is told, and stops nothing."""
        if self.newest is None or not _is_older(note, self.newest, self.base, "This process"):
            self.newest = note
        if self.folder is not None:
            try:
                await asyncio.to_thread(self.folder.put, note, self.base)
                self.behind.discard("folder")
            except (OSError, CopyRefused) as error:
                self.behind.add("folder")
                logger.error("checkpoint_not_copied", to="folder", error=type(error).__name__)  # noqa: TRY400 - no path, no content
        if self.remote is not None:
            self.behind.add("object_store")
            self._changed.set()

    async def send(self, stop: asyncio.Event, well: Well) -> None:
        """Put each newest note into the object store until asked to stop (a part of the work)."""
        asked = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                changed = asyncio.create_task(self._changed.wait())
                await asyncio.wait({asked, changed}, return_when=asyncio.FIRST_COMPLETED)
                changed.cancel()
                if self._changed.is_set():
                    await self._send_newest()
                    well()
        finally:
            asked.cancel()

    async def _send_newest(self) -> None:
        """Send; what fails is raised, and the note waits for the next attempt."""
        note = self.newest
        if self.remote is None or note is None:
            self._changed.clear()
            return
        await self.remote.put(note, self.base)
        if self.newest == note:  # else a newer one has come meanwhile
            self._changed.clear()
            self.behind.discard("object_store")
