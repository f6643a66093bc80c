"""Restoration inside a stream: deltas go to the anonymizer and come back while both are open."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from gateway.services import ANONYMIZER, About, Services

Emit = Callable[[str, dict[str, Any]], Awaitable[None]]


class StreamedRestoration:
    """One duplex call: feed surrogate text, the restored text is emitted as it comes back."""

    def __init__(self, services: Services, about: About, emit: Emit) -> None:
        self._services = services
        self._about = about
        self._emit = emit
        self._deltas: asyncio.Queue[str | None] = asyncio.Queue(maxsize=64)
        self._task = asyncio.create_task(self._run())

    async def feed(self, text: str) -> None:
        """Send one delta; waits when the anonymizer is slower than the model."""
        if self._task.done():
            await self._task
        await self._deltas.put(text)

    async def finish(self) -> None:
        """Say that no more comes, and wait for the last restored text."""
        await self._deltas.put(None)
        await self._task

    async def abandon(self) -> None:
        """Let the call go; what is held back is never emitted."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _lines(self) -> AsyncIterator[bytes]:
        while (delta := await self._deltas.get()) is not None:
            yield json.dumps({"delta": delta}).encode() + b"\n"

    async def _run(self) -> None:
        headers = self._services.headers(ANONYMIZER, "restore_stream", self._about)
        headers["Content-Type"] = "application/x-ndjson"
        async with self._services.stream(
            ANONYMIZER,
            "POST",
            "/restorations/stream?context=json",
            headers,
            content=self._lines(),
        ) as response:
            async for line in response.aiter_lines():
                if not line.strip():
                    continue
                delta = json.loads(line).get("delta")
                if delta:
                    await self._emit("delta", {"text": delta})
