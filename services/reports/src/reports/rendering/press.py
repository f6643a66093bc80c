"""The press: one warm child process that renders, off the event loop.

Typst and python-docx keep memory that they once took, so the child is replaced after some jobs
and let go when nobody needs it; a job that takes too long is ended with its process.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from reports.problems import RenderingFailed
from reports.register.document import Register
from reports.rendering.formats import FORMATS, Format
from reports.synthesis.document import Report

log = structlog.get_logger()

_LINE_LIMIT = 64 * 1024


@dataclass(slots=True)
class Press:
    """Renders reports one after the other; start it inside a running event loop."""

    time_limit: timedelta = timedelta(seconds=30)
    idle_limit: timedelta = timedelta(seconds=60)
    jobs_per_process: int = 50
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _child: asyncio.subprocess.Process | None = None
    _jobs: int = 0
    _rest: asyncio.TimerHandle | None = None

    async def render(self, report: Report, formats: Sequence[Format]) -> dict[Format, bytes]:
        """Return `report` in each of `formats`.

        Raises:
            RenderingFailed: it took too long, or the renderer gave up; nothing is left behind.
        """
        wanted = [known for known in FORMATS if known in formats]
        job = {"formats": wanted, "report": report.model_dump(mode="json")}
        return dict(zip(wanted, await self._do(job), strict=True))

    async def render_register(self, register: Register) -> bytes:
        """Return a register of uses of AI as PDF (raises `RenderingFailed`)."""
        (pages,) = await self._do({"register": register.model_dump(mode="json")})
        return pages

    async def _do(self, job: Mapping[str, object]) -> list[bytes]:
        async with self._lock:
            self._stay_awake()
            try:
                async with asyncio.timeout(self.time_limit.total_seconds()):
                    return await self._work(json.dumps(job).encode() + b"\n")
            except BaseException as failure:
                # Also when the caller left: half an answer in the pipe would go to the next one.
                await self._stop()
                if isinstance(failure, OSError | EOFError | ValueError | TimeoutError):
                    raise RenderingFailed("Try again; if it fails again, report the id.") from None
                raise
            finally:
                self._sleep_later()

    async def forget(self) -> None:
        """Let go of whatever the child may still hold of a document: the next one is a new one."""
        await self.close()

    async def close(self) -> None:
        """End the child process, once it has done what it is doing."""
        async with self._lock:
            self._stay_awake()
            await self._stop()

    async def _work(self, line: bytes) -> list[bytes]:
        child = await self._ready()
        if child.stdin is None or child.stdout is None:
            raise EOFError
        child.stdin.write(line)
        await child.stdin.drain()
        head = json.loads(await child.stdout.readline())
        if "lengths" not in head:
            log.error("rendering_failed", reason=head.get("failed"), place=head.get("place"))
            raise RenderingFailed(
                "This document cannot be rendered; report its id and this reason.",
                members={"reason": head.get("failed", ""), "place": head.get("place", "")},
            )
        self._jobs += 1
        return [await child.stdout.readexactly(length) for length in head["lengths"]]

    async def _ready(self) -> asyncio.subprocess.Process:
        if self._child is not None and self._jobs >= self.jobs_per_process:
            await self._stop()
        if self._child is None or self._child.returncode is not None:
            self._jobs = 0
            self._child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "reports.rendering.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                # Nothing of our environment: the renderer needs no address and no secret.
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
                limit=_LINE_LIMIT,
            )
        return self._child

    async def _stop(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()

    def _stay_awake(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _sleep_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._rest = loop.call_later(self.idle_limit.total_seconds(), self._let_go)

    def _let_go(self) -> None:
        # The child ends with its standard input; nobody waits for it here.
        self._rest = None
        child = self._child
        if child is not None and child.stdin is not None and not self._lock.locked():
            child.stdin.close()
            self._child = None
