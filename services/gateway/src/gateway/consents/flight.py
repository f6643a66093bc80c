"""Calls in flight, by the consent that they rest on, so that a withdrawal can stop them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class InFlight:
    """The running model calls of this process."""

    def __init__(self) -> None:
        self._tasks: dict[str, set[asyncio.Task[object]]] = defaultdict(set)

    @contextmanager
    def on(self, consent: str) -> Iterator[None]:
        """Let the present task be cancelled while it works on `consent`."""
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - only outside an event loop
            yield
            return
        self._tasks[consent].add(task)
        try:
            yield
        finally:
            self._tasks[consent].discard(task)
            if not self._tasks[consent]:
                del self._tasks[consent]

    def cancel(self, consent: str) -> None:
        """Cancel what runs on `consent`."""
        for task in tuple(self._tasks.get(consent, ())):
            task.cancel("consent withdrawn")
