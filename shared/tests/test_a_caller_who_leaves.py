"""A caller who is cancelled leaves the database as if they had never come: no lock, no half work."""

import asyncio

import anyio
import pytest
from sqlalchemy import text

from keel.database import Database
from keel.settling import settled


@pytest.fixture
async def database(database_url):
    database = Database(database_url)
    async with database.begin() as session:
        await session.execute(text("CREATE TABLE things (name VARCHAR(20))"))
    yield database
    await database.close()


async def put(database: Database, name: str, started: asyncio.Event) -> None:
    async with database.begin() as session:
        started.set()
        await session.execute(text("INSERT INTO things VALUES (:name)"), {"name": name})
        await asyncio.sleep(0)
        await session.execute(text("SELECT count(*) FROM things"))


async def names(database: Database) -> set[str]:
    async with asyncio.timeout(3):
        async with database.begin() as session:
            return set(await session.scalars(text("SELECT name FROM things")))


@pytest.mark.parametrize("steps", range(12))
async def test_cancelled_at_any_step_the_next_one_is_not_kept_waiting(database, steps):
    started = asyncio.Event()
    task = asyncio.create_task(put(database, "left", started))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await put(database, "came after", asyncio.Event())
    found = await names(database)
    assert "came after" in found
    assert ("left" in found) == (not task.cancelled())


async def test_a_scope_that_cancels_again_and_again_leaves_no_lock(database):
    for delay in (0, 0.0005, 0.001, 0.002, 0.004):
        with anyio.move_on_after(delay):
            await put(database, f"left {delay}", asyncio.Event())
        await put(database, f"after {delay}", asyncio.Event())
    assert {n for n in await names(database) if n.startswith("after")} == {
        f"after {delay}" for delay in (0, 0.0005, 0.001, 0.002, 0.004)
    }


async def test_what_is_settled_comes_to_its_end_before_its_caller_leaves():
    done = []

    async def work() -> str:
        await asyncio.sleep(0.05)
        done.append("work")
        return "result"

    with anyio.move_on_after(0.01) as scope:
        await settled(work())
    assert scope.cancelled_caught
    assert done == ["work"]
    assert await settled(work()) == "result"


async def test_an_error_of_the_work_is_the_callers():
    async def fails() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await settled(fails())
