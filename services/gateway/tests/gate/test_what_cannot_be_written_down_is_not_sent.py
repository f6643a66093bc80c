"""Fail closed (profile, section 4 and 9.7): no record, no dispatch, and not one byte at the model."""

import asyncio
import sqlite3

import asyncpg
import pytest
from sqlalchemy import text

from gateway.keyring import KeyFileRefused, Keyring

_FULL = {
    "sqlite": "CREATE TRIGGER brimming BEFORE INSERT ON log_outbox BEGIN SELECT RAISE(ABORT, 'full'); END",
    "postgresql": """
        CREATE FUNCTION brimming() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER brimming BEFORE INSERT ON log_outbox FOR EACH ROW EXECUTE FUNCTION brimming()""",
}

_SAME_ON_BOTH = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)
"""What no database decides: `make test` plays it on one, `make verify` on both."""


class Fault:
    """What an operator has to live with, done to the database from outside."""

    def __init__(self, url):
        self.kind = url.partition("+")[0]
        self.path = url.partition(":///")[2]
        self.owner = url.replace("+asyncpg", "").replace("passerelle_login@", "postgres@")
        self.held = None

    async def _as_owner(self, statement, database=None):
        url = self.owner if database is None else self.owner.rpartition("/")[0] + "/" + database
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def full_outbox(self):
        if self.kind == "postgresql":
            await self._as_owner(_FULL["postgresql"])
        else:
            with sqlite3.connect(self.path) as connection:
                connection.execute(_FULL["sqlite"])
            connection.close()

    async def down(self):
        if self.kind == "postgresql":
            name = self.owner.rpartition("/")[2]
            closed = f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'
            gone = (
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608 - our own name
            )
            await self._as_owner(closed, "postgres")
            await self._as_owner(gone, "postgres")
        else:
            # The gateway may be writing: in a thread, so that it can come to an end.
            self.held = await asyncio.to_thread(self._locked)

    def _locked(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=20, check_same_thread=False)
        connection.execute("BEGIN EXCLUSIVE")
        return connection

    async def up(self):
        if self.kind == "postgresql":
            name = self.owner.rpartition("/")[2]
            await self._as_owner(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true', "postgres")
        elif self.held is not None:
            self.held.close()


@pytest.fixture
async def fault(gateway_url):
    made = Fault(gateway_url)
    yield made
    await made.up()


@pytest.fixture
def right_before_the_gate(inside):
    """Let something go wrong once the plan is asked for: the gate comes next."""

    def does(wrong):
        async def step(operation):
            if operation == "plan":
                await wrong()

        inside.before = step

    return does


@pytest.mark.parametrize("mode", ["assisted", pytest.param("best", marks=pytest.mark.full)])
async def test_a_full_outbox_is_log_unavailable_and_sends_nothing(
    assisted, inside, fault, right_before_the_gate, mode
):
    right_before_the_gate(fault.full_outbox)
    answer = await assisted.run(mode=mode)
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert answer.headers["retry-after"] == "1"
    assert inside.attempts == []
    assert await assisted.records("ai.dispatch") == []


@_SAME_ON_BOTH
async def test_a_key_of_records_that_cannot_be_opened_is_log_unavailable_and_sends_nothing(
    app, assisted, inside, right_before_the_gate
):
    async def lose_the_key():
        async with app.state.database.begin(assisted.centre.tenant) as session:
            await session.execute(text("UPDATE record_keys SET wrapped = :w"), {"w": bytes(60)})

    right_before_the_gate(lose_the_key)
    answer = await assisted.run()
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert inside.attempts == []


@pytest.mark.parametrize(
    "migrated",
    [
        pytest.param("sqlite", marks=pytest.mark.full),  # whoever asks waits for ten seconds
        pytest.param("postgresql", marks=pytest.mark.postgresql),
    ],
    indirect=True,
)
async def test_a_database_that_does_not_answer_is_told_apart_and_sends_nothing(
    assisted, inside, fault, right_before_the_gate
):
    right_before_the_gate(fault.down)
    answer = await assisted.run()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    assert inside.attempts == []


async def test_a_withdrawal_that_cannot_be_written_down_is_not_acknowledged(assisted, fault):
    await fault.full_outbox()
    answer = await assisted.centre.call("DELETE", f"/v1/consents/{assisted.consent}")
    assert (answer.status_code, answer.json()["code"]) == (503, "log_unavailable")
    assert (await assisted.centre.call("GET", f"/v1/consents/{assisted.consent}")).json()[
        "status"
    ] == "authorised"


def test_without_the_key_of_the_log_nothing_starts(keys_dir):
    (keys_dir / "log.pem").unlink()
    with pytest.raises(KeyFileRefused, match=r"log\.pem"):
        Keyring.open(keys_dir)
