"""Group commit on SQLite: transactions that wait for the one connection share one COMMIT.

A commit waits for the disk, and all who come meanwhile wait for the connection. Here whoever is
done hands the connection on to the next one inside the same physical transaction, each in a
savepoint of its own, and is told that it has committed once the COMMIT that they share is on disk.
Nobody waits for company: who is alone commits at once, as ever.

- A member that is rolled back undoes its own savepoint; the others keep what they did.
- A COMMIT that fails fails everybody in it, and so does an error after which SQLite has given up
  the whole transaction (a full disk).
- Who only read waits too: it may have seen what a crash would still take back.
- Whoever uses the engine itself, not a session of `Database`, is no member of any group: the open
  group is committed before it begins, and its own commit is its own.
"""

import asyncio
import sqlite3
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import cast

from aiosqlite import Connection as Driver
from sqlalchemy import Connection, event
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.orm import Session, SessionTransaction
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.util import await_only

_MEMBER = "group_commit_member"
_SHARES = "shares_commit"

_WORTH = 4
"""A group stays open for as long as so many commits take: the disk then costs at most a fifth of
the time, and nobody waits for much longer than the disk makes them wait anyway."""
_COMMIT_SECONDS = 0.002
"""What a commit is taken to cost before the first one was timed."""
_SMOOTHED_OVER = 8
_LEAVE_SECONDS = 1.0
"""How long a database that is closed waits for those who still use it."""


class Turns:
    """Who may use the one connection: one at a time, in the order in which they asked."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: deque[Turn] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    @property
    def first(self) -> "Turn | None":
        """Whose turn comes next."""
        return self._waiting[0] if self._waiting else None

    def ask(self) -> "Turn":
        """Queue; the turn is done once it has come, and is then passed on."""
        turn = asyncio.get_running_loop().create_future()
        if self._taken:
            self._waiting.append(turn)
        else:
            self._taken = True
            turn.set_result(None)
        return turn

    async def come(self, turn: "Turn", *, within: float | None = None) -> None:
        """Wait for a turn that was asked for (seconds; raises TimeoutError)."""
        try:
            async with asyncio.timeout(within):
                await turn
        except BaseException:
            self.leave(turn)
            raise

    def leave(self, turn: "Turn") -> None:
        """Give up a turn, also one that has just come."""
        if turn in self._waiting:
            self._waiting.remove(turn)
            turn.cancel()
        elif not turn.cancelled():
            self.pass_on()

    def pass_on(self) -> None:
        """Give the connection to the next one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False


Turn = asyncio.Future[None]


@dataclass(slots=True, eq=False)
class Group:
    """What shares one COMMIT: the transactions that are done and not yet on disk."""

    driver: Driver
    turn: Turn
    """In which it is committed, if nobody did it before."""
    began: float = field(default_factory=time.monotonic)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    error: BaseException | None = None
    """Why none of it was committed."""
    committer: "asyncio.Task[None] | None" = None

    async def on_disk(self) -> None:
        """Wait for the COMMIT.

        Raises:
            DBAPIError: it failed, and nothing of this group was kept.
        """
        await self.over.wait()
        if self.error is not None:
            raise _of_commit(self.error)


@dataclass(slots=True, eq=False)
class Member:
    """One transaction of a session: the group whose work it has seen, or that it is part of."""

    group: Group | None = None
    in_savepoint: bool = False


class InTurn(AsyncAdaptedQueuePool):
    """A pool of one connection that is given out in the order in which it was asked for."""

    turns: Turns

    def _do_get(self) -> ConnectionPoolEntry:
        try:
            turn = self.turns.ask()
            if not turn.done():
                await_only(self.turns.come(turn, within=self._timeout))
        except TimeoutError:
            raise NoConnectionFree(
                f"The connection was not free within {self._timeout:g} seconds."
            ) from None
        try:
            return super()._do_get()
        except BaseException:
            self.turns.pass_on()
            raise

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        self.turns.pass_on()

    def recreate(self) -> "InTurn":
        """Return a pool that begins anew, for those who still wait in the old one too."""
        made = cast("InTurn", super().recreate())
        made.turns = self.turns
        return made


