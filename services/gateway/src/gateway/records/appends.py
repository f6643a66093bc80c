"""Records that stand alone: nothing else changes with them, so that many share one transaction.

Whoever appends while a batch is being written is in the next one. Each is told after the commit.
"""

import asyncio
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.records.rules import Fact
from gateway.records.service import DrawnUp, Records, unwritten
from keel.database import Database, cannot_be_asked
from keel.settling import settled

_AT_MOST = 500
"""Records of one batch: as many as the sequencer takes at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Appended:
    """A record in the queue, and the caller who waits for it."""

    record: DrawnUp
    told: asyncio.Future[None]

    def fail(self, error: Exception) -> None:
        if self.told.done():
            return
        if isinstance(error, SQLAlchemyError):
            problem = unwritten()
            problem.__cause__ = error
            error = problem
        self.told.set_exception(error)


def _tenant(appended: _Appended) -> str:
    return appended.record.fact.tenant


@dataclass(slots=True)
class Appends:
    """Writes records that stand alone, those of concurrent callers together."""

    database: Database
    records: Records
    _waiting: list[_Appended] = field(default_factory=list)
    _writing: "asyncio.Task[None] | None" = None

    async def append(self, fact: Fact) -> str:
        """Write one record of no business transaction; returns its id once it is committed.

        Not for a record of a consent: that one is written under the lock of the consent's row
        (profile section 8). The caller holds no session that has begun: SQLite has one connection.

        Raises:
            LogUnavailable: it was not written.
        """
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        appended = _Appended(self.records.drawn_up(fact), told)
        self._waiting.append(appended)
        if self._writing is None:
            # Nobody's own: it works for all, and bears no caller's trace.
            self._writing = asyncio.create_task(self._write(), context=Context())
        await settled(told)
        return appended.record.id

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_AT_MOST], self._waiting[_AT_MOST:]
                await self._write_batch(batch)
        finally:
            self._writing = None

    async def _write_batch(self, batch: Sequence[_Appended]) -> None:
        try:
            await self._write_together(batch)
        except asyncio.CancelledError:
            for appended in batch:
                appended.told.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - each caller is told theirs
            if len(batch) == 1 or _is_of_all(error):
                for appended in batch:
                    appended.fail(error)
                return
            for appended in batch:  # so that the one that cannot be written fails alone
                await self._write_batch([appended])
        else:
            for appended in batch:
                appended.told.set_result(None)

    async def _write_together(self, batch: Sequence[_Appended]) -> None:
        # In one order everywhere: two processes may make the keys of the same tenants.
        ordered = sorted(batch, key=_tenant)
        async with self.database.begin(_tenant(ordered[0])) as session:
            await self.records.write_all(session, [appended.record for appended in ordered])


def _is_of_all(error: Exception) -> bool:
    """Say whether no record of the batch is to blame, so that each alone would fare no better."""
    if isinstance(error, DBAPIError):
        return cannot_be_asked(error)
    return isinstance(error, SQLAlchemyError)  # no connection was free
