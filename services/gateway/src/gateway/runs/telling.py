"""What a caller is told while a run works: events in order, until they are hushed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_WAITING = 256
"""How many events wait for a slow reader before the run waits too."""
_DELTA = "delta"


@dataclass(frozen=True, slots=True)
class Told:
    """One event."""

    name: str
    data: dict[str, Any]


class Telling:
    """The ear of one caller. Once hushed, no word of a model is handed on any more."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Told | None] = asyncio.Queue(maxsize=_WAITING)
        self._hushed = False
        self._ended = False

    async def tell(self, name: str, data: dict[str, Any]) -> None:
        """Say one thing; waits while the caller reads more slowly than the run works."""
        await self._queue.put(Told(name, data))

    def hush(self) -> None:
        """Keep back what the model said, also what waits to be read: its consent fell."""
        self._hushed = True

    def end(self) -> None:
        """Say that no more comes."""
        self._ended = True
        with suppress(asyncio.QueueFull):  # whoever reads sees the end behind what waits
            self._queue.put_nowait(None)

    async def told(self) -> AsyncIterator[Told]:
        """Hand on what is said, to its end."""
        while not (self._ended and self._queue.empty()):
            event = await self._queue.get()
            if event is None:
                return
            if not (self._hushed and event.name == _DELTA):
                yield event
