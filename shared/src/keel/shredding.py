"""No byte of what was deleted stays in the files of a SQLite database.

`secure_delete` overwrites a row that is deleted, but the write-ahead log still holds the pages as
they were, and a page that was split or joined may hold a copy in a place that no row uses. So a
transaction that destroys something says so, in the header of the file itself: the note commits
with the destruction and survives a kill. A while later the file is rewritten without whatever is
unused (`VACUUM`), the log is emptied, and the note is taken away.

Nothing of this happens on PostgreSQL: there it is the operator's (docs/operations/erasure.md).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from keel.database import Database, sqlite_path

log = structlog.get_logger()

_MEGABYTE = 1024 * 1024
_PATIENCE = 200
"""Milliseconds for whoever reads the file, a backup for instance; then it is tried again later."""
_NOTE = 1
"""What `user_version` says while something is to be shredded; Alembic does not use it."""


async def note(session: AsyncSession) -> None:
    """Say, in a transaction that destroys something, that bytes of it are to be shredded."""
    connection = await session.connection()
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql(f"PRAGMA user_version = {_NOTE}")


@dataclass(slots=True)
class Shredder:
    """Rewrites a SQLite file some time after something was destroyed in it."""

    database: Database
    rest: timedelta = timedelta(seconds=30)
    """Time between two looks: what ends in the same night is shredded together."""
    most_bytes: int = 256 * _MEGABYTE
    """A larger file is rewritten at the next start only: everybody waits while it is."""
    _asked: asyncio.Lock = field(default_factory=asyncio.Lock)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Shred what is due before anybody is served, now and then meanwhile, and at the end."""
        path = sqlite_path(self.database.url)
        if path is None:
            yield
            return
        await self._try()
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            if path.stat().st_size <= self.most_bytes:
                await self._try()

    async def shred(self) -> bool:
        """Leave no byte of what was deleted in the file and its log; False: nothing was due.

        Raises:
            OSError, sqlite3.Error, SQLAlchemyError: the file could not be rewritten; it stays due.
        """
        async with self._asked, self.database.engine.connect() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            if raw is None or await _ask(raw, "PRAGMA user_version") != _NOTE:
                return False
            # Outside any transaction: `VACUUM` asks for that, and no BEGIN was said here.
            waits = await _ask(raw, "PRAGMA busy_timeout")
            await _ask(raw, f"PRAGMA busy_timeout = {_PATIENCE}")
            try:
                await _truncate(raw)
                await _ask(raw, "VACUUM")
                await _truncate(raw)
                await _ask(raw, "PRAGMA user_version = 0")
            finally:
                await _ask(raw, f"PRAGMA busy_timeout = {waits}")
            return True

    async def _look(self) -> None:
        path = sqlite_path(self.database.url)
        while path is not None:
            await asyncio.sleep(self.rest.total_seconds())
            if path.stat().st_size <= self.most_bytes:
                await self._try()

    async def _try(self) -> None:
        try:
            if await self.shred():
                log.info("shredded")
        except (OSError, sqlite3.Error, SQLAlchemyError) as failure:
            # It stays due: a full disk, or somebody who reads the file, may be gone next time.
            log.warning("shredding_postponed", error=type(failure).__name__)


async def _truncate(raw: Any) -> None:  # noqa: ANN401 - the driver's own connection
    if await _ask(raw, "PRAGMA wal_checkpoint(TRUNCATE)") != 0:
        raise sqlite3.OperationalError("another process reads the file")


async def _ask(raw: Any, statement: str) -> Any:  # noqa: ANN401 - the driver's own connection
    cursor = await raw.execute(statement)
    row = await cursor.fetchone()
    await cursor.close()
    return None if row is None else row[0]
