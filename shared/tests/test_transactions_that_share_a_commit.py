"""On SQLite, who waits for the connection shares a commit, and nobody can tell but by the clock."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from keel import group_commit
from keel.database import Database

_PUT = text("INSERT INTO things VALUES (:name)")
_READ = text("SELECT count(*) FROM things")


class Refused(Exception):  # noqa: N818 - as the house names its refusals
    """What a member raises of its own accord."""


async def opened(path: Path) -> Database:
    database = Database(f"sqlite+aiosqlite:///{path}")
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE things (name VARCHAR(20) PRIMARY KEY)"))
        await session.execute(text("CREATE TABLE whole (name VARCHAR(20) PRIMARY KEY)"))
        await session.execute(
            text(
                "CREATE TABLE parts (of VARCHAR(20) REFERENCES whole (name) "
                "DEFERRABLE INITIALLY DEFERRED)"
            )
        )
    return database


async def closed(path: Path) -> None:
    await (await opened(path)).close()


@pytest.fixture
async def database(tmp_path, monkeypatch):
    monkeypatch.setattr(group_commit, "_WORTH", 10_000)  # all who wait share, on any disk
    database = await opened(tmp_path / "shared.sqlite3")
    yield database
    await database.close()


@pytest.fixture
async def told(database):
    """What SQLite is told, statement by statement."""
    statements: list[str] = []
    async with database.engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
    await driver.set_trace_callback(statements.append)
    return statements


@pytest.fixture
def witness(tmp_path):
    """Another connection to the file: it sees what was committed, and nothing else."""
    connection = sqlite3.connect(tmp_path / "shared.sqlite3")
    yield lambda: {name for (name,) in connection.execute("SELECT name FROM things")}
    connection.close()


async def put(database: Database, name: str, *, then: Exception | None = None) -> None:
    async with database.begin() as session:
        await session.execute(_PUT, {"name": name})
        if then is not None:
            raise then


async def waiting(database: Database, *works) -> list[asyncio.Task]:
    """Start all while somebody holds the connection, so that they wait in this order."""
    held, free = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        with suppress(DBAPIError):
            async with database.begin() as session:
                await session.execute(_READ)
                held.set()
                await free.wait()

    holder = asyncio.create_task(hold())
    await held.wait()
    tasks = []
    for work in works:
        tasks.append(asyncio.create_task(work))
        while len(database.engine.sync_engine.pool.turns) < len(tasks):  # noqa: ASYNC110 - no event
            await asyncio.sleep(0)
    free.set()
    return [*tasks, holder]


async def together(database: Database, *works) -> list[object]:
    """Let all wait for the connection, and return how each ended."""
    *ends, _ = await asyncio.gather(*await waiting(database, *works), return_exceptions=True)
    return ends


async def test_who_waits_together_commits_together(database, told, witness):
    assert await together(database, *(put(database, f"n{i}") for i in range(8))) == [None] * 8
    assert witness() == {f"n{i}" for i in range(8)}
    # whoever held the connection is one of them
    assert (told.count("BEGIN IMMEDIATE"), told.count("COMMIT")) == (1, 1)
    assert told.count("SAVEPOINT member") == told.count("RELEASE member") + 1 == 8


async def test_who_is_alone_commits_as_ever(database, told):
    for name in "abc":
        await put(database, name)
    assert [s for s in told if not s.startswith("INSERT")] == ["BEGIN IMMEDIATE", "COMMIT"] * 3


async def test_nothing_is_acknowledged_before_it_is_on_disk(database, witness):
    seen = {}

    async def tell(name: str) -> None:
        await put(database, name)
        seen[name] = name in witness()

    await asyncio.gather(*(tell(f"n{i}") for i in range(64)))
    assert len(seen) == 64
    assert all(seen.values())


async def test_who_only_read_waits_for_what_it_saw(database, witness):
    saw = []

    async def read() -> None:
        async with database.begin() as session:
            names = set(await session.scalars(text("SELECT name FROM things")))
        saw.append(names <= witness())

    async def refuse() -> None:
        with pytest.raises(Refused):
            await put(database, "never", then=Refused())
        saw.append({"n1", "n2"} <= witness())

    await together(
        database, put(database, "n1"), put(database, "n2"), read(), refuse(), read(), read()
    )
    assert saw == [True] * 4


async def test_a_member_that_raises_leaves_no_trace_and_hurts_nobody(database, witness):
    await put(database, "there")
    ends = await together(
        database,
        put(database, "n1"),
        put(database, "n2", then=Refused()),
        put(database, "n3"),
        put(database, "there"),  # the key is taken
        put(database, "n4"),
        put(database, "n5", then=Refused()),
    )
    assert [type(end) for end in ends] == [
        type(None), Refused, type(None), IntegrityError, type(None), Refused,
    ]  # fmt: skip
    assert witness() == {"there", "n1", "n3", "n4"}


async def test_a_savepoint_of_its_own_is_undone_alone(database, witness):
    async def with_a_savepoint(name: str) -> None:
        async with database.begin() as session:
            await session.execute(_PUT, {"name": name})
            with suppress(Refused):
                async with session.begin_nested():
                    await session.execute(_PUT, {"name": f"{name} undone"})
                    raise Refused
            async with session.begin_nested():
                await session.execute(_PUT, {"name": f"{name} kept"})

    await together(database, *(with_a_savepoint(f"n{i}") for i in range(4)))
    assert witness() == {f"n{i}{kept}" for i in range(4) for kept in ("", " kept")}


async def put_a_part_of_nothing(database: Database) -> None:
    """What SQLite notices at the COMMIT only."""
    async with database.begin() as session:
        await session.execute(text("INSERT INTO parts VALUES ('nothing')"))


async def test_a_commit_that_fails_fails_all_who_share_it(database, witness):
    ends = await together(
        database,
        put(database, "n1"),
        put(database, "n2", then=Refused()),
        put_a_part_of_nothing(database),
        put(database, "n3"),
    )
    lost = [end for end in ends if isinstance(end, IntegrityError)]
    assert len(lost) == len({id(end) for end in lost}) == 4
    assert witness() == set()
    await put(database, "after")
    assert witness() == {"after"}


async def test_who_saw_what_was_then_lost_does_not_answer_from_it(database, witness):
    ends = await together(
        database, put_a_part_of_nothing(database), put(database, "n", then=Refused())
    )
    assert [type(end) for end in ends] == [IntegrityError, IntegrityError]
    assert witness() == set()


async def test_an_error_that_takes_the_whole_transaction_fails_all_who_share_it(database, witness):
    await put(database, "there")

    async def lose_all() -> None:
        async with database.begin() as session:
            with suppress(DBAPIError):
                await session.execute(text("INSERT OR ROLLBACK INTO things VALUES ('there')"))
            await session.execute(_PUT, {"name": "on its own"})

    ends = await together(
        database, put(database, "n1"), put(database, "n2"), lose_all(), put(database, "n3")
    )
    assert [isinstance(end, DBAPIError) for end in ends] == [True, True, True, False]
    assert witness() == {"there", "n3"}


async def test_whoever_uses_the_engine_itself_has_a_commit_of_its_own(database, told, witness):
    async def by_the_engine() -> set[str]:
        async with database.engine.begin() as connection:
            await connection.execute(_PUT, {"name": "raw"})
        return witness()

    ends = await together(database, put(database, "n1"), by_the_engine(), put(database, "n2"))
    assert {"n1", "raw"} <= ends[1]
    raw = next(i for i, statement in enumerate(told) if "raw" in statement)
    assert (told[raw - 2], told[raw - 1], told[raw + 1]) == ("COMMIT", "BEGIN IMMEDIATE", "COMMIT")


@pytest.mark.parametrize("steps", range(0, 40, 3))
async def test_who_is_cancelled_in_a_group_leaves_no_lock_and_no_half_work(
    database, witness, steps
):
    *tasks, holder = await waiting(database, *(put(database, f"n{i}") for i in range(5)))
    for _ in range(steps):
        await asyncio.sleep(0)
    tasks[1].cancel()
    tasks[3].cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    async with asyncio.timeout(3):
        await holder
        await put(database, "after")
    assert {i for i, end in enumerate(ends) if end is not None} <= {1, 3}
    assert {"n0", "n2", "n4", "after"} <= witness()


async def test_a_steady_stream_does_not_keep_a_commit_waiting(database):
    stop, waits = asyncio.Event(), []

    async def stream(which: int) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await put(database, f"{which} {number}")

    streams = [asyncio.create_task(stream(i)) for i in range(16)]
    for i in range(5):
        began = asyncio.get_running_loop().time()
        await put(database, f"timed {i}")
        waits.append(asyncio.get_running_loop().time() - began)
    stop.set()
    await asyncio.gather(*streams)
    assert max(waits) < 2


async def test_closing_waits_for_those_who_are_not_done(tmp_path):
    database = await opened(tmp_path / "closed.sqlite3")
    *tasks, holder = await waiting(database, *(put(database, f"n{i}") for i in range(6)))
    await database.close()
    again = sqlite3.connect(tmp_path / "closed.sqlite3")
    assert again.execute("SELECT count(*) FROM things").fetchone() == (6,)
    again.close()
    await asyncio.gather(*tasks, holder)


_STEP = st.sampled_from(["put", "pause", "savepoint", "undone"])
_END = st.sampled_from(["commit", "commit", "commit", "raise", "cancel", "orphan"])
_STORY = st.lists(st.tuples(st.lists(_STEP, max_size=4), _END), min_size=1, max_size=12)


async def member(database: Database, number: int, steps: list[str], end: str) -> None:
    async with database.begin() as session:
        await session.execute(_PUT, {"name": f"{number}"})
        for i, step in enumerate(steps):
            if step == "put":
                await session.execute(_PUT, {"name": f"{number} {i}"})
            elif step == "pause":
                await asyncio.sleep(0)
            else:
                with suppress(Refused):
                    async with session.begin_nested():
                        name = f"{number} {i}" if step == "savepoint" else f"{number} {i} undone"
                        await session.execute(_PUT, {"name": name})
                        if step == "undone":
                            raise Refused
        if end == "orphan":
            await session.execute(text("INSERT INTO parts VALUES ('nothing')"))
        if end == "raise":
            raise Refused


def wrote(number: int, steps: list[str]) -> set[str]:
    return {f"{number}"} | {
        f"{number} {i}" for i, step in enumerate(steps) if step in ("put", "savepoint")
    }


@settings(max_examples=30, deadline=None)
@given(_STORY, st.integers(0, 60))
def test_any_members_at_once_leave_what_was_acknowledged_and_nothing_else(story, patience):
    async def play(path: Path) -> None:
        database = await opened(path)
        witness = sqlite3.connect(path)

        def kept() -> set[str]:
            return {name for (name,) in witness.execute("SELECT name FROM things")}

        async def acknowledged(number: int, steps: list[str], end: str) -> bool:
            try:
                await member(database, number, steps, end)
            except (Refused, IntegrityError, OperationalError):
                return False
            assert wrote(number, steps) <= kept()
            return True

        tasks = [
            asyncio.create_task(acknowledged(number, *told)) for number, told in enumerate(story)
        ]
        for _ in range(patience):
            await asyncio.sleep(0)
        for task, (_, end) in zip(tasks, story, strict=True):
            if end == "cancel":
                task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        left = kept()
        for number, ((steps, end), how) in enumerate(zip(story, ends, strict=True)):
            mine = {name for name in left if name.split()[0] == str(number)}
            if isinstance(how, asyncio.CancelledError):  # the whole of it, or nothing
                assert mine in (set(), wrote(number, steps))
            else:
                assert mine == (wrote(number, steps) if how else set())
                assert how in (True, False)
                assert not (how and end in ("raise", "orphan"))
        witness.close()
        await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder) / "any.sqlite3"))


_WRITER = """
import asyncio, os, sys
from sqlalchemy import text
from keel.database import Database

