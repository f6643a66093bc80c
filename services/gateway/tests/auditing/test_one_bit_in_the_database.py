"""One bit changed behind our back, anywhere in what the log stores: our own audit finds each.

Whoever writes to the database past the program can take its triggers off first; the attack does so.
Bits are flipped in every value and every place of leaves, tiles and states, also of a log that ended.
"""

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.app import create_app
from gateway.log.service import NewOrigin
from gateway.operators.api import operator_app
from gateway.records.rules import Fact, Kind
from gateway.settings import Settings
from gateway.tables import LogEntry, LogState, LogTile
from keel.database import Instant

BATCH = 300


def _stored(table: Table) -> Table:
    """The table as what the database holds: an instant is a number there."""
    copied = table.to_metadata(MetaData())
    for column in copied.columns:
        if isinstance(column.type, Instant):
            column.type = BigInteger()
    return copied


STORED = {
    table.name: _stored(table) for table in (t.__table__ for t in (LogEntry, LogTile, LogState))
}


@dataclass
class Attacker:
    """Somebody with the database's own rights, and without its triggers."""

    engine: AsyncEngine
    some: random.Random
    keys: dict[str, list[Any]] = field(default_factory=dict)

    async def prepare(self) -> None:
        async with self.engine.begin() as connection:
            if self.engine.dialect.name == "sqlite":
                found = await connection.execute(
                    text(
                        "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'log_%'"
                    )
                )
                for (name,) in found.all():
                    await connection.execute(text(f'DROP TRIGGER "{name}"'))
            for name, table in STORED.items():
                rows = await connection.execute(select(*table.primary_key.columns))
                self.keys[name] = [tuple(row) for row in rows]

    async def flip(self) -> "Flipped | None":
        """Flip one bit of one value of one row; None where the value would be no text any more."""
        name = self.some.choice(list(STORED))
        table = STORED[name]
        column = self.some.choice(list(table.columns))
        key = self.some.choice(self.keys[name])
        async with self.engine.begin() as connection:
            where = [c == value for c, value in zip(table.primary_key.columns, key, strict=True)]
            before = (await connection.execute(select(column).where(*where))).scalar_one()
        after = flipped(column, before, self.some)
        if after is None:
            return None
        change = Flipped(self.engine, table, column, key, before, after)
        try:
            await change.write(after, at=key)
        except IntegrityError:  # that place is taken: the database itself does not allow this one
            return None
        return change


def flipped(column: Column[Any], value: Any, some: random.Random) -> Any:
    if value is None:
        return None
    if isinstance(column.type, LargeBinary):
        return _bit(value, some)
    if isinstance(column.type, String):
        try:
            changed = _bit(value.encode(), some).decode()
        except UnicodeDecodeError:
            return None
        return None if "\0" in changed else changed  # PostgreSQL holds no such text
    assert isinstance(column.type, Integer)
    return value ^ 1 << some.randrange(63 if isinstance(column.type, BigInteger) else 31)


def _bit(value: bytes, some: random.Random) -> bytes:
    changed, at = bytearray(value), some.randrange(len(value) * 8)
    changed[at // 8] ^= 1 << at % 8
    return bytes(changed)


@dataclass
class Flipped:
    """What was changed, and how it is put back."""

    engine: AsyncEngine
    table: Table
    column: Column[Any]
    key: tuple[Any, ...]
    before: Any
    after: Any

    async def write(self, value: Any, *, at: tuple[Any, ...]) -> None:
        where = [c == part for c, part in zip(self.table.primary_key.columns, at, strict=True)]
        async with self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            change = self.table.update().where(*where).values({self.column.name: value})
            assert (await connection.execute(change)).rowcount == 1

    async def put_back(self) -> None:
        names = [column.name for column in self.table.primary_key.columns]
        moved = tuple(
            self.after if name == self.column.name else part
            for name, part in zip(names, self.key, strict=True)
        )
        await self.write(self.before, at=moved)

    def __str__(self) -> str:
        return (
            f"{self.table.name}.{self.column.name} of {self.key}: {self.before!r} → {self.after!r}"
        )


@pytest.fixture
async def audit(gateway_url: str, keys_dir: Path) -> AsyncIterator[Any]:
    """The operator's verb, on a log of two keys that ended, and the log that follows it."""
    settings = Settings(
        database_url=gateway_url,
        keys_dir=keys_dir,
        sequencer_interval=timedelta(hours=1),
        webhook_interval=timedelta(hours=1),
        chores_interval=timedelta(hours=1),
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        state = app.state
        async with state.database.begin() as session:
            tenant = (await state.tenants.create(session, "Centre d’essai", None)).tenant

        async def grow() -> None:
            async with state.database.begin(tenant) as session:
                for _ in range(BATCH):
                    await state.records.write(session, Fact(Kind.RUN_COMPUTED, tenant))
            while await state.sequencer.step():
                pass

        await grow()
        await state.log.rotate_key()
        state.keyring.log._watched.again()
        await grow()
        await state.log.new_origin(NewOrigin.OTHER)
        await grow()
        transport = httpx.ASGITransport(operator_app(state))
        async with httpx.AsyncClient(transport=transport, base_url="http://operator") as http:

            async def verdict() -> str:
                return (await http.get("/log/audit", timeout=60)).json()["verdict"]

            yield verdict


@pytest.fixture
async def attacker(gateway_url: str, audit: Any) -> AsyncIterator[Attacker]:
    url = gateway_url.replace("passerelle_login@", "postgres@")
    engine = create_async_engine(url)
    made = Attacker(engine, random.Random(2026))  # noqa: S311 - repeatable
    await made.prepare()
    yield made
    await engine.dispose()


@pytest.mark.timeout(580)
@pytest.mark.parametrize(
    ("flips", "part"),
    [pytest.param(60, 0, id="60")]
    + [pytest.param(500, n, id=f"2000-part{n}", marks=pytest.mark.full) for n in (1, 2, 3, 4)],
)
async def test_the_audit_finds_every_flipped_bit(audit, attacker, flips, part, said):
    attacker.some.seed(2026 + part)
    assert await audit() == "consistent"
    found = 0
    while found < flips:
        change = await attacker.flip()
        if change is None:
            continue
        assert await audit() == "damaged", change
        await change.put_back()
        found += 1
    assert await audit() == "consistent"
    said(flipped=flips, found=found)
