"""Work that must come to its end once begun: a transaction whose outcome has to be known."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def settled(work: Coroutine[Any, Any, T] | asyncio.Future[T]) -> T:
    """Await `work`; a cancellation is raised only after the work has ended, either way.

    A cancel scope repeats its cancellation at every wait, so one shield is not enough.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancelled = error
        except BaseException:  # noqa: BLE001 - the work's own end: `result` raises it below
            break
    if cancelled is not None and not task.cancelled():
        task.exception()  # looked at: the caller has left
        raise cancelled
    return task.result()
