"""A log has generations, each with its own origin; what is written never changes (section 8)."""

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.log import rules, store
from gateway.log.copies import Copies
from gateway.log.keys import LogKeys
from gateway.log.service import Log, NewOrigin, Sequencer
from gateway.tables import LogEntry, LogState
from keel.database import Database
from keel.migrations import migrate, migrate_back
from keel.tenancy import as_owner

KEY = Ed25519PrivateKey.generate()
BEFORE = "2026_11_23_hold_records"


@pytest.fixture
async def database(gateway_url):
    database = Database(gateway_url)
    yield database
    await database.close()


@pytest.fixture
def enqueue(database):
    """Let records wait; nobody looks at what they say."""

    async def put(count):
        async with database.begin() as session:
            for number in range(count):
                await store.enqueue(
                    session,
                    [
                        {
                            "tenant": "deployment",
                            "record": f"rec_{number}",
                            "kind": "system.config",
                            "commitment": bytes([number % 256]) * 32,
                        }
                    ],
                )

    return put


@pytest.fixture
async def log(database, enqueue, keys_dir):
    """A log of 300 records, and what grows it."""

    async def genesis(session, about):
        await store.enqueue(
            session,
            [
                {
                    "tenant": "deployment",
                    "record": "rec_g",
                    "kind": "log.genesis",
                    "commitment": b"g" * 32,
                }
            ],
        )
        return "rec_g"

    origin = "centre.example/log"
    sequencer = Sequencer(database, origin, LogKeys.open(keys_dir), genesis, Copies(origin))
    await sequencer.start()
    await enqueue(299)
    assert await sequencer.step() == 299
    return sequencer


@pytest.fixture
async def administrator(gateway_url, log):
    """Someone who may do anything: only the triggers stand in the way."""
    database = Database(gateway_url.replace("passerelle_login@", "postgres@"))
    yield database
    await database.close()


FORBIDDEN = {
    "an entry is changed": "UPDATE log_entries SET leaf = leaf WHERE log_index = 3",
    "an entry is deleted": "DELETE FROM log_entries WHERE log_index = 299",
    "an entry changes its log": "UPDATE log_entries SET generation = 2 WHERE log_index = 0",
    "a full tile is changed": "UPDATE log_tiles SET hashes = hashes WHERE level = 0 AND position = 0",
    "a full tile is deleted": "DELETE FROM log_tiles WHERE level = 0 AND position = 0",
    "a partial tile is deleted": "DELETE FROM log_tiles WHERE level = 0 AND position = 1",
    "the log gets shorter": "UPDATE log_state SET size = size - 1",
    "one size gets another root": "UPDATE log_state SET root = (SELECT substr(leaf, 1, 32) FROM log_entries WHERE log_index = 1)",
    "the origin changes": "UPDATE log_state SET origin = 'elsewhere.example/log'",
    "a log is forgotten": "DELETE FROM log_state",
}  # fmt: skip


@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_the_database_itself_refuses_that(administrator, statement):
    with pytest.raises(DBAPIError, match="immutable"):
        async with administrator.begin() as session:
            await session.execute(text(statement))


