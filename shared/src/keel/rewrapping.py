"""Content keys wrapped anew under the newest key-encryption key, while everything goes on.

Each key is a small transaction of its own: it says "this wrapping instead of that one", so a kill
leaves every key under the one or the other, a key that was destroyed meanwhile stays destroyed, and
whoever serves waits for one row at most. What was sealed under the content keys is not touched.
"""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, CursorResult, select, update
from sqlalchemy.exc import DBAPIError

from keel.commands import require_migrated
from keel.database import Database
from keel.sealing import CannotUnseal, ContentKeyRow, KeyEncryptionKey
from keel.shredding import note
from keel.start import StartRefused
from keel.tenancy import as_owner

_PATIENCE = "5s"
"""How long the list of tenants may wait for a transaction under way."""


@dataclass(slots=True)
class Rewrapped:
    """What became of the keys of one table."""

    keys: str
    """The table."""
    rewrapped: int = 0
    already: int = 0
    """Under the newest key before."""
    unreadable: int = 0
    """Under no key of the file."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """Where the wrapped keys of a service are, and what wraps them."""

    package: str
    database_url: str
    kek: KeyEncryptionKey
    tables: Sequence[type[ContentKeyRow]]


class NotTheOwner(StartRefused):
    """On PostgreSQL only the owner of the tables can tell whose keys there are."""


async def rewrap(
    database: Database, kek: KeyEncryptionKey, table: type[ContentKeyRow]
) -> Rewrapped:
    """Wrap every key of a table under the newest key; again and again without harm.

    Raises:
        NotTheOwner: on PostgreSQL, another role than the owner of the tables asked.
    """
    done = Rewrapped(table.__tablename__)
    for tenant in await _tenants(database, table):
        for subject, wrapped in await _held(database, table, tenant):
            try:
                anew = kek.wrapped_anew(wrapped, f"{tenant}|{subject}")
            except CannotUnseal:
                done.unreadable += 1
                continue
            if anew is None:
                done.already += 1
            else:
                done.rewrapped += await _replace(database, table, (tenant, subject), wrapped, anew)
    return done


async def _tenants(database: Database, table: type[ContentKeyRow]) -> list[str]:
    async with database.engine.begin() as connection:
        try:
            return await connection.run_sync(_all_tenants, table)
        except DBAPIError as error:
            raise NotTheOwner(
                f"The tenants of {table.__tablename__} cannot be listed "
                f"({type(error).__name__}). Run this as the role that migrates, and again "
                "in a moment if it is."
            ) from None


def _all_tenants(connection: Connection, table: type[ContentKeyRow]) -> list[str]:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}'")
    with as_owner(connection, table.__tablename__):
        return sorted(connection.scalars(select(table.tenant).distinct()))


async def _held(
    database: Database, table: type[ContentKeyRow], tenant: str
) -> Sequence[tuple[str, bytes]]:
    async with database.begin(tenant) as session:
        rows = await session.execute(
            select(table.subject, table.wrapped).where(table.tenant == tenant)
        )
        return [(subject, wrapped) for subject, wrapped in rows]


async def _replace(
    database: Database,
    table: type[ContentKeyRow],
    whose: tuple[str, str],
    wrapped: bytes,
    anew: bytes,
) -> int:
    """Put one wrapping in the place of another; 0 where that is no longer there."""
    tenant, subject = whose
    async with database.begin(tenant) as session:
        await note(session)  # the former wrapping leaves the file of a SQLite database too
        result = await session.execute(
            update(table)
            .where(table.tenant == tenant, table.subject == subject, table.wrapped == wrapped)
            .values(wrapped=anew)
            .execution_options(synchronize_session=False)
        )
        return result.rowcount if isinstance(result, CursorResult) else 0


async def rewrap_all(wrapped: Wrapped) -> list[Rewrapped]:
    """Wrap every key of a service anew, table by table.

    Raises:
        DatabaseInUse, NotTheOwner: as said there.
    """
    database = Database(wrapped.database_url)
    try:
        database.claim()
        return [await rewrap(database, wrapped.kek, table) for table in wrapped.tables]
    finally:
        await database.close()


def print_rewrapped(wrapped: Wrapped) -> int:
    """Wrap every key of a service anew, and print a line of JSON a table.

    Returns 1 where a key is under none of the file: nothing may be removed from it then.
    """
    require_migrated(wrapped.package, wrapped.database_url)
    done = asyncio.run(rewrap_all(wrapped))
    for table in done:
        sys.stdout.write(json.dumps({"service": wrapped.package, **asdict(table)}) + "\n")
    return int(any(table.unreadable for table in done))
