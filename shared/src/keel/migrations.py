"""Alembic, driven from inside the package: the image that serves is the image that migrates."""

import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from keel.database import Database, connect
from keel.tenancy import grant


def _config(package: str, connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(files(package) / "migrations"))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return config


def _engine(database_url: str) -> AsyncEngine:
    engine = create_async_engine(database_url, poolclass=NullPool, hide_parameters=True)
    event.listen(engine.sync_engine, "do_connect", connect)
    return engine


def _moving_engine(database_url: str) -> AsyncEngine:
    """Return an engine on which a migration is done whole or not at all, also after a kill.

    SQLite can do that and its driver does not: left alone, it commits each CREATE TABLE.
    """
    engine = _engine(database_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "connect", _leave_transactions_to_us)
        event.listen(engine.sync_engine, "begin", _begin)
    return engine


def _leave_transactions_to_us(connection: Any, _: object) -> None:  # noqa: ANN401 - the driver's own type
    connection.isolation_level = None


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _upgrade(connection: Connection, package: str, revision: str) -> None:
    _see_all_or_fail(connection)
    config = _config(package, connection)
    command.upgrade(config, revision)
    grant(connection, package, config.attributes.get("tables"))


def _downgrade(connection: Connection, package: str, revision: str) -> None:
    _see_all_or_fail(connection)
    command.downgrade(_config(package, connection), revision)


def _see_all_or_fail(connection: Connection) -> None:
    """Let a statement that a policy would shorten fail, instead of missing every tenant's rows."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL row_security = off")


async def migrate(package: str, database_url: str, revision: str = "head") -> None:
    """Bring the database of `package` up to a revision of its own history."""
    await _move(package, database_url, revision, _upgrade)


async def migrate_back(package: str, database_url: str, revision: str) -> None:
    """Bring the database of `package` back to an older revision."""
    await _move(package, database_url, revision, _downgrade)


async def _move(
    package: str, database_url: str, revision: str, move: Callable[[Connection, str, str], None]
) -> None:
    engine = _moving_engine(database_url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(move, package, revision)
    finally:
        await engine.dispose()


async def is_current(package: str, database_url: str) -> bool:
    """Say whether the database stands at the newest revision that this release knows, or beyond.

    Raises:
        SQLAlchemyError: the database does not answer.
    """
    engine = _engine(database_url)
    try:
        return await _stands(engine, package)
    finally:
        await engine.dispose()


def migrated(package: str, database: Database) -> Callable[[], Awaitable[bool]]:
    """Return the readiness check of a service's open database: the same answer, each time anew."""

    async def check() -> bool:
        return await _stands(database.engine, package)

    return check


async def _stands(engine: AsyncEngine, package: str) -> bool:
    async with engine.connect() as connection:
        at = await connection.run_sync(
            lambda c: MigrationContext.configure(c).get_current_revision()
        )
    if at is None:
        return False
    # A revision that nobody here knows is a newer release's, which has begun to roll out: what
    # running code cannot bear takes two releases, so this one goes on.
    ours = ScriptDirectory.from_config(_config(package))
    return at == ours.get_current_head() or at not in {r.revision for r in ours.walk_revisions()}


def run_environment(target: MetaData) -> None:
    """Do the work of a service's `migrations/env.py`: it calls this with its own metadata."""
    from alembic import context  # noqa: PLC0415 - exists only while Alembic runs

    connection = context.config.attributes.get("connection")
    if connection is None:
        msg = "Run migrations with `python -m <service> migrate`."
        raise RuntimeError(msg)
    context.config.attributes["tables"] = target
    context.configure(
        connection=connection, target_metadata=target, render_as_batch=True, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_now(package: str, database_url: str) -> None:
    """Do the same from a command line."""
    asyncio.run(migrate(package, database_url))


def revise(package: str, message: str) -> None:
    """Write the next revision: what the tables have and the revisions so far do not make.

    The comparison is with an empty SQLite database that is brought up to date for it.
    """
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite+aiosqlite:///{folder}/compared.sqlite3"
        migrate_now(package, url)
        asyncio.run(_compare(package, url, message))


async def _compare(package: str, url: str, message: str) -> None:
    engine = _engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_revise, package, message)
    finally:
        await engine.dispose()


def _revise(connection: Connection, package: str, message: str) -> None:
    config = _config(package, connection)
    command.revision(config, message=message, autogenerate=True)


if __name__ == "__main__":  # `make revision`
    revise(*sys.argv[1:])