@pytest.mark.parametrize(
    "migrated", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
async def test_what_serves_is_not_even_allowed_to_ask_for_it(database, log):
    """A second lock beside the triggers: entries are inserted and read, and that is all."""
    for statement in (
        *[statement for what, statement in FORBIDDEN.items() if "entry" in what or "delete" in what],
        FORBIDDEN["the origin changes"], FORBIDDEN["a log is forgotten"],
        "UPDATE log_tiles SET position = 9", "TRUNCATE log_entries",
    ):  # fmt: skip
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.begin() as session:
                await session.execute(text(statement))


AFTER_THE_END = {
    "its state changes": "UPDATE log_state SET last_minute = last_minute + 1",
    "it begins again": "UPDATE log_state SET ended_at = NULL",
    "it grows": "UPDATE log_state SET size = size + 1",
    "it gets an entry": "INSERT INTO log_entries (generation, log_index, leaf) SELECT 1, 300, leaf FROM log_entries WHERE log_index = 0",
    "it gets a tile": "INSERT INTO log_tiles (generation, level, position, hashes) SELECT 1, 5, 0, hashes FROM log_tiles WHERE level = 1",
    "its last tile changes": "UPDATE log_tiles SET hashes = hashes WHERE level = 0 AND position = 1",
}  # fmt: skip


@pytest.mark.parametrize("statement", AFTER_THE_END.values(), ids=AFTER_THE_END)
async def test_of_a_log_that_ended_the_database_refuses_that(database, log, statement):
    async with database.begin() as session:
        await session.execute(text("UPDATE log_state SET ended_at = 1"))
    with pytest.raises(DBAPIError, match="immutable"):
        async with database.begin() as session:
            await session.execute(text(statement))


@pytest.fixture
async def second(database, log, enqueue):
    """The same installation with a second log, which has three records."""
    await log.begin_anew(NewOrigin.OTHER)
    await enqueue(2)
    assert await log.step() == 2


async def test_a_record_gets_its_place_in_the_log_that_grows(database, second):
    async with database.begin() as session:
        newest, first = await Log.newest(session), await Log.of(session, 1)
        assert (newest.generation.origin, newest.generation.size) == ("centre.example/log/2", 3)
        assert (first.generation.origin, first.generation.size) == ("centre.example/log", 300)
        sizes = await session.execute(select(LogEntry.generation, LogEntry.log_index))
        assert sorted(tuple(row) for row in sizes)[-3:] == [(2, 0), (2, 1), (2, 2)]


PATHS = ("checkpoint", "vkey", "tile/0/000.p/3", "tile/entries/000.p/3",
         "proof/inclusion?index=1&size=3", "proof/consistency?from=1&to=3")  # fmt: skip


async def test_each_log_is_read_under_its_number_and_the_newest_without_one(app, gateway, centre):
    await centre.new_counsellor()
    await centre.call("GET", "/v1/records")
    await centre.call("GET", "/v1/records")
    while await app.state.sequencer.step():
        pass
    for path in PATHS:
        plain, numbered = await gateway.get(f"/log/{path}"), await gateway.get(f"/log/1/{path}")
        assert plain.status_code == numbered.status_code == 200
        assert plain.content == numbered.content
        assert plain.headers["cache-control"] == numbered.headers["cache-control"]
        assert (await gateway.head(f"/log/1/{path}")).status_code == 200
        for other in ("2", "0", "01", "1.0", "one", "9" * 12):
            assert (await gateway.get(f"/log/{other}/{path}")).status_code in {404, 422}


async def test_a_receipt_proves_against_the_log_that_its_record_is_in(app, centre, given):
    await app.state.sequencer.step()
    page = (await centre.call("GET", f"/v1/records?consent={given['id']}")).json()
    record = page["items"][0]["id"]
    async with app.state.database.begin() as session:
        first = await store.state(session)
    begun = await app.state.log.new_origin(NewOrigin.OTHER)
    assert begun["origin"] == f"{first.origin}/2"
    await app.state.sequencer.step()
    receipt = (await centre.call("GET", f"/v1/records/{record}/receipt")).json()
    head, _, note = receipt["proof"].partition("\n\n")
    assert note == first.checkpoint
    leaf = base64.urlsafe_b64decode(receipt["leaf"] + "==")
    assert json.loads(leaf)["v"] == 1
    assert head.startswith("c2sp.org/tlog-proof@v1\nindex ")


@pytest.fixture
def as_its_owner(owned_url):
    async def do(work):
        engine = create_async_engine(owned_url, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return do


async def test_the_log_of_before_is_the_first_generation_and_goes_both_ways(
    owned_url, as_its_owner
):
    await migrate("gateway", owned_url, BEFORE)
    leaf = rules.leaf(b"\x00" * 32, kind="r", minute=29923812)
    note = rules.Checkpoint("centre.example/log", 1, rules.leaf_hash(leaf)).sign(KEY)

    def fill(connection):
        def insert(statement, **bound):
            connection.execute(text(statement), bound)

        insert("INSERT INTO log_entries VALUES (0, :leaf)", leaf=leaf)
        insert("INSERT INTO log_tiles VALUES (0, 0, :h)", h=rules.leaf_hash(leaf))
        insert(
            "INSERT INTO log_state VALUES (1, 1, 29923812, :root, :note)",
            root=rules.leaf_hash(leaf), note=note,
        )  # fmt: skip
        with as_owner(connection, "records"):
            insert(
                "INSERT INTO records (tenant, id, kind, occurred_at, sealed, log_index)"
                " VALUES ('deployment', 'rec_1', 'log.genesis', 1, :leaf, 0),"
                " ('deployment', 'rec_2', 'key.rotated', 1, :leaf, NULL)",
                leaf=leaf,
            )
        insert(
            "INSERT INTO log_outbox (tenant, record, commitment) VALUES ('deployment', 'rec_2', :c)",
            c=b"c" * 32,
        )

    await as_its_owner(fill)

    def held(connection):
        with as_owner(connection, "records"):
            return [
                [tuple(row) for row in connection.execute(text(query))]
                for query in (
                    "SELECT generation, log_index FROM log_entries",
                    "SELECT generation, level, position FROM log_tiles",
                    "SELECT generation, origin, size, checkpoint, begun_at, ended_at FROM log_state",
                    "SELECT id, log_generation, log_index FROM records ORDER BY id",
                    "SELECT record, kind FROM log_outbox",
                )
            ]

    await migrate("gateway", owned_url)
    assert await as_its_owner(held) == [
        [(1, 0)],
        [(1, 0, 0)],
        [(1, "centre.example/log", 1, note, 1_795_428_720_000_000, None)],
        [("rec_1", 1, 0), ("rec_2", None, None)],
        [("rec_2", "key.rotated")],
    ]
    await migrate_back("gateway", owned_url, BEFORE)

    def kept(connection):
        return connection.execute(text("SELECT size, checkpoint FROM log_state")).one()

    assert tuple(await as_its_owner(kept)) == (1, note)
    with pytest.raises(DBAPIError):
        await as_its_owner(lambda c: c.execute(text("UPDATE log_entries SET leaf = leaf")))
    await migrate("gateway", owned_url)


async def test_a_log_of_before_learns_at_its_first_start_whose_key_signed_it(database, log):
    async with database.begin() as session:
        await session.execute(text("UPDATE log_state SET keys = ''"))
    await log.start()
    async with database.begin() as session:
        signed_by = await session.scalar(select(LogState.keys))
    assert signed_by == rules.verifier_key("centre.example/log", log.keys.held(1)[0].key)
