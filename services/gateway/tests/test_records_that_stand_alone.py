"""Records that stand alone are written many at once, and each caller is told of their own."""

import asyncio
from contextlib import suppress

import pytest
from sqlalchemy import event, func, select, update

from gateway.problems import LogUnavailable
from gateway.records.rules import Fact, Kind
from gateway.tables import Record, RecordKey
from keel.identifiers import new_id


def access(tenant: str, returned: int = 1, **about: str) -> Fact:
    return Fact(Kind.LOG_ACCESSED, tenant, {"query_class": "list", "returned": returned}, **about)


@pytest.fixture
def append(app):
    """Append facts, all at the same time; returns how each ended."""

    async def at_once(*facts):
        calls = (app.state.appends.append(fact) for fact in facts)
        return await asyncio.gather(*calls, return_exceptions=True)

    return at_once


@pytest.fixture
def said(app):
    """What a record of a tenant says; None where there is none."""

    async def read(tenant, record_id):
        async with app.state.database.begin(tenant) as session:
            row = await session.get(Record, (tenant, record_id))
            return None if row is None else await app.state.records.read(session, row)

    return read


@pytest.fixture
def inserts(app):
    """How often records were inserted, however many at a time."""
    seen = []

    def note(_connection, _cursor, statement, *_):
        if statement.startswith("INSERT INTO records"):
            seen.append(statement)

    event.listen(app.state.database.engine.sync_engine, "before_cursor_execute", note)
    return seen


async def test_those_of_concurrent_callers_are_written_together(append, said, inserts):
    tenant = new_id("tnt")
    ids = await append(*(access(tenant, returned) for returned in range(40)))
    assert len(inserts) <= 2
    assert len(set(ids)) == 40
    for returned, record_id in enumerate(ids):
        assert (await said(tenant, record_id))["body"]["returned"] == returned


async def test_each_tenants_are_its_own(append, said):
    tenants = [new_id("tnt") for _ in range(3)]
    ids = await append(*(access(tenant) for tenant in tenants * 5))
    for number, record_id in enumerate(ids):
        owner = tenants[number % 3]
        assert (await said(owner, record_id))["tenant"] == owner
        assert await said(tenants[(number + 1) % 3], record_id) is None


async def test_nobody_is_told_before_it_is_committed(app, said):
    tenant, seen = new_id("tnt"), []

    async def tell() -> None:
        seen.append(await said(tenant, await app.state.appends.append(access(tenant))))

    await asyncio.gather(*(tell() for _ in range(20)))
    assert len(seen) == 20
    assert all(seen)


async def test_one_that_cannot_be_written_fails_alone(append, said):
    tenant, prev = new_id("tnt"), new_id("rec")
    closing = Fact(Kind.AI_RESULT, tenant, prev=prev)
    first, closed, again, last = await append(access(tenant), closing, closing, access(tenant))
    assert isinstance(again, LogUnavailable)
    for record_id in (first, closed, last):
        assert (await said(tenant, record_id))["id"] == record_id


async def test_one_whose_key_cannot_be_opened_fails_alone(app, append, said):
    tenant, person = new_id("tnt"), new_id("ben")
    await append(access(tenant, beneficiary=person))
    async with app.state.database.begin(tenant) as session:
        of_the_person = (RecordKey.tenant == tenant, RecordKey.subject == person)
        await session.execute(update(RecordKey).where(*of_the_person).values(wrapped=b"\0" * 60))
    first, lost, last = await append(
        access(tenant), access(tenant, beneficiary=person), access(tenant)
    )
    assert isinstance(lost, LogUnavailable)
    for record_id in (first, last):
        assert (await said(tenant, record_id))["id"] == record_id


async def test_where_none_can_be_written_each_is_told_so(app, append):
    tenant, prev = new_id("tnt"), new_id("rec")
    closing = Fact(Kind.AI_RESULT, tenant, prev=prev)
    await append(closing)
    ends = await append(*[closing] * 5)
    assert [type(end) for end in ends] == [LogUnavailable] * 5
    assert len({id(end) for end in ends}) == 5
    async with app.state.database.begin(tenant) as session:
        assert await session.scalar(select(func.count()).where(Record.tenant == tenant)) == 1
    assert [type(end) for end in await append(access(tenant))] == [str]


@pytest.mark.parametrize("steps", [0, 1, 3, 8, 20])
async def test_a_caller_who_leaves_takes_nobody_else_along(app, said, steps):
    tenant = new_id("tnt")
    tasks = [asyncio.create_task(app.state.appends.append(access(tenant))) for _ in range(4)]
    for _ in range(steps):
        await asyncio.sleep(0)
    tasks[1].cancel()
    with suppress(asyncio.CancelledError):
        await tasks[1]
    for task in (tasks[0], tasks[2], tasks[3]):
        assert await said(tenant, await task)


async def test_they_take_their_places_in_the_log(app, append):
    tenant = new_id("tnt")
    await append(*(access(tenant) for _ in range(30)))
    while await app.state.sequencer.step():
        pass
    async with app.state.database.begin(tenant) as session:
        places = await session.scalars(select(Record.log_index).where(Record.tenant == tenant))
        assert sorted(places) == list(range(1, 31))
    assert (await app.state.log.audit(records=True))["verdict"] == "consistent"
