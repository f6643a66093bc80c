"""That a request was carried out, said in the transaction in which it was.

An endpoint that works in the request's own session needs none of this: its answer is kept in that
same transaction (`edge.idempotency`). Who commits in a transaction of its own says so there, with
`carried_out`: from its commit on the key is never free again, even if the answer is lost.
"""

from contextvars import ContextVar
from dataclasses import dataclass

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import IdempotentAnswer


@dataclass(frozen=True, slots=True)
class Taken:
    """The key under which the request of this task runs."""

    tenant: str
    scope: str
    key: str


_UNDER: ContextVar[Taken | None] = ContextVar("taken", default=None)


def run_under(taken: Taken | None) -> None:
    """Say under which key this task, and every task that it starts from now on, works."""
    _UNDER.set(taken)


async def carried_out(session: AsyncSession) -> None:
    """Mark the request's key in the caller's transaction; nothing where a request has none."""
    taken = _UNDER.get()
    if taken is None:
        return
    await session.execute(
        update(IdempotentAnswer)
        .where(
            IdempotentAnswer.tenant == taken.tenant,
            IdempotentAnswer.scope == taken.scope,
            IdempotentAnswer.key == taken.key,
        )
        .values(carried_out=True)
    )
