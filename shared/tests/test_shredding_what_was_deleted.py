"""What was deleted leaves the files of a SQLite database: the pages, the log, the free space."""

import asyncio
import secrets
import signal
import sqlite3
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from keel.database import Database
from keel.shredding import Shredder, note

SECRET = b"-- a wrapped key that must not stay --"


@pytest.fixture
async def database(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'service.sqlite3'}")
    async with database.begin() as session:
        await session.execute(text("create table kept (id integer primary key, value blob)"))
    yield database
    await database.close()


async def write(database, rows=400):
    async with database.begin() as session:
        values = [{"value": SECRET + secrets.token_bytes(200)} for _ in range(rows)]
        await session.execute(text("insert into kept (value) values (:value)"), values)


async def destroy(database):
    async with database.begin() as session:
        await session.execute(text("delete from kept"))
        await note(session)


def found(folder: Path) -> int:
    return sum(path.read_bytes().count(SECRET) for path in folder.iterdir() if path.is_file())


async def test_the_log_still_holds_what_was_deleted_until_it_is_shredded(database, tmp_path):
    await write(database)
    await destroy(database)
    assert found(tmp_path) > 0
    assert await Shredder(database).shred()
    assert found(tmp_path) == 0


async def test_nothing_is_rewritten_when_nothing_was_destroyed(database):
    await write(database)
    shredder = Shredder(database)
    assert not await shredder.shred()
    await destroy(database)
    assert await shredder.shred()
    assert not await shredder.shred()


async def test_a_destruction_that_is_rolled_back_asks_for_nothing(database):
    async with database.begin() as session:
        await note(session)
        await session.rollback()
    assert not await Shredder(database).shred()


async def test_it_is_done_while_the_service_runs(database, tmp_path):
    async with Shredder(database, rest=timedelta(milliseconds=20)).at_work():
        await write(database)
        await destroy(database)
        async with asyncio.timeout(10):
            while found(tmp_path) > 0:  # noqa: ASYNC110 - files tell nobody when they change
                await asyncio.sleep(0.02)


async def test_it_is_done_at_the_end_and_a_large_file_at_the_next_start(database, tmp_path):
    async with Shredder(database, most_bytes=0).at_work():
        await write(database)
        await destroy(database)
    assert found(tmp_path) > 0
    async with Shredder(database, most_bytes=0).at_work():
        assert found(tmp_path) == 0


async def test_whoever_reads_the_file_postpones_it_and_breaks_nothing(database, tmp_path):
    await write(database)
    reader = sqlite3.connect(tmp_path / "service.sqlite3")
    reader.execute("begin")
    reader.execute("select count(*) from kept").fetchone()
    await destroy(database)
    async with Shredder(database).at_work():
        assert found(tmp_path) > 0
        reader.close()
    assert found(tmp_path) == 0


_KILLED = """
import asyncio, os, signal, sys
from sqlalchemy import text
from keel.database import Database
from keel.shredding import note

async def main():
    async with Database(sys.argv[1]).begin() as session:
        await session.execute(text("delete from kept"))
        await note(session)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_a_kill_between_destruction_and_shredding_forgets_neither(database, tmp_path):
    await write(database)
    await database.close()
    killed = subprocess.run(  # noqa: ASYNC221 - nothing else runs
        [sys.executable, "-c", _KILLED, database.url], check=False
    )
    assert killed.returncode == -signal.SIGKILL
    again = Database(database.url)
    async with Shredder(again).at_work(), again.begin() as session:
        assert await session.scalar(text("select count(*) from kept")) == 0
    await again.close()
    assert found(tmp_path) == 0


async def test_on_postgresql_nothing_happens(new_postgresql_url):
    database = Database(new_postgresql_url())
    async with Shredder(database).at_work(), database.begin() as session:
        await note(session)
    await database.close()
