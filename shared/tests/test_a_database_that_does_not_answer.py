"""A database that does not answer is a 503 that says to try again; a mistake of ours stays a 500."""

import asyncio

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from keel import database as keel_database
from keel.application import create_service
from keel.database import Database, SessionDep


def client_on(database: Database) -> httpx.AsyncClient:
    app = create_service(name="probe", title="Probe", description="", version="1")
    app.state.database = database

    @app.get("/rows")
    async def rows(session: SessionDep) -> int:
        return await session.scalar(text("select 1"))

    @app.get("/file")
    async def file() -> None:
        raise FileNotFoundError("not the database's")

    @app.get("/driver/{sqlstate}")
    async def driver(sqlstate: str) -> None:
        raised = Exception("said by the driver")
        raised.sqlstate = sqlstate
        raise DBAPIError(None, None, raised)

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://probe")


@pytest.fixture
async def on_sqlite(tmp_path):
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'probe.sqlite3'}")
    database.engine.sync_engine.pool._timeout = 0.1
    yield database
    await database.close()


def says_try_again(answer: httpx.Response) -> bool:
    return (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503, "database_unavailable", "1",
    )  # fmt: skip


async def test_nobody_listens(unused_tcp_port):
    database = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{unused_tcp_port}/none")
    assert says_try_again(await client_on(database).get("/rows"))
    await database.close()


async def test_every_connection_is_taken(on_sqlite):
    http = client_on(on_sqlite)
    async with on_sqlite.begin() as session:
        await session.execute(text("select 1"))
        assert says_try_again(await http.get("/rows"))
    assert (await http.get("/rows")).json() == 1


@pytest.mark.parametrize(
    ("sqlstate", "status"),
    [("57P01", 503), ("08006", 503), ("53300", 503), ("40001", 503), ("22021", 500), ("", 500)],
    ids=["shutdown", "connection lost", "too many connections", "rolled back", "data of no column", "unknown"],
)  # fmt: skip
async def test_the_driver_has_one_class_for_all(on_sqlite, sqlstate, status):
    answer = await client_on(on_sqlite).get(f"/driver/{sqlstate or 'none'}")
    assert answer.status_code == status


async def test_a_file_that_is_missing_is_not_the_database(on_sqlite):
    answer = await client_on(on_sqlite).get("/file")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")


@pytest.mark.postgresql
async def test_a_server_that_ends_the_connection(new_postgresql_url):
    database = Database(new_postgresql_url())
    http = client_on(database)
    assert (await http.get("/rows")).json() == 1
    async with database.begin() as session:
        held = await session.scalar(text("select pg_backend_pid()"))
        async with database.begin() as other:
            await other.execute(text("select pg_terminate_backend(:pid)"), {"pid": held})
        await asyncio.sleep(0.1)
        with pytest.raises(DBAPIError) as ended:
            await session.execute(text("select 1"))
        await session.rollback()
    assert ended.value.connection_invalidated
    await database.close()


@pytest.mark.postgresql
async def test_a_server_that_lets_nobody_in(postgresql):
    database = Database(f"{postgresql}/there_is_no_such_database")
    assert says_try_again(await client_on(database).get("/rows"))
    with pytest.raises(OperationalError):
        async with database.begin() as session:
            await session.execute(text("select 1"))
    await database.close()


@pytest.mark.postgresql
@pytest.mark.parametrize("idle", [60.0, 0.0], ids=["as the driver knows", "as is asked"])
async def test_a_connection_that_was_lost_while_it_rested_is_replaced(
    new_postgresql_url, monkeypatch, idle
):
    monkeypatch.setattr(keel_database, "_IDLE_SECONDS", idle)
    database = Database(new_postgresql_url())
    killer = Database(database.url)
    ends = text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    http = client_on(database)
    assert (await http.get("/rows")).json() == 1
    async with killer.begin() as session:
        assert await session.scalar(ends)
    await asyncio.sleep(0.1)
    assert (await http.get("/rows")).json() == 1
    await asyncio.gather(database.close(), killer.close())
