"""One database a service: engine, sessions, names of constraints.

The same code serves SQLite (one machine, one writing process) and PostgreSQL. On SQLite the pool
holds one connection and every transaction begins IMMEDIATE: a second writing connection would
only starve the first, so transactions are short and nobody holds one while waiting for anything.
Those that wait for it share a commit (`keel.group_commit`).
"""

import fcntl
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import IO, Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import Dialect, MetaData, TypeDecorator, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import BigInteger

from keel.durability import require_durability
from keel.group_commit import groups_of, note_member, on_disk, sharing, sharing_engine
from keel.settling import settled
from keel.start import StartRefused
from keel.tenancy import Tenant, TenantSession, require_isolation


class DatabaseInUse(StartRefused):
    """Another process writes to this SQLite database; the message says which file."""


def metadata() -> MetaData:
    """Return metadata in which every constraint gets a predictable name."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, stored as integer microseconds since 1970 on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002 - its signature
        """Write microseconds."""
        if value is None:
            return None
        return round(value.timestamp() * 1_000_000)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - its signature
        """Read an aware instant."""
        if value is None:
            return None
        seconds, micros = divmod(value, 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


class database_clock(FunctionElement[datetime]):  # noqa: N801 - a function of SQL
    """The instant at which the database reads this, by its own clock."""

    type = Instant()
    inherit_cache = True


@compiles(database_clock)
def _by_postgresql(*_given: object, **_named: object) -> str:
    return "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"


@compiles(database_clock, "sqlite")
def _by_sqlite(*_given: object, **_named: object) -> str:
    return "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)"


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite URL; None for another database or one in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database:
        return None
    return None if parsed.database == ":memory:" else Path(parsed.database)


class SettledSession(AsyncSession):
    """A session whose every step comes to its end before a cancellation is raised."""

    sync_session_class = TenantSession

    async def commit(self) -> None:
        """Commit; returns when what was done is on disk (`keel.group_commit`)."""
        await settled(self._commit())

    async def _commit(self) -> None:
        await super().commit()
        await on_disk(self.sync_session)


def _settling(name: str) -> Callable[..., Awaitable[Any]]:
    step = getattr(AsyncSession, name)

    @wraps(step)
    async def settle(self: AsyncSession, *given: object, **named: object) -> object:
        return await settled(step(self, *given, **named))

    return settle


for _step in (
    "execute", "scalar", "scalars", "get", "flush", "merge", "delete", "refresh",
    "rollback", "close",
):  # fmt: skip
    setattr(SettledSession, _step, _settling(_step))

event.listen(TenantSession, "after_begin", note_member)


class Database:
    """The engine and the sessions of one service."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self._lock: IO[bytes] | None = None
        self.engine = _engine(url, is_sqlite=self.is_sqlite)
        self._sessions = async_sessionmaker(
            sharing(self.engine) if self.is_sqlite else self.engine,
            class_=SettledSession,
            expire_on_commit=False,
        )

    @asynccontextmanager
    async def begin(self, tenant: Tenant = None) -> AsyncIterator[AsyncSession]:
        """Open one transaction of `tenant`; commit at the end, roll back on any exception.

        Without a tenant it sees no tenant's row (`keel.tenancy`).
        A caller who is cancelled leaves only after the statement, the commit or the roll-back
        under way has ended: an abandoned SQLite connection would keep its lock on everybody.
        """
        session = self._sessions(info={"tenant": tenant})
        try:
            yield session
            await session.commit()
        except Exception:
            await session.rollback()
            await on_disk(session.sync_session)  # the answer may tell what it has seen
            raise
        except BaseException:
            await session.rollback()
            raise
        finally:
            await session.close()

    def claim(self) -> None:
        """Become the one process that writes to a SQLite file; nothing to do on PostgreSQL.

        Raises:
            DatabaseInUse: another process holds the file.
        """
        path = sqlite_path(self.url)
        if path is None or self._lock is not None:
            return
        path = path.resolve()  # by whatever name the file is called, it is one
        lock = path.with_name(path.name + ".lock").open("ab")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DatabaseInUse(
                f"Another process already uses {path}. Stop it, or use its operator socket."
            ) from None
        self._lock = lock

    async def require_isolation(self, tables: MetaData) -> None:
        """Refuse a PostgreSQL that would not keep tenants apart.

        A database that does not answer is left to the readiness probe.

        Raises:
            NotIsolated: as `keel.tenancy` says.
        """
        if self.is_sqlite:
            return
        owned = [name for name, table in tables.tables.items() if "tenant" in table.primary_key.c]
        with suppress(OperationalError):
            async with self.engine.connect() as connection:
                await require_isolation(connection, owned)

    async def require_durability(self) -> None:
        """Refuse a PostgreSQL that would not keep what it acknowledges; SQLite is told to.

        A database that does not answer is left to the readiness probe.

        Raises:
            NotDurable: as `keel.durability` says.
        """
        with suppress(OperationalError):
            async with self.engine.connect() as connection:
                await require_durability(connection)

    async def close(self) -> None:
        """Close every connection and let go of the file."""
        if (groups := groups_of(self.engine)) is not None:
            await groups.settle()
        await self.engine.dispose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _engine(url: str, *, is_sqlite: bool) -> AsyncEngine:
    if not is_sqlite:
        engine = create_async_engine(
            url,
            pool_size=10,
            max_overflow=10,
            hide_parameters=True,
            # Whoever waits for a row reads it again once the lock is released, whatever the
            # server's default is: the gate depends on it (consent profile, section 4).
            isolation_level="READ COMMITTED",
        )
        event.listen(engine.sync_engine, "do_connect", connect)
        event.listen(engine.sync_engine, "checkin", _note_leaving)
        event.listen(engine.sync_engine, "checkout", _refuse_dead)
        return engine
    engine = sharing_engine(url, timeout_seconds=10)
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    return engine


