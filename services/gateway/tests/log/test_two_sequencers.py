"""However many sequence at once, there is one log: no fork, nothing twice (section 8)."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from sqlalchemy import func, select

from gateway.log import store
from gateway.tables import LogEntry, LogOutbox, LogState
from keel.database import Database, DatabaseInUse

pytestmark = pytest.mark.timeout(590)
ON_POSTGRESQL = pytest.mark.parametrize(
    "migrated", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
ON_SQLITE = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
_PART = 25


@ON_POSTGRESQL
@pytest.mark.parametrize(
    "runs", [pytest.param(_PART, id=f"100-part{n}", marks=pytest.mark.full) for n in (1, 2, 3, 4)]
)
async def test_two_processes_sequence_at_once(member, siege, ledger, besieged, told, runs):
    """Each run begins two workers at once; in the middle of it one of them is killed."""
    apart = {"GATEWAY_WORKER": "apart", "GATEWAY_SEQUENCER_INTERVAL": "PT0.001S"}
    front = [member("one", **apart), member("two", **apart)]
    workers = [member(f"worker{n}", verb="work", **apart) for n in (1, 2)]
    kills = siege.Kills()
    async with besieged(front) as clients:
        with siege.running(front):
            async with clients.at_work(12):
                for _ in range(runs):
                    with siege.running(workers):
                        await clients.answered(10)
                        await asyncio.sleep(siege.moment(0.5))
                        kills.total += 1
                        siege.any_of(workers).kill()
                        await clients.answered(10)
            with siege.running(workers[:1]):
                evidence = await siege.gathered(clients)
    told(kills, clients, evidence)
    assert ledger.faults(evidence) == []
    assert clients.odd == []


@pytest.mark.parametrize("count", [pytest.param(5, id="5 runs")])
@ON_POSTGRESQL
async def test_sequencers_in_one_race_place_each_record_once(app, gateway_url, count):
    """Two that read the same waiting records at the same time, with connections of their own."""
    async with AsyncExitStack() as stack:
        racing = [app.state.sequencer]
        for _ in range(2):
            database = Database(gateway_url)
            stack.push_async_callback(database.close)
            racing.append(replace(app.state.sequencer, database=database))
        expected = 1  # the genesis
        for run in range(count):
            async with app.state.database.begin() as session:
                row = {"tenant": "tnt_x", "record": "rec_x", "kind": "r"}
                marks = [b"%015d%017d" % (run, n) for n in range(300)]
                await store.enqueue(session, [{**row, "commitment": mark} for mark in marks])
            expected += 300
            while await waiting(app.state.database):
                await asyncio.gather(*(sequencer.step() for sequencer in racing))
        async with app.state.database.begin() as session:
            leaves = (await session.scalars(select(LogEntry.leaf))).all()
            size = await session.scalar(select(LogState.size))
    assert size == len(leaves) == len(set(leaves)) >= expected


async def waiting(database):
    async with database.begin() as session:
        return await session.scalar(select(func.count()).select_from(LogOutbox))


@ON_SQLITE
@pytest.mark.parametrize("verb", ["serve", "work"])
async def test_on_sqlite_a_second_process_is_refused(app, member, verb):
    second = member("second", verb=verb)
    second.start()
    assert second.over() == 2
    assert "Another process already uses" in second.said()


@ON_SQLITE
async def test_on_sqlite_another_name_of_the_same_file_is_refused(app, gateway_url, tmp_path):
    path = gateway_url.partition(":///")[2]
    (tmp_path / "alias.sqlite3").symlink_to(path)
    other = Database(f"sqlite+aiosqlite:///{tmp_path / 'alias.sqlite3'}")
    with pytest.raises(DatabaseInUse, match="Another process already uses"):
        other.claim()
    await other.close()
