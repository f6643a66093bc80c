"""Alembic, driven from inside the package: the image that serves is the image that migrates."""

import asyncio
from importlib.resources import files

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool


def _config(package: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(files(package) / "migrations"))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(slug)s")
    return config


def _upgrade(connection: Connection, package: str) -> None:
    config = _config(package)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate(package: str, database_url: str) -> None:
    """Bring the database of `package` to the newest revision of its own history."""
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade, package)
    finally:
        await engine.dispose()


async def is_current(package: str, database_url: str) -> bool:
    """Say whether the database stands at the newest revision."""
    head = ScriptDirectory.from_config(_config(package)).get_current_head()
    engine = create_async_engine(database_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            at = await connection.run_sync(
                lambda c: MigrationContext.configure(c).get_current_revision()
            )
    finally:
        await engine.dispose()
    return at == head


def run_environment(target: MetaData) -> None:
    """Do the work of a service's `migrations/env.py`: it calls this with its own metadata."""
    from alembic import context  # noqa: PLC0415 - exists only while Alembic runs

    connection = context.config.attributes.get("connection")
    if connection is None:
        msg = "Run migrations with `python -m <service> migrate`."
        raise RuntimeError(msg)
    context.configure(
        connection=connection, target_metadata=target, render_as_batch=True, compare_type=True
    )
    with context.begin_transaction():
        context.run_migrations()


def migrate_now(package: str, database_url: str) -> None:
    """Do the same from a command line."""
    asyncio.run(migrate(package, database_url))


def revise(package: str, database_url: str, message: str) -> None:
    """Write the next revision from the difference between tables and an up-to-date database."""

    async def compare() -> None:
        engine = create_async_engine(database_url, poolclass=NullPool)
        async with engine.begin() as connection:
            await connection.run_sync(_revise, package, message)
        await engine.dispose()

    asyncio.run(compare())


def _revise(connection: Connection, package: str, message: str) -> None:
    config = _config(package)
    config.attributes["connection"] = connection
    command.revision(config, message=message, autogenerate=True)
