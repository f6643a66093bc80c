"""The log begins once, with its genesis, and goes on only as what it was (sections 7.3 and 8)."""

import asyncio
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from gateway.background import Background, Part
from gateway.log import store
from gateway.log.service import LogDamaged, Sequencer
from gateway.tables import LogEntry
from keel.database import Database


@pytest.fixture
async def database(gateway_url):
    database = Database(gateway_url)
    yield database
    await database.close()


@pytest.fixture
def sequencer(database):
    async def genesis(session):
        await store.enqueue(
            session, tenant="deployment", record="rec_0", kind="log.genesis", commitment=b"g" * 32
        )

    def make(origin="centre.example/log", key=None, genesis=genesis):
        return Sequencer(database, origin, key or KEY, genesis)

    return make


KEY = Ed25519PrivateKey.generate()


async def test_a_start_that_breaks_off_leaves_no_log_without_a_genesis(database, sequencer):
    async def breaks_off(session):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await sequencer(genesis=breaks_off).start()
    async with database.begin() as session:
        assert await store.state(session) is None
    await sequencer().start()
    assert await sequencer().step() == 1


async def test_a_log_has_one_genesis_however_often_it_starts(database, sequencer):
    await asyncio.gather(sequencer().start(), sequencer().start())
    await sequencer().start()
    assert await sequencer().step() == 1
    async with database.begin() as session:
        assert len((await session.scalars(select(LogEntry))).all()) == 1


@pytest.mark.parametrize(
    "changed",
    [{"origin": "elsewhere.example/log"}, {"key": Ed25519PrivateKey.generate()}],
    ids=["another origin", "another key"],
)
async def test_a_log_is_not_continued_under(sequencer, changed):
    await sequencer().start()
    await sequencer().step()
    with pytest.raises(LogDamaged, match="the origin and the key with which this log began"):
        await sequencer(**changed).start()
    await sequencer().start()


def sequencing(sequencer):
    pace = timedelta(milliseconds=0.1)
    return Part.every(pace, "sequencing", sequencer.keep_up, at_once=True)


async def test_no_exception_ends_the_sequencer_in_silence(database, sequencer, capsys):
    class Stumbling:
        stumbled = False

        def begin(self):
            if not self.stumbled:
                self.stumbled = True
                raise RuntimeError("Jeanne Untel")
            return database.begin()

    await sequencer().start()
    stumbling = Sequencer(Stumbling(), "centre.example/log", KEY, sequencer().genesis)
    async with Background().beside(sequencing(stumbling)), asyncio.timeout(5):
        size = 0
        while not size:
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


async def test_a_proof_that_is_not_there_yet_is_asked_for_again(gateway):
    answer = await gateway.get("/log/proof/inclusion?index=5&size=6")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")


async def test_a_sequencer_that_was_asked_to_stop_lets_go_of_the_database(gateway_url, sequencer):
    await sequencer().start()
    for pause in range(15):
        database = Database(gateway_url)
        running = Sequencer(database, "centre.example/log", KEY, sequencer().genesis)
        async with asyncio.timeout(5):
            async with Background().beside(sequencing(running)):
                await asyncio.sleep(pause / 1000)
            await database.close()
