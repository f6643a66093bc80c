"""Saying, while work lasts, that somebody is at it, so that nobody takes it for left behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

BEAT = timedelta(seconds=15)
SILENCE = timedelta(minutes=2)
"""After so long without a beat nobody is at it: eight beats, so that a database that was away for
a moment, or a clock that is some seconds off, does not make anybody dead."""

logger = structlog.get_logger()


@asynccontextmanager
async def beating(
    beat: Callable[[], Awaitable[None]], every: timedelta | None = None
) -> AsyncIterator[None]:
    """Call `beat` again and again while the context lasts; a failed one is made up for."""
    task = asyncio.create_task(_beat(beat, every or BEAT))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(task, return_exceptions=True)


async def _beat(beat: Callable[[], Awaitable[None]], every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            await beat()
        except Exception as error:  # noqa: BLE001 - the next one may come through
            logger.warning("heartbeat_failed", error=type(error).__name__)
