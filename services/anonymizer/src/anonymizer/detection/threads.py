"""One thread that does one thing after another, within a bound, and can be left behind.

Python cannot end a thread. Work that takes too long is given up: its thread is left to itself (a
daemon, so that it holds up no exit) and another takes over. So many may be left at work at once;
while they are, nothing new is begun, rather than that one hostile text after the other takes the
processor. What this cannot bound is one call of C that keeps the interpreter to itself, such as a
single match of `re`: everything waits for it, the bound too. The patterns that read whole texts are
held to their length by tests.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")


class TooLong(Exception):  # noqa: N818 - says what it took
    """The work was given up; its thread may go on for a while, and nobody hears of it."""


class TooManyLeft(Exception):  # noqa: N818 - says what there is
    """So many threads were left at work that nothing new is begun."""


class _Daemon:
    """A thread with its queue."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._jobs.put((future, work))
        return future

    def end(self) -> None:
        """Let it end once what is queued is done."""
        self._jobs.put(None)

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _do(*job)
            del job  # it holds a text


def _do(future: Future[Any], work: Callable[[], Any]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
        future.set_exception(error)
    else:
        future.set_result(result)


@dataclass(slots=True)
class BoundedThread:
    """Does one thing at a time, each in at most `seconds` from its beginning."""

    name: str
    seconds: float
    most_left: int = 3
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _left: list[Future[Any]] = field(default_factory=list)
    _running: set["asyncio.Task[Any]"] = field(default_factory=set)
    _thread: _Daemon = field(init=False)

    def __post_init__(self) -> None:
        self._thread = _Daemon(self.name)

    @property
    def is_overrun(self) -> bool:
        """Say whether too many threads are still at what was given up."""
        self._left = [work for work in self._left if not work.done()]
        return len(self._left) >= self.most_left

    def unbounded(self, work: Callable[..., T], *arguments: object) -> "asyncio.Future[T]":
        """Do something first that may take its time, as loading a model does."""
        return asyncio.wrap_future(self._thread.submit(partial(work, *arguments)))

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Do one thing when its turn comes; a caller who leaves takes no turn from others.

        Raises:
            TooLong: it took more than `seconds`.
            TooManyLeft: earlier work that was given up still runs.
        """
        task = asyncio.create_task(self._in_turn(partial(work, *arguments)))
        self._running.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen, so that no loop prints what a text may have been quoted in

    async def _in_turn(self, work: Callable[[], T]) -> T:
        async with self._turn:
            if self.is_overrun:
                raise TooManyLeft
            future = self._thread.submit(work)
            waiting = asyncio.wrap_future(future)
            done, _ = await asyncio.wait({waiting}, timeout=self.seconds)
            if done:
                return waiting.result()
            waiting.cancel()
            self._left.append(future)
            self._thread.end()
            self._thread = _Daemon(self.name)
            raise TooLong

    async def close(self) -> None:
        """Let the thread go once it is done; what was left behind is not waited for."""
        self._thread.end()
        await asyncio.to_thread(self._thread.join, self.seconds)
