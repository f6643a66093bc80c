"""Restoration inside a stream: deltas go to the anonymizer and come back while both are open."""

import asyncio
import json
from collections.abc import AsyncIterator

from gateway.lines import lines
from gateway.problems import RestorationFailed
from gateway.runs.telling import Telling
from gateway.services import ANONYMIZER, About, Services
from keel.problems import Problem


class StreamedRestoration:
    """One duplex call: feed surrogate text, the restored text is told as it comes back."""

    def __init__(
        self, services: Services, about: About, telling: Telling, *, deadline_seconds: float
    ) -> None:
        self._services = services
        self._deadline_seconds = deadline_seconds
        self._about = about
        self._telling = telling
        self._deltas: asyncio.Queue[str | None] = asyncio.Queue(maxsize=64)
        self._task = asyncio.create_task(self._run())

    async def feed(self, text: str) -> None:
        """Send one delta; waits when the anonymizer is slower than the model.

        Raises:
            RestorationFailed: the anonymizer gave up; nobody waits for it.
        """
        await self._put(text)

    async def finish(self) -> None:
        """Say that no more comes, and wait for the last restored text (raises as `feed`)."""
        await self._put(None)
        await self._joined()

    async def _put(self, delta: str | None) -> None:
        put = asyncio.ensure_future(self._deltas.put(delta))
        try:
            await asyncio.wait({put, self._task}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            put.cancel()
        if self._task.done():
            await self._joined()

    async def _joined(self) -> None:
        try:
            await self._task
        except Problem as failure:
            raise RestorationFailed("Nothing was delivered. Try again.") from failure

    async def abandon(self) -> None:
        """Let the call go; what is held back is never told."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _lines(self) -> AsyncIterator[bytes]:
        while (delta := await self._deltas.get()) is not None:
            yield json.dumps({"delta": delta}).encode() + b"\n"

    async def _run(self) -> None:
        headers = await self._services.headers(ANONYMIZER, "restore_stream", self._about)
        headers["Content-Type"] = "application/x-ndjson"
        async with self._services.stream(
            ANONYMIZER,
            "POST",
            "/restorations/stream?context=json",
            headers,
            content=self._lines(),
            timeout=self._deadline_seconds,
        ) as response:
            async for line in lines(response):
                delta = json.loads(line).get("delta")
                if delta:
                    await self._telling.tell("delta", {"text": delta})
