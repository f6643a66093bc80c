"""The log begins once, with its genesis, and goes on only as what it was (sections 7.3 and 8)."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from gateway.background import Background, Part
from gateway.log import store
from gateway.log.copies import Copies
from gateway.log.keys import LogKeys
from gateway.log.service import LogDamaged, Sequencer
from gateway.tables import LogEntry, LogTile
from keel.database import Database


@pytest.fixture
async def database(gateway_url):
    database = Database(gateway_url)
    yield database
    await database.close()


@pytest.fixture
def sequencer(database, keys_dir):
    async def genesis(session, about):
        await store.enqueue(
            session,
            [
                {
                    "tenant": "deployment",
                    "record": "rec_0",
                    "kind": "log.genesis",
                    "commitment": b"g" * 32,
                }
            ],
        )
        return "rec_0"

    def make(origin=ORIGIN, keys=keys_dir, genesis=genesis, database=database):
        return Sequencer(database, origin, LogKeys.open(keys), genesis, Copies(origin))

    return make


ORIGIN = "centre.example/log"


@pytest.fixture
def other_keys(tmp_path):
    LogKeys.create(tmp_path)
    return tmp_path


async def test_a_start_that_breaks_off_leaves_no_log_without_a_genesis(database, sequencer):
    async def breaks_off(session, about):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await sequencer(genesis=breaks_off).start()
    async with database.begin() as session:
        assert await store.state(session) is None
    await sequencer().start()
    async with database.begin() as session:
        assert (await store.state(session)).size == 1


async def test_a_log_has_one_genesis_however_often_it_starts(database, sequencer):
    await asyncio.gather(sequencer().start(), sequencer().start())
    await sequencer().start()
    assert await sequencer().step() == 0
    async with database.begin() as session:
        assert len((await session.scalars(select(LogEntry))).all()) == 1


async def test_a_log_is_not_continued_under_another_origin_or_key(sequencer, other_keys):
    await sequencer().start()
    with pytest.raises(LogDamaged, match="Give back the origin with which it began"):
        await sequencer(origin="elsewhere.example/log").start()
    with pytest.raises(LogDamaged, match="Give back the key with which this log was signed"):
        await sequencer(keys=other_keys).start()
    await sequencer().start()


def sequencing(sequencer):
    pace = timedelta(milliseconds=0.1)
    return Part.every(pace, "sequencing", sequencer.keep_up, at_once=True)


async def test_what_was_signed_last_is_looked_at_before_anything_is_signed(database, sequencer):
    running = sequencer()
    await running.start()
    async with database.begin() as session:
        before = await store.state(session)
        await session.execute(update(LogTile).values(hashes=b"x" * 32))
        waiting = {"tenant": "deployment", "record": "rec_1", "kind": "key.rotated"}
        await store.enqueue(session, [waiting | {"commitment": b"k" * 32}])
    with pytest.raises(LogDamaged, match="do not give its root"):
        await running.step()
    async with database.begin() as session:
        assert await store.state(session) == before
        assert await store.has_waiting(session)


async def test_no_exception_ends_the_sequencer_in_silence(database, sequencer, capsys):
    class Stumbling:
        stumbled = False

        def begin(self):
            if not self.stumbled:
                self.stumbled = True
                raise RuntimeError("Jeanne Untel")
            return database.begin()

    await sequencer().start()
    async with database.begin() as session:
        await store.enqueue(
            session,
            [{"tenant": "deployment", "record": "rec_1", "kind": "r", "commitment": b"c" * 32}],
        )
    stumbling = sequencer(database=Stumbling())
    async with Background().beside(sequencing(stumbling)), asyncio.timeout(5):
        size = 1
        while size == 1:
            await asyncio.sleep(0.02)
            async with database.begin() as session:
                size = (await store.state(session)).size
    said = capsys.readouterr()
    assert "RuntimeError" in said.out + said.err
    assert "Jeanne" not in said.out + said.err


@pytest.mark.parametrize(
    "path",
    ["checkpoint", "vkey", "tile/0/000.p/1", "tile/entries/000.p/1",
     "proof/inclusion?index=0&size=1", "proof/consistency?from=1&to=1"],
)  # fmt: skip
async def test_head_says_of_each_public_path_what_get_says(app, gateway, path):
    await app.state.sequencer.step()
    read = await gateway.get(f"/log/{path}")
    head = await gateway.head(f"/log/{path}")
    assert head.status_code == read.status_code == 200
    told = ("content-type", "content-length", "cache-control")
    assert [head.headers[name] for name in told] == [read.headers[name] for name in told]
    kept = path.partition("/")[0] in {"tile", "proof"}
    assert ("immutable" in read.headers["cache-control"]) is kept


@pytest.mark.parametrize(
    "path",
    ["tile/0/" + "x000/" * 20 + "000", "tile/00000000000/000", "tile/entries/" + "0" * 90,
     "00000000001/checkpoint", "01/checkpoint"],
)  # fmt: skip
async def test_what_is_no_path_of_the_log_is_not_there(gateway, path):
    assert (await gateway.get(f"/log/{path}")).status_code == 404


async def test_a_proof_that_is_not_there_yet_is_asked_for_again(gateway):
    answer = await gateway.get("/log/proof/inclusion?index=5&size=6")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


async def test_a_sequencer_that_was_asked_to_stop_lets_go_of_the_database(gateway_url, sequencer):
    await sequencer().start()
    for pause in range(15):
        database = Database(gateway_url)
        running = sequencer(database=database)
        async with asyncio.timeout(5):
            async with Background().beside(sequencing(running)):
                await asyncio.sleep(pause / 1000)
            await database.close()
