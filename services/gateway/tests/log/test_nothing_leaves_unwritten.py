"""Fail closed in more than twenty ways: what cannot be written down is not sent (9.7).

Each way is broken right before the gate, while a run is under way: not one byte reaches the model
and the answer says that it may be tried again. Then it is mended, and the next run goes through.
"""

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import delete, select, text

from gateway.tables import LogState, RecordKey
from keel.sealing import KeyEncryptionKey

pytestmark = pytest.mark.timeout(300)
LOG, DATABASE, KEY = "log_unavailable", "database_unavailable", "signing_key_missing"
_ROLE = "passerelle_gateway"
_PART = (  # and wait until they have ended: what only is about to end would still be used
    "SELECT pg_terminate_backend(pid, 20000) FROM pg_stat_activity"
    " WHERE datname = '{}' AND usename = 'passerelle_login'"
)


def _beside(path, statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@dataclass
class Ground:
    """What stands under a gateway: its database, by its owner's door, and its keys."""

    url: str
    keys: Path
    app: object
    tenant: str
    held: list

    @property
    def owner(self):
        return self.url.replace("+asyncpg", "").replace("passerelle_login@", "postgres@")

    @property
    def name(self):
        return self.url.rpartition("/")[2]

    async def sql(self, *statements, beside=False):
        """Run statements as the server's owner; `beside`: from another database."""
        if self.url.startswith("sqlite"):
            # Not here: whoever has the lock may need this thread to let go of it.
            await asyncio.to_thread(_beside, self.url.partition(":///")[2], statements)
            return
        url = self.owner.rpartition("/")[0] + "/postgres" if beside else self.owner
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement.replace("DATABASE_", f'DATABASE "{self.name}"'))
        finally:
            await connection.close()

    async def part(self):
        """End the gateway's connections: those that it makes next are of the new settings."""
        await self.sql(_PART.format(self.name), beside=True)

    def look_again(self):
        """Have the key folder looked at now, not within half a second."""
        keyring = self.app.state.keyring
        for held in (keyring.access, keyring.log):
            held._watched._looked_at = float("-inf")


Step = Callable[[Ground], Awaitable[None]]


@dataclass(frozen=True)
class Way:
    """One way in which something breaks, what is answered then, and how it is mended."""

    name: str
    code: str
    breaks: Step
    mends: Step


def by_sql(name, code, breaks, mends, *, anew=False):
    """Broken by statements; `anew`: what connects from now on feels it."""

    def step(statements):
        async def do(ground):
            await ground.sql(*statements, beside=anew)
            if anew:
                await ground.part()

        return do

    return Way(name, code, step(breaks), step(mends))


_AS_OWNER = "RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
_EACH = "FOR EACH ROW EXECUTE FUNCTION spoil()"


def trigger(body, table="log_outbox", timing="BEFORE INSERT ON"):
    """A trigger of the owner's on PostgreSQL, and what takes it away."""
    constraint = "CONSTRAINT " if "AFTER" in timing else ""
    deferred = "DEFERRABLE INITIALLY DEFERRED " if constraint else ""
    return (
        [
            f"CREATE FUNCTION spoil() {_AS_OWNER} AS $$ BEGIN {body} RETURN NEW; END $$",
            f"CREATE {constraint}TRIGGER spoilt {timing} {table} {deferred} {_EACH}",
        ],
        [f"DROP TRIGGER spoilt ON {table}", "DROP FUNCTION spoil()"],
    )


def renamed(table):
    return [f"ALTER TABLE {table} RENAME TO gone"], [f"ALTER TABLE gone RENAME TO {table}"]


def setting(name, value):
    return [f"ALTER DATABASE_ SET {name} = {value}"], [f"ALTER DATABASE_ RESET {name}"]


def sqlite_trigger(table, body):
    made = f"CREATE TRIGGER spoilt BEFORE INSERT ON {table} BEGIN {body} END"
    return [made], ["DROP TRIGGER spoilt"]


_SPOILT = "ALTER SEQUENCE log_outbox_id_seq "
_CUT = "PERFORM pg_terminate_backend(pg_backend_pid());"
_REFUSE = "RAISE EXCEPTION 'no';"
_ABORT = "SELECT RAISE(ABORT, 'no');"