async def write(database, which):
    number = 0
    while True:
        number += 1
        name = f"{which}-{number}"
        try:
            async with database.begin() as session:
                for half in "ab":
                    await session.execute(text("INSERT INTO things VALUES (:n)"), {"n": name + half})
                if number % 3 == 0:
                    raise ValueError
        except ValueError:
            continue
        os.write(1, (name + "\\n").encode())

async def main():
    database = Database(sys.argv[1])
    await asyncio.gather(*(write(database, sys.argv[2] + str(i)) for i in range(24)))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    "times", [5, pytest.param(50, marks=[pytest.mark.full, pytest.mark.timeout(300)])]
)
def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path, times):
    path = tmp_path / "killed.sqlite3"
    asyncio.run(closed(path))
    chance = random.Random(times)  # noqa: S311 - of when to kill
    acknowledged = set()
    for life in range(times):
        child = subprocess.Popen(
            [sys.executable, "-c", _WRITER, f"sqlite+aiosqlite:///{path}", f"{life}."],
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        acknowledged.add(child.stdout.readline().decode().strip())
        time.sleep(chance.uniform(0, 0.15))
        os.kill(child.pid, signal.SIGKILL)
        # a line that the kill cut in two was not read by anybody
        acknowledged.update(line.decode().strip() for line in child.stdout if line[-1:] == b"\n")
        child.wait()
        child.stdout.close()
    again = sqlite3.connect(path)
    left = {name for (name,) in again.execute("SELECT name FROM things")}
    assert again.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    again.close()
    assert len(acknowledged) > 10 * times
    assert {name + half for name in acknowledged for half in "ab"} <= left
    assert {name[:-1] + "a" for name in left} == {n for n in left if n.endswith("a")}
    assert not [name for name in left if int(name[:-1].rpartition("-")[2]) % 3 == 0]
