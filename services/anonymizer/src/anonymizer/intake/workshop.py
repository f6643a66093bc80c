"""The service's side of reading: a warm child process, restarted when it dies."""

import asyncio
import contextlib
import json
import os
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

from anonymizer.intake import framing
from anonymizer.intake.rules import Reading, RefusedFile

_GONE = (OSError, asyncio.IncompleteReadError, TimeoutError, ValueError)


@dataclass(slots=True)
class _Line:
    """An open conversation with a reading process."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    process: asyncio.subprocess.Process | None

    async def ask(self, content: bytes) -> bytes:
        self.writer.write(framing.frame(content))
        await self.writer.drain()
        head = await self.reader.readexactly(framing.HEAD_BYTES)
        return await self.reader.readexactly(framing.length_of(head))

    async def close(self) -> None:
        self.writer.close()
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()


@dataclass(slots=True)
class Workshop:
    """Reads files elsewhere: in a child process, or in a sidecar when a socket path is given."""

    socket_path: Path | None = None
    patience_seconds: float = 60.0
    _line: _Line | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(self) -> None:
        """Warm the reading process up."""
        async with self._turn:
            await self._open()

    async def close(self) -> None:
        """End the reading process."""
        async with self._turn:
            await self._drop()

    async def read(self, content: bytes) -> Reading:
        """Read a file.

        Raises:
            RefusedFile: with the code and detail of the problem to answer.
        """
        async with self._turn:
            answer = await self._ask(content)
        found = json.loads(answer)
        if "refused" in found:
            raise RefusedFile(found["refused"]["code"], found["refused"]["detail"])
        return Reading.from_json(found["reading"])

    async def _ask(self, content: bytes) -> bytes:
        # Twice: the process may have died since the last file, which is not this file's fault.
        for _ in range(2):
            try:
                line = await self._open()
                async with asyncio.timeout(self.patience_seconds):
                    return await line.ask(content)
            except TimeoutError:
                await self._drop()
                break
            except _GONE:
                await self._drop()
            except asyncio.CancelledError:
                # The answer would be taken for that of the next file.
                await self._drop()
                raise
        raise RefusedFile(
            "unreadable_document", "The file could not be read in time. Export it again, as PDF."
        )

    async def _open(self) -> _Line:
        line = self._line
        if line is None or (line.process is not None and line.process.returncode is not None):
            self._line = line = await self._connect()
        return line

    async def _connect(self) -> _Line:
        if self.socket_path is not None:
            return _Line(*await asyncio.open_unix_connection(str(self.socket_path)), None)
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "anonymizer",
                "work",
                "--descriptor",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                env=_environment(),
                stdin=asyncio.subprocess.DEVNULL,
            )
        ours.setblocking(False)  # noqa: FBT003 - the socket's own signature
        return _Line(*await asyncio.open_connection(sock=ours), process)

    async def _drop(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()


def _environment() -> dict[str, str]:
    """Return what the reader needs to start: no setting, no key, no address."""
    kept = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TESSDATA_PREFIX", "VIRTUAL_ENV", "TMPDIR")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)
    }
