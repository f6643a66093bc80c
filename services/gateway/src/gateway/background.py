"""What runs beside the answers, and how it is noticed when it does not.

Each part runs until it is asked to stop. One that fails is logged by the class of its failure and
begun again after a pause, which grows while it goes on failing; one that has been down for longer
than an operator should not know of makes the process not ready.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

logger = structlog.get_logger()

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_STEADY_SECONDS = 5.0
"""What has run for so long without failing is well again."""
_LAST_STEP_SECONDS = 15
"""How long a stop waits for the batch, the attempt or the chore that is under way."""

Well = Callable[[], None]
"""Called by a part that has just seen itself do its work."""


class EndedUnasked(Exception):  # noqa: N818 - a state, never a refusal
    """A part returned although nobody had asked it to stop."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that is done as long as the process lives."""

    name: str
    work: Callable[[asyncio.Event, Well], Awaitable[None]]
    """Works until the event is set."""

    @classmethod
    def lasting(cls, name: str, work: Callable[[asyncio.Event], Awaitable[None]]) -> "Part":
        """Return a part that goes on by itself: it is well once it has run for some seconds."""

        async def last(stop: asyncio.Event, well: Well) -> None:
            steady = asyncio.get_running_loop().call_later(_STEADY_SECONDS, well)
            try:
                await work(stop)
            finally:
                steady.cancel()

        return cls(name, last)

    @classmethod
    def every(
        cls,
        interval: timedelta,
        name: str,
        step: Callable[[], Awaitable[object]],
        *,
        at_once: bool = False,
    ) -> "Part":
        """Return a part that does `step` again and again.

        A step that says that there is more, or that failed, does not wait for its turn.
        """
        due = at_once

        async def repeat(stop: asyncio.Event, well: Well) -> None:
            nonlocal due
            while not stop.is_set():
                if not due and await asked(stop, within=interval):
                    return
                due = True
                due = bool(await step())
                well()

        return cls(name, repeat)


@dataclass(slots=True)
class Background:
    """The parts of one process."""

    patience: timedelta = timedelta(seconds=10)
    """For how long a part may be down while the process still calls itself ready."""
    _down_since: dict[str, float] = field(default_factory=dict)
    _names: list[str] = field(default_factory=list)

    async def is_up(self) -> bool:
        """Say whether no part has been down for longer than `patience` (the readiness check)."""
        before = time.monotonic() - self.patience.total_seconds()
        return all(since > before for since in self._down_since.values())

    def down_for(self) -> dict[str, float]:
        """Return for how many seconds each part has been failing; 0 for one that works."""
        now = time.monotonic()
        return {
            name: now - self._down_since[name] if name in self._down_since else 0.0
            for name in self._names
        }

    @asynccontextmanager
    async def beside(self, *parts: Part) -> AsyncIterator[None]:
        """Let the parts run while the context lasts."""
        stop = asyncio.Event()
        self._names += [part.name for part in parts]
        tasks = [asyncio.create_task(self._keep(part, stop), name=part.name) for part in parts]
        try:
            yield
        finally:
            # Asked, not cancelled: what is under way comes to its end first.
            stop.set()
            _, late = await asyncio.wait(tasks, timeout=_LAST_STEP_SECONDS)
            for task in late:
                logger.warning("work_does_not_stop", kind=task.get_name())
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, part: Part, stop: asyncio.Event) -> None:
        pause = _FIRST_PAUSE_SECONDS

        def well() -> None:
            nonlocal pause
            pause = _FIRST_PAUSE_SECONDS
            if self._down_since.pop(part.name, None) is not None:
                logger.info("work_goes_on", kind=part.name)

        while True:
            error = await _failure_of(part.work(stop, well))
            if stop.is_set() and isinstance(error, EndedUnasked):
                return  # not unasked at all
            self._down_since.setdefault(part.name, time.monotonic())
            logger.error("work_failed", kind=part.name, error=type(error).__name__)
            if await asked(stop, within=timedelta(seconds=pause)):
                return
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)


async def _failure_of(work: Awaitable[None]) -> BaseException:
    """Return by what `work` ended; a cancellation that is ours goes on its way."""
    try:
        await work
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        return error  # of something inside: the part is as dead as by any other failure
    except Exception as error:  # noqa: BLE001 - whatever it was, the part is begun again
        return error
    return EndedUnasked()


async def asked(stop: asyncio.Event, *, within: timedelta) -> bool:
    """Wait; say whether the stop came meanwhile."""
    try:
        await asyncio.wait_for(stop.wait(), within.total_seconds())
    except TimeoutError:
        return False
    return True
