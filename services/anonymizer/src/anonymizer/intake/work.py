"""The reading process: it meets hostile files so that the service does not have to.

It listens to its parent on a socket, or to the pods' other container on a Unix socket. Each file
is read in a fork with limits on memory, processor time, written files and wall time; a crash or a
bomb ends the fork and nothing else. It has no database and no key, and it leaves the network
behind where the kernel lets it. It ends when its parent does.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from anonymizer.intake import framing, reader
from anonymizer.intake.rules import ReadingLimits, RefusedFile

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What reading one file may take from the machine."""

    memory_bytes: int = 1024 * _MEGABYTE
    cpu_seconds: int = 60
    wall_seconds: float = 45.0
    written_bytes: int = 64 * _MEGABYTE
    open_files: int = 64


def serve_parent(descriptor: int, limits: ProcessLimits | None = None) -> None:
    """Answer the parent on an inherited socket until it closes it."""
    _prepare()
    _die_with_parent()
    with socket.socket(fileno=descriptor) as connection:
        connection.setblocking(True)  # noqa: FBT003 - the socket's own signature
        _converse(connection, limits or ProcessLimits())


def serve_socket(path: Path, limits: ProcessLimits | None = None) -> None:
    """Answer whoever may open the Unix socket at `path`, one conversation at a time."""
    _prepare()
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        old = os.umask(0o177)
        listener.bind(str(path))
        os.umask(old)
        listener.listen(8)
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                _converse(connection, limits or ProcessLimits())


def _prepare() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    libc = ctypes.CDLL(None, use_errno=True)
    # Best effort: without the right to do it, the network policy of the pod has to stand alone.
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def _die_with_parent() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit(0)


def _converse(connection: socket.socket, limits: ProcessLimits) -> None:
    while _served(connection, limits):
        pass


def _served(connection: socket.socket, limits: ProcessLimits) -> bool:
    # A function of its own, so that nothing holds the file while the next one is waited for.
    content = framing.receive(connection)
    if content is not None:
        framing.send(connection, _answer(connection, content, limits))
    return content is not None


def _answer(connection: socket.socket, content: bytes, limits: ProcessLimits) -> bytes:
    """Read one file in a fork and return its answer, or the refusal of what killed it."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(out)
        _read_and_exit(connection, content, into, limits)
    os.close(into)
    try:
        answer = _collect(connection, out, limits.wall_seconds)
    finally:
        os.close(out)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return answer or _refusal(
        "unreadable_document", "The file takes too much to read. Export it again, as PDF."
    )


def _collect(connection: socket.socket, out: int, seconds: float) -> bytes:
    """Return what the fork writes until it closes; empty when it is late or the caller left."""
    deadline = time.monotonic() + seconds
    pieces: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([out, connection.fileno()], [], [], left)
        if connection.fileno() in ready and not connection.recv(1, socket.MSG_PEEK):
            return b""
        if out in ready:
            piece = os.read(out, 1 << 16)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
    return b""


def _read_and_exit(
    connection: socket.socket, content: bytes, into: int, limits: ProcessLimits
) -> NoReturn:
    status = 1
    try:
        os.setpgid(0, 0)
        _die_with_parent()
        connection.close()
        _limit(limits)
        with os.fdopen(into, "wb") as pipe:
            pipe.write(read_to_json(content))
        status = 0
    finally:
        # No clean-up of the parent's state, whatever happened.
        os._exit(status)


def _limit(limits: ProcessLimits) -> None:
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.written_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (ceiling, ceiling))


def read_to_json(content: bytes) -> bytes:
    """Read a file and return `{"reading": …}` or `{"refused": …}` as JSON."""
    try:
        reading = reader.read(content, ReadingLimits())
    except RefusedFile as refused:
        return _refusal(refused.code, refused.detail)
    except MemoryError:
        return _refusal("too_large", "The file takes too much memory. Send a shorter document.")
    except Exception:  # noqa: BLE001 - a parser's surprise is the file's fault, and says nothing
        return _refusal(
            "unreadable_document", "The file is damaged. Export the document again, as PDF."
        )
    return json.dumps({"reading": reading.as_json()}).encode()


def _refusal(code: str, detail: str) -> bytes:
    return json.dumps({"refused": {"code": code, "detail": detail}}).encode()