_BY_TABLES = [
    by_sql("the outbox is gone", LOG, *renamed("log_outbox")),
    by_sql("the records are gone", LOG, *renamed("records")),
    by_sql("the keys of records are gone", LOG, *renamed("record_keys")),
]
_OF_POSTGRESQL = [
    *_BY_TABLES,
    by_sql("a trigger refuses the outbox", LOG, *trigger(_REFUSE)),
    by_sql("a trigger refuses the record", LOG, *trigger(_REFUSE, "records")),
    by_sql("the disk of the outbox is full", LOG, *trigger("RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full';")),
    by_sql("the commit fails", LOG, *trigger(_REFUSE, timing="AFTER INSERT ON")),
    by_sql("the connection is cut in the statement", DATABASE, *trigger(_CUT)),
    by_sql("the connection is cut at the commit", DATABASE, *trigger(_CUT, timing="AFTER INSERT ON")),
    by_sql("a constraint leaves no room", LOG, ["ALTER TABLE log_outbox ADD CONSTRAINT brimming CHECK (false) NOT VALID"], ["ALTER TABLE log_outbox DROP CONSTRAINT brimming"]),
    by_sql("the ids of the outbox are used up", LOG, ["SELECT nextval('log_outbox_id_seq')", _SPOILT + "MAXVALUE 1000000 RESTART 1000000", "SELECT nextval('log_outbox_id_seq')"], [_SPOILT + "NO MAXVALUE"]),
    by_sql("the right to write is taken", LOG, [f"REVOKE INSERT ON log_outbox FROM {_ROLE}"], [f"GRANT INSERT ON log_outbox TO {_ROLE}"]),
    by_sql("the policy lets nothing in", LOG, ["ALTER POLICY tenant_isolation ON records WITH CHECK (false)"], ["ALTER POLICY tenant_isolation ON records WITH CHECK (tenant = current_setting('app.tenant', true))"]),
    by_sql("the database only reads", DATABASE, *setting("default_transaction_read_only", "on"), anew=True),
    by_sql("nobody is let in", DATABASE, ["ALTER DATABASE_ ALLOW_CONNECTIONS false"], ["ALTER DATABASE_ ALLOW_CONNECTIONS true"], anew=True),
    by_sql("there are too many connections", DATABASE, ["ALTER DATABASE_ CONNECTION LIMIT 0"], ["ALTER DATABASE_ CONNECTION LIMIT -1"], anew=True),
]  # fmt: skip


async def wait_too_long(ground):
    await ground.sql("ALTER DATABASE_ SET statement_timeout = '500ms'", beside=True)
    await ground.part()
    await ground.sql(*trigger("PERFORM pg_sleep(2);")[0])


async def wait_no_more(ground):
    await ground.sql(*trigger("")[1])
    await ground.sql("ALTER DATABASE_ RESET statement_timeout", beside=True)
    await ground.part()


async def hold_a_lock(ground):
    await ground.sql("ALTER DATABASE_ SET lock_timeout = '50ms'", beside=True)
    await ground.part()
    connection = await asyncpg.connect(ground.owner)
    await connection.execute("BEGIN; LOCK TABLE log_outbox IN ACCESS EXCLUSIVE MODE")
    ground.held.append(connection)


async def let_go(ground):
    await ground.held.pop().close()
    await ground.sql("ALTER DATABASE_ RESET lock_timeout", beside=True)
    await ground.part()


async def orphan_the_commit(ground):
    await ground.sql(
        "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
        "CREATE TABLE child (p INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TRIGGER spoilt BEFORE INSERT ON log_outbox BEGIN INSERT INTO child VALUES (1); END",
    )


async def adopt(ground):
    await ground.sql("DROP TRIGGER spoilt", "DROP TABLE child", "DROP TABLE parent")


async def spoil_the_keys(ground):
    async with ground.app.state.database.begin(ground.tenant) as session:
        for key in await session.scalars(select(RecordKey)):
            ground.held.append((key.subject, key.wrapped))
            key.wrapped = bytes(60)