def connect(dialect: Any, _: object, given: list[Any], named: dict[str, Any]) -> Any:  # noqa: ANN401 - SQLAlchemy's hook
    """Connect, and give every failure to do so the name that SQLAlchemy has for it.

    Raises:
        OperationalError: nobody listens, or whoever does lets nobody in. The driver says the first
            as a bare OSError, which could come from anywhere once it has left this place.
    """
    try:
        return dialect.connect(*given, **named)
    except (OSError, dialect.dbapi.Error) as error:
        raise OperationalError(None, None, error, hide_parameters=True) from error


def _prepare_sqlite(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own type
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "busy_timeout=5000",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


_IDLE_SECONDS = 1.0
"""A connection that was idle for longer is asked before it is used. The question is three more
round trips (SQLAlchemy's `pool_pre_ping` asks each time), and a dispatch has seven."""


def _note_leaving(_: object, record: ConnectionPoolEntry) -> None:
    record.info["left_at"] = time.monotonic()


def _refuse_dead(connection: Any, record: ConnectionPoolEntry, _: object) -> None:  # noqa: ANN401 - the driver's own type
    """Take no connection that is known to be lost, or does not answer after a rest."""
    left_at = record.info.get("left_at")
    if left_at is None:  # made just now
        return
    if connection.driver_connection.is_closed():
        raise InvalidatePoolError
    if time.monotonic() - left_at > _IDLE_SECONDS:
        try:
            connection.ping()
        except connection.dbapi.Error as error:
            raise InvalidatePoolError from error


_LOST = frozenset({"08", "40", "57"})
"""Classes of SQLSTATE after which a statement says nothing about its table: connection, rollback,
shutdown."""
_READS_ONLY = "25006"
"""A standby has taken the primary's address, or an operator froze the database."""
_SQLITE_LOST = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN})
_PRIMARY_CODE = 0xFF


def cannot_be_asked(error: DBAPIError) -> bool:
    """Say whether the database could not be asked at all, or could not do what was asked.

    A full disk, a table that refuses, a lost key are the latter: others may still be served.
    """
    if error.connection_invalidated:
        return True
    code = getattr(error.orig, "sqlite_errorcode", None)
    if code is not None:
        return code & _PRIMARY_CODE in _SQLITE_LOST
    sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
    if sqlstate:
        return sqlstate[:2] in _LOST or sqlstate == _READS_ONLY
    return isinstance(error, _UNASKED)


_UNASKED = (OperationalError, InterfaceError)


async def _session(request: Request) -> AsyncIterator[AsyncSession]:
    database: Database = request.app.state.database
    # Whose request this is, the dependency that lets the caller in says; it may come later.
    async with database.begin(lambda: getattr(request.state, "tenant", None)) as session:
        request.state.session = session
        yield session


def session_of(request: Request) -> AsyncSession | None:
    """Return the session in which a request works; None for one that asks for no `SessionDep`."""
    session: AsyncSession | None = getattr(request.state, "session", None)
    return session


# Function scope: committed before the answer leaves, so that a failed commit never follows a 201.
SessionDep = Annotated[AsyncSession, Depends(_session, scope="function")]
