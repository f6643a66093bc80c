"""The audit finds whatever was changed, and says what and where; an auditor can do it offline."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from gateway.log import rules, store
from gateway.log.audit import audit
from gateway.log.copies import Copies
from gateway.log.export import export
from gateway.log.keys import LogKeys, path_of, replace_key
from gateway.log.service import NewOrigin, Sequencer
from gateway.tables import Record
from keel.clock import utc_now
from keel.database import Database

ORIGIN = "centre.example/log"
SQLITE = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)


@pytest.fixture
async def database(gateway_url):
    database = Database(gateway_url)
    yield database
    await database.close()


@pytest.fixture
async def keys(database, keys_dir):
    """The keys of two logs: one of 700 that ended, with two keys, and one of 300."""

    async def genesis(session, about):
        number = f"rec_{about['origin'][-1]}"
        await store.enqueue(session, [waiting(number)])
        return number

    def waiting(record):
        return {"tenant": "deployment", "record": record, "kind": "r", "commitment": b"c" * 32}

    keys = LogKeys.open(keys_dir)
    sequencer = Sequencer(database, ORIGIN, keys, genesis, Copies(ORIGIN))
    await sequencer.start()
    for count in (699, 299):
        async with database.begin() as session:
            await store.enqueue(session, [waiting(f"rec_{i:06}") for i in range(count)])
        while await sequencer.step():
            pass
        if count == 699:
            replace_key(keys_dir, 1, ORIGIN, at=datetime.now(UTC))
            await sequencer.begin_anew(NewOrigin.OTHER)
    return keys


async def test_what_was_not_touched_is_consistent(database, keys):
    found = await audit(database, ORIGIN, keys)
    assert (found["faults"], found["verdict"]) == ([], "consistent")
    assert [(one["generation"], one["size"]) for one in found["generations"]] == [
        (1, 700),
        (2, 300),
    ]
    assert (found["origin"], found["size"]) == (f"{ORIGIN}/2", 300)


@SQLITE
@pytest.mark.parametrize(
    ("done", "where"),
    [("DELETE FROM log_state", "log_entries"),
     ("UPDATE log_state SET begun_at = 9223372036854775807", "log_state"),
     ("UPDATE log_entries SET leaf = CAST(leaf AS TEXT) WHERE generation = 1 AND log_index = 7", "generation 1")],
)  # fmt: skip
async def test_what_another_program_did_to_the_file_is_told_as_damage(
    database, keys, gateway_url, done, where
):
    with sqlite3.connect(gateway_url.removeprefix("sqlite+aiosqlite:///")) as file:
        for (trigger,) in file.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            file.execute(f"DROP TRIGGER {trigger}")
        file.execute(done)
    found = await audit(database, ORIGIN, keys)
    assert found["verdict"] == "damaged"
    assert where in [fault["where"] for fault in found["faults"]]


LOST = {
    "an entry": ("DELETE FROM log_entries WHERE generation = 1 AND log_index = 17", "entry 17"),
    "the last entry": ("DELETE FROM log_entries WHERE generation = 2 AND log_index = 299", "entries 299 to 299"),
    "a full tile": ("DELETE FROM log_tiles WHERE generation = 1 AND level = 0 AND position = 1", "tile 0/1"),
    "an upper tile": ("DELETE FROM log_tiles WHERE generation = 1 AND level = 1", "tile 1/0"),
    "one entry too many": ("INSERT INTO log_entries SELECT 2, 300, leaf FROM log_entries WHERE generation = 2 AND log_index = 1", "entry 300"),
    "one tile too many": ("INSERT INTO log_tiles SELECT 2, 3, 0, hashes FROM log_tiles WHERE generation = 2 AND level = 1", "tile 3/0"),
    "a time of no calendar": ("UPDATE log_state SET begun_at = begun_at | (1 << 58) WHERE generation = 2", "log_state"),
    "entries of no log": ("INSERT INTO log_entries SELECT 9, 0, leaf FROM log_entries WHERE generation = 2 AND log_index = 1", "log_entries"),
}  # fmt: skip


@SQLITE
@pytest.mark.parametrize(("statement", "where"), LOST.values(), ids=LOST)
async def test_what_is_missing_or_too_much_is_named(database, keys, gateway_url, statement, where):
    await database.close()
    connection = sqlite3.connect(gateway_url.partition(":///")[2])
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(statement)
    connection.commit()
    connection.close()
    found = await audit(database, ORIGIN, keys)
    assert found["verdict"] == "damaged"
    assert any(where in fault["where"] for fault in found["faults"])


async def test_the_log_as_files_is_what_the_tiles_are(database, keys, tmp_path):
    await export(database, tmp_path / "out")
    written = {
        str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*") if p.is_file()
    }
    of_second = {"checkpoint", "vkey", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1",
                 "tile/entries/000", "tile/entries/001.p/44"}  # fmt: skip
    assert {name for name in written if not name[0].isdigit()} == of_second
    assert {name[2:] for name in written if name.startswith("2/")} == of_second
    out = tmp_path / "out" / "1"
    leaves = []
    for path in ("000", "001", "002.p/188"):
        body = (out / "tile/entries" / path).read_bytes()
        while body:
            width = int.from_bytes(body[:2], "big")
            leaves.append(body[2 : 2 + width])
            body = body[2 + width :]
    edge = {}
    rules.append(edge, 0, [rules.leaf_hash(leaf) for leaf in leaves])
    read = rules.Checkpoint.read((out / "checkpoint").read_text())
    assert (read.origin, read.size, read.root) == (ORIGIN, 700, rules.root_of_edge(edge))


async def test_an_operator_sees_how_the_log_stands_and_changes_its_key(app):
    log = app.state.log
    stands = await log.status()
    assert (stands["generation"], stands["waiting"], stands["copies"]) == (
        1,
        stands["waiting"],
        None,
    )
    assert len(stands["signed_by"]) == 1
    (changed,) = await log.rotate_key()
    assert (changed["use"], changed["step"]) == ("log", "activated")
    assert "reason" not in changed  # nobody said why
    app.state.keyring.log._watched.again()
    while await app.state.sequencer.step():
        pass
    after = await log.status()
    assert [key["key_id"] for key in after["keys"]] == [changed["kid_new"], changed["kid_old"]]
    assert len(after["signed_by"]) == 2
    assert (await log.audit(records=True))["verdict"] == "consistent"


@pytest.fixture
async def replaced(app):
    """A key that another has replaced, more than 30 days ago."""
    keys = app.state.keyring.log
    await app.state.log.rotate_key()
    (old,) = keys.folder.glob("log.old-*.pem")
    old.rename(path_of(keys.folder, 1, utc_now() - timedelta(minutes=1)))
    keys._watched.again()
    return keys


def log_keys(keys):
    return sorted(path.name.partition("-")[0] for path in keys.folder.glob("log*.pem"))


async def test_a_key_whose_thirty_days_are_over_is_deleted_unasked_and_on_record(app, replaced):
    while await app.state.sequencer.step():
        pass
    await app.state.log.forget_old_keys()
    assert log_keys(replaced) == ["log.pem"]
    async with app.state.database.begin("deployment") as session:
        query = select(Record).where(Record.kind == "key.rotated").order_by(Record.id)
        told = [await app.state.records.read(session, row) for row in await session.scalars(query)]
    activated, deleted = (record["body"] for record in told)
    assert (deleted["step"], deleted["kid_old"]) == ("deleted", activated["kid_old"])
    await app.state.log.forget_old_keys()
    (again,) = await app.state.log.rotate_key()
    assert again["kid_old"] == activated["kid_new"]
    assert log_keys(replaced) == ["log.old", "log.pem"]


async def test_the_key_that_alone_signed_the_last_checkpoint_stays_until_there_is_a_newer_one(
    app, replaced
):
    await app.state.log.forget_old_keys()
    assert log_keys(replaced) == ["log.old", "log.pem"]
    while await app.state.sequencer.step():
        pass
    await app.state.log.forget_old_keys()
    assert log_keys(replaced) == ["log.pem"]
    assert await app.state.log.look_at_the_edge()
