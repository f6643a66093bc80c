"""Programs that the demo starts, and always ends: the platform, and the scripted model."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.stops import Stop

PLATFORM_LOG = "platform.log"
_START_S = 180.0
_STOP_S = 15.0
_TOLD_LINES = 12
_CHUNK = 65_536


class NotStarted(Stop):
    """A program did not start; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running program: what it announced on its first line, and how long that took."""

    pid: int
    announced: Mapping[str, Any]
    milliseconds: int

    @property
    def url(self) -> str:
        """Return the address that it serves."""
        return str(self.announced["url"])


@contextmanager
def platform(
    data: Path, *, port: int, logs: Path, deployments: Path, wire_copy: Path
) -> Iterator[Started]:
    """Run the whole platform while the context lasts.

    Raises:
        NotStarted: the port is taken, the folder cannot be written, or it stopped early.
    """
    command = ["standalone", "serve", "--port", str(port), "--data", str(data)]
    models = ["--deployments", str(deployments), "--wire-copy", str(wire_copy)]
    with _running([*command, *models], "the platform", logs / PLATFORM_LOG) as started:
        yield started


@contextmanager
def scripted_model(*, logs: Path) -> Iterator[Started]:
    """Run the scripted model on a free loopback port while the context lasts.

    Raises:
        NotStarted: it stopped early.
    """
    command = ["demo.scripted_model", "--port", "0"]
    log = logs / "scripted-model.log"
    with _running(command, "the scripted model", log) as started:
        yield started


@contextmanager
def _running(command: Sequence[str], name: str, log: Path) -> Iterator[Started]:
    began = time.perf_counter()
    with log.open("wb") as errors:
        # A session of its own: Ctrl-C reaches the demo alone, which then ends what it started.
        process = subprocess.Popen(  # noqa: S603 - our own modules, no shell
            [sys.executable, *_as_module(command)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    try:
        announced = _announcement(process, name, log)
        yield Started(process.pid, announced, round((time.perf_counter() - began) * 1000))
    finally:
        _end(process)


def _as_module(command: Sequence[str]) -> list[str]:
    return ["-m", *command]


def _announcement(process: subprocess.Popen[bytes], name: str, log: Path) -> Mapping[str, Any]:
    """Read standard output up to the line of JSON that says where the program serves."""
    if process.stdout is None:
        raise NotStarted(f"{name} has no standard output.")
    held, until = b"", time.monotonic() + _START_S
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while time.monotonic() < until:
            if not waiting.select(timeout=0.5):
                continue
            piece = os.read(process.stdout.fileno(), _CHUNK)
            held += piece
            for line in held.split(b"\n")[:-1]:
                if announced := _announced(line):
                    return announced
            if not piece:
                code = process.wait(_STOP_S)
                raise NotStarted(f"{_said(name, code)}\n{_last_words(log)}")
    raise NotStarted(f"{name} did not start within {_START_S:.0f} s.\n{_last_words(log)}")


def _announced(line: bytes) -> Mapping[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "url" in found else None


def _said(name: str, code: int) -> str:
    return f"{name[0].upper()}{name[1:]} stopped while it started (exit status {code}). It said:"


def _last_words(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return "\n".join(f"  {line}" for line in lines[-_TOLD_LINES:]) or "  (nothing)"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask politely, then insist; workers of the program go with it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)
    # What the program itself started and did not end is in its session's process group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