async def heal_the_keys(ground):
    async with ground.app.state.database.begin(ground.tenant) as session:
        while ground.held:
            subject, wrapped = ground.held.pop()
            (await session.get(RecordKey, (ground.tenant, subject))).wrapped = wrapped


def of_a_key(name, file, code, spoil):
    async def breaks(ground):
        shutil.copy2(ground.keys / file, ground.keys / "kept")
        spoil(ground.keys / file)
        ground.look_again()

    async def mends(ground):
        (ground.keys / "kept").replace(ground.keys / file)
        ground.look_again()

    return Way(name, code, breaks, mends)


_SAME_ON_BOTH = [
    Way("the keys of records cannot be opened", LOG, spoil_the_keys, heal_the_keys),
    of_a_key("the pass key is gone", "pass.pem", KEY, Path.unlink),
    of_a_key("the pass key is no key", "pass.pem", KEY, lambda path: path.write_text("no key")),
    of_a_key("the log's key is gone", "log.pem", LOG, Path.unlink),
    of_a_key("the log's key is no key", "log.pem", LOG, lambda path: path.write_text("no key")),
]
_WAYS = {
    "sqlite": [
        *_BY_TABLES,
        *_SAME_ON_BOTH,
        by_sql("a trigger refuses the outbox", LOG, *sqlite_trigger("log_outbox", _ABORT)),
        by_sql("a trigger refuses the record", LOG, *sqlite_trigger("records", _ABORT)),
        Way("the commit fails", LOG, orphan_the_commit, adopt),
    ],
    "postgresql": [
        *_OF_POSTGRESQL,
        *_SAME_ON_BOTH,
        Way("a statement takes too long", DATABASE, wait_too_long, wait_no_more),
        Way("a lock is not let go of", LOG, hold_a_lock, let_go),
    ],
}


@pytest.fixture
def ground(app, gateway_url, keys_dir, assisted):
    return Ground(gateway_url, keys_dir, app, assisted.centre.tenant, [])


async def broken(way, ground, assisted, inside):
    """What a run is answered and what the model got while it is broken, and once it is mended."""

    async def step(operation):
        if operation == "plan":
            inside.before = None
            await way.breaks(ground)

    before, inside.before = len(inside.attempts), step
    answer = await assisted.run()
    sent = len(inside.attempts) - before
    await way.mends(ground)
    again = await assisted.run()
    return answer.status_code, answer.json().get("code"), sent, again.status_code


async def test_not_one_byte_is_sent_and_once_mended_it_goes_on(
    ground, assisted, inside, ledger, gateway_url
):
    kind = gateway_url.partition("+")[0].partition("+")[0]
    ways = _WAYS[kind]
    found = {way.name: await broken(way, ground, assisted, inside) for way in ways}
    assert found == {way.name: (503, way.code, 0, 201) for way in ways}
    said = [row.said for row in await assisted.records()]
    assert ledger.unbalanced(said, [call["record"] for call in inside.attempts]) == []
    assert len(inside.attempts) == len(ways)


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_nothing_starts_with_a_key_encryption_key_of_another_database(app, keys_dir, member):
    await app.state.stop()
    (keys_dir / "gateway.kek").unlink()
    KeyEncryptionKey.create_file(keys_dir / "gateway.kek")
    one = member("one")
    one.start()
    assert one.over() == 2
    assert "gateway.kek is not the key that wrapped this database's keys" in one.said()


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_log_whose_state_is_gone_is_not_begun_again(app, ground, member):
    """It would sign a smaller size after a larger one."""
    while await app.state.sequencer.step():
        pass
    await app.state.stop()
    async with app.state.database.begin() as session:
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'log_state'"
        for guard in (await session.scalars(text(guards))).all():
            await session.execute(text(f"DROP TRIGGER {guard}"))
        await session.execute(delete(LogState))
    await app.state.database.close()
    one = member("one")
    one.start()
    assert one.over() != 0
    async with app.state.database.begin() as session:
        assert (await session.scalars(select(LogState))).all() == []
    await app.state.database.close()