class GroupCommit:
    """The open group of one connection, and the transaction that uses the connection now."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self._group: Group | None = None
        self._member: Member | None = None
        self._lost: BaseException | None = None
        self._commit_seconds = _COMMIT_SECONDS

    def attend(self, connection: Connection) -> None:
        """Note whether the transaction that begins now shares its commit."""
        shares = connection.get_execution_options().get(_SHARES, False)
        self._member = Member() if shares else None
        self._lost = None
        connection.info[_MEMBER] = self._member

    def begin(self, driver: Driver) -> None:
        """Begin a transaction, inside the open group if there is one."""
        member, self._member = self._member, None
        if self._group is not None and not _is_open(driver):  # the connection was lost
            self._end(_given_up())
        if self._group is not None and member is None:
            await_only(self._commit_open())
        if self._group is not None and member is not None:
            await_only(driver.execute("SAVEPOINT member"))
            member.group, member.in_savepoint = self._group, True
        else:
            await_only(driver.execute("BEGIN IMMEDIATE"))
        self._member = member

    def commit(self, driver: Driver) -> bool:
        """Commit or join; False for a transaction that is no member.

        Raises:
            sqlite3.Error: nothing of the transaction was kept.
        """
        member, self._member = self._member, None
        if member is None:
            return False
        if self._lost is not None or not _is_open(driver):
            raise _given_up() from self._lost
        if self._is_time():
            member.group = None
            await_only(self._commit(driver))
            return True
        if member.in_savepoint:
            self._or_lose_all(driver, "RELEASE member")
        member.group = self._group or self._open(driver)
        return True

    def rollback(self, driver: Driver) -> bool:
        """Undo what a member did; False for a transaction that is no member."""
        member, self._member = self._member, None
        if member is None:
            # A connection that comes back is rolled back once more: that is not the group's end.
            return self._group is not None
        if not member.in_savepoint:
            return False
        if _is_open(driver):
            self._or_lose_all(driver, "ROLLBACK TO member", "RELEASE member")
        return True

    def note_error(self, context: ExceptionContext) -> None:
        """See whether an error took the whole transaction with it, as a full disk does."""
        connection = context.connection
        if self._member is None or connection is None or connection.closed:
            return
        if connection.invalidated or not _is_open(_driver_of(connection.connection)):
            self._lost = context.original_exception
            self._end(self._lost)

    def refuse_what_was_lost(self, *_: object) -> None:
        """Let nobody go on in a transaction that is no more: each statement would commit itself."""
        if self._lost is not None:
            raise _of_commit(_given_up())

    async def settle(self) -> None:
        """Wait until those who use the connection, and those who wait for it, are done."""
        with suppress(TimeoutError):
            await self.turns.come(self.turns.ask(), within=_LEAVE_SECONDS)
            await self._commit_open()
            self.turns.pass_on()

    def _is_time(self) -> bool:
        """Say whether nobody would join, or the group is old enough."""
        if self._group is None:
            return self.turns.first is None
        age = time.monotonic() - self._group.began
        return self.turns.first is self._group.turn or age > _WORTH * self._commit_seconds

    def _open(self, driver: Driver) -> Group:
        # Behind those who wait now: they join, and whoever comes later does not delay it.
        group = self._group = Group(driver, self.turns.ask())
        group.committer = asyncio.create_task(self._commit_in_turn(group))
        return group

    async def _commit_in_turn(self, group: Group) -> None:
        await self.turns.come(group.turn)
        try:
            await self._commit_open()
        finally:
            self.turns.pass_on()

    async def _commit_open(self) -> None:
        """Commit what is open; whoever calls has the connection, and no part in it."""
        if self._group is not None:
            with suppress(sqlite3.Error):  # the members are told
                await self._commit(self._group.driver)

    async def _commit(self, driver: Driver) -> None:
        began = time.monotonic()
        try:
            await _on_disk(driver)
        except sqlite3.Error as error:
            self._end(error)
            raise
        took = time.monotonic() - began
        self._commit_seconds += (took - self._commit_seconds) / _SMOOTHED_OVER
        self._end()

    def _or_lose_all(self, driver: Driver, *steps: str) -> None:
        """Do what a savepoint needs; where even that fails, keep nothing of anybody."""
        try:
            for step in steps:
                await_only(driver.execute(step))
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                await_only(driver.rollback())
            self._end(error)
            raise

    def _end(self, error: BaseException | None = None) -> None:
        """Tell the members of the open group how it ended."""
        group, self._group = self._group, None
        if group is None:
            return
        if not group.turn.done():
            self.turns.leave(group.turn)
        group.error = error
        group.over.set()


async def _on_disk(driver: Driver) -> None:
    """Commit; what cannot be committed is rolled back, so that nobody builds on it."""
    if not _is_open(driver):
        raise _given_up()
    try:
        await driver.commit()
    except sqlite3.Error:
        if _is_open(driver):
            await driver.rollback()
        raise


def _is_open(driver: Driver) -> bool:
    try:
        return driver.in_transaction
    except ValueError:  # aiosqlite's word for a connection that was closed
        return False


def _given_up() -> sqlite3.OperationalError:
    return sqlite3.OperationalError("SQLite gave the transaction up")


def _of_commit(error: BaseException) -> BaseException:
    """Return the error as SQLAlchemy would have raised it, a new one for each who is told."""
    return DBAPIError.instance("COMMIT", (), error, sqlite3.Error, hide_parameters=True)


def _driver_of(connection: PoolProxiedConnection) -> Driver:
    return cast("Driver", connection.driver_connection)


class SharingDialect(SQLiteDialect_aiosqlite):
    """SQLite whose transactions may share a COMMIT."""

    supports_statement_cache = True
    groups: GroupCommit

    def do_begin(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Begin, or join the open group."""
        self.groups.begin(_driver_of(dbapi_connection))

    def do_commit(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Commit, or leave it to the group's COMMIT."""
        if not self.groups.commit(_driver_of(dbapi_connection)):
            dbapi_connection.commit()

    def do_rollback(self, dbapi_connection: PoolProxiedConnection) -> None:
        """Undo this transaction, and no other."""
        if not self.groups.rollback(_driver_of(dbapi_connection)):
            dbapi_connection.rollback()


registry.register("sqlite.sharing", __name__, SharingDialect.__name__)


def sharing_engine(url: str, *, timeout_seconds: float) -> AsyncEngine:
    """Return the engine of a SQLite file with one connection; `sharing` is what sessions use."""
    engine = create_async_engine(
        make_url(url).set(drivername="sqlite+sharing"),
        poolclass=InTurn,
        pool_size=1,
        max_overflow=0,
        pool_timeout=timeout_seconds,
        hide_parameters=True,
    )
    turns = Turns()
    groups = GroupCommit(turns)
    cast("InTurn", engine.sync_engine.pool).turns = turns
    cast("SharingDialect", engine.sync_engine.dialect).groups = groups
    event.listen(engine.sync_engine, "begin", groups.attend)
    event.listen(engine.sync_engine, "before_cursor_execute", groups.refuse_what_was_lost)
    event.listen(engine.sync_engine, "handle_error", groups.note_error)
    return engine


def sharing(engine: AsyncEngine) -> AsyncEngine:
    """Return the same engine for those whose transactions share their commits."""
    return engine.execution_options(**{_SHARES: True})


def note_member(session: Session, transaction: SessionTransaction, connection: Connection) -> None:
    """Let a session know which transaction is its own, to wait for it."""
    if not transaction.nested:
        session.info[_MEMBER] = connection.info.get(_MEMBER)


async def on_disk(session: Session) -> None:
    """Wait until what a session's last transaction wrote, or has seen, is on disk.

    Raises:
        DBAPIError: it is not, and will not be.
    """
    member: Member | None = session.info.pop(_MEMBER, None)
    if member is not None and member.group is not None:
        await member.group.on_disk()


def groups_of(engine: AsyncEngine) -> GroupCommit | None:
    """Return what the transactions of an engine share; None on another database."""
    dialect = engine.sync_engine.dialect
    return dialect.groups if isinstance(dialect, SharingDialect) else None
