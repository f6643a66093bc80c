"""Whose transaction it is decides what it sees: on every statement, and in PostgreSQL itself."""

import pytest
from sqlalchemy import event, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from keel.database import Database, metadata
from keel.tenancy import (
    AnotherTenantsRow,
    NotIsolated,
    TenantOwned,
    TenantSession,
    _filter,
    enter,
    isolate,
)


class Base(DeclarativeBase):
    metadata = metadata()


class Note(TenantOwned, Base):
    __tablename__ = "notes"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    said: Mapped[str]


async def _furnished(url: str, login: str) -> Database:
    owner = Database(url)
    async with owner.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        if not owner.is_sqlite:

            def protect(sync):
                isolate(sync.exec_driver_sql, ("notes",))

            await connection.run_sync(protect)
            await connection.exec_driver_sql(f"CREATE ROLE {login} LOGIN")
            await connection.exec_driver_sql(f"GRANT ALL ON notes TO {login}")
            name = url.rpartition("/")[2]
            await connection.exec_driver_sql(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC")
            await connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {name} TO {login}")
    for tenant in ("tnt_1", "tnt_2"):
        async with owner.begin(tenant) as session:
            session.add(Note(tenant=tenant, id=1, said=tenant))
    if owner.is_sqlite:
        return owner
    await owner.close()
    return Database(url.replace("postgres@", f"{login}@"))


@pytest.fixture
async def database(database_url):
    login = "l" + database_url.rpartition("/")[2][1:13] if "postgres" in database_url else ""
    database = await _furnished(database_url, login)
    yield database
    await database.close()


@pytest.fixture
def without_our_filter():
    event.remove(TenantSession, "do_orm_execute", _filter)
    yield
    event.listen(TenantSession, "do_orm_execute", _filter)


async def test_a_transaction_sees_its_tenants_rows_and_no_others(database):
    async with database.begin("tnt_1") as session:
        assert [note.said for note in await session.scalars(select(Note))] == ["tnt_1"]
        assert await session.get(Note, ("tnt_2", 1)) is None


async def test_a_transaction_of_nobody_sees_nothing(database):
    async with database.begin() as session:
        assert (await session.scalars(select(Note))).all() == []


async def test_an_update_without_a_condition_reaches_its_own_rows_only(database):
    async with database.begin("tnt_1") as session:
        await session.execute(update(Note).values(said="changed"))
    async with database.begin("tnt_2") as session:
        assert (await session.get(Note, ("tnt_2", 1))).said == "tnt_2"


async def test_whose_it_is_may_be_found_out_on_the_way(database):
    async with database.begin() as session:
        await enter(session, "tnt_2")
        assert [note.said for note in await session.scalars(select(Note))] == ["tnt_2"]


async def test_a_row_of_another_tenant_is_never_written(database):
    with pytest.raises(AnotherTenantsRow):
        async with database.begin("tnt_1") as session:
            session.add(Note(tenant="tnt_2", id=2, said="foreign"))


async def test_a_savepoint_stays_in_its_tenant(database):
    async with database.begin("tnt_1") as session, session.begin_nested():
        assert [note.said for note in await session.scalars(select(Note))] == ["tnt_1"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
class TestPostgresqlAlone:
    @pytest.mark.usefixtures("without_our_filter")
    async def test_shows_a_tenant_its_own_rows(self, database):
        async with database.begin("tnt_1") as session:
            assert [note.said for note in await session.scalars(select(Note))] == ["tnt_1"]
            everything = (await session.execute(text("SELECT said FROM notes"))).scalars().all()
            assert everything == ["tnt_1"]

    @pytest.mark.usefixtures("without_our_filter")
    async def test_shows_nobody_nothing_also_after_somebody(self, database):
        async with database.begin("tnt_1") as session:
            assert len((await session.scalars(select(Note))).all()) == 1
        async with database.begin() as session:
            assert (await session.execute(text("SELECT said FROM notes"))).all() == []

    async def test_refuses_a_foreign_row(self, database):
        with pytest.raises(DBAPIError, match="row-level security"):
            async with database.begin("tnt_1") as session:
                await session.execute(text("INSERT INTO notes VALUES ('tnt_2', 9, 'foreign')"))

    async def test_is_refused_at_start_when_the_role_could_bypass_it(self, database):
        await database.require_isolation(Base.metadata)
        owner = Database(
            database.url.replace(database.url.split("//")[1].split("@")[0], "postgres")
        )
        with pytest.raises(NotIsolated, match="superuser"):
            await owner.require_isolation(Base.metadata)
        await owner.close()

    async def test_is_refused_at_start_when_every_role_may_enter(self, database):
        owner = Database(
            database.url.replace(database.url.split("//")[1].split("@")[0], "postgres")
        )
        name = database.url.rpartition("/")[2]
        async with owner.engine.begin() as connection:
            await connection.exec_driver_sql(f"GRANT CONNECT ON DATABASE {name} TO PUBLIC")
        await owner.close()
        with pytest.raises(NotIsolated, match="Every role"):
            await database.require_isolation(Base.metadata)
