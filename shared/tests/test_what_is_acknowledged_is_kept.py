"""A service does not start on a database that could forget what it acknowledged."""

import asyncpg
import pytest

from keel.database import Database
from keel.durability import NotDurable, require_durability


@pytest.fixture
async def on_postgresql(new_postgresql_url):
    """Change a setting of a database from outside, and open it."""
    opened = []

    async def changed(*statements):
        url = new_postgresql_url()
        connection = await asyncpg.connect(url.replace("+asyncpg", ""))
        for statement in statements:
            await connection.execute(statement.format(url.rpartition("/")[2]))
        await connection.close()
        opened.append(Database(url))
        return opened[-1]

    yield changed
    for database in opened:
        await database.close()


@pytest.mark.postgresql
async def test_a_server_that_syncs_and_commits_on_disk_is_taken(on_postgresql):
    await (await on_postgresql()).require_durability()


@pytest.mark.postgresql
@pytest.mark.parametrize("weaker", ["off", "local", "remote_write"])
async def test_commits_that_do_not_wait_for_every_disk_are_refused(on_postgresql, weaker):
    database = await on_postgresql(f'ALTER DATABASE "{{}}" SET synchronous_commit = {weaker}')
    with pytest.raises(NotDurable, match=f"synchronous_commit is {weaker}"):
        await database.require_durability()


@pytest.mark.postgresql
async def test_commits_that_a_standby_has_applied_too_are_taken(on_postgresql):
    stronger = 'ALTER DATABASE "{}" SET synchronous_commit = remote_apply'
    await (await on_postgresql(stronger)).require_durability()


@pytest.mark.postgresql
async def test_whoever_waits_for_a_row_reads_it_again_whatever_the_servers_default(on_postgresql):
    isolation = "ALTER DATABASE \"{}\" SET default_transaction_isolation = 'serializable'"
    database = await on_postgresql(isolation)
    async with database.begin() as session:
        connection = await session.connection()
        shown = await connection.exec_driver_sql("SHOW transaction_isolation")
        assert shown.scalar_one() == "read committed"


class Answering:
    """A connection to a server in a state that no test can bring a real one into at once."""

    class dialect:  # noqa: N801 - as SQLAlchemy has it
        name = "postgresql"

    def __init__(self, **said):
        self.said = type("Row", (), {"standby": False, "commits": "on", "syncs": "on", **said})

    async def exec_driver_sql(self, _):
        return self

    def one(self):
        return self.said


@pytest.mark.parametrize(
    ("said", "refusal"), [({"standby": True}, "primary"), ({"syncs": "off"}, "fsync is off")]
)
async def test_a_standby_and_a_server_that_does_not_sync_are_refused(said, refusal):
    with pytest.raises(NotDurable, match=refusal):
        await require_durability(Answering(**said))
