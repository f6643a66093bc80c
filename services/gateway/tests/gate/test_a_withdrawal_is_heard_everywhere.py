"""What runs on a consent stops when it falls: on each replica, with the news cut, with the database gone."""

import asyncio
import time

import pytest
from sqlalchemy import text

from gateway.gate import watch as watching
from gateway.gate.flight import InFlight
from keel.database import Database

_SAME_ON_BOTH = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)
"""What no database decides: `make test` plays it on one, `make verify` on both."""
_ON_POSTGRESQL = pytest.mark.parametrize(
    "migrated", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


async def in_the_air(inside, eventually):
    await eventually(lambda: len(inside.attempts) == 1)


async def cut_listening(app):
    """End every connection that listens, as an operator or a network may."""
    async with app.state.database.engine.connect() as connection:
        await connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()"
            )
        )


async def closings(assisted):
    (dispatch,) = await assisted.records("ai.dispatch")
    return [row.kind for row in await assisted.records() if row.prev == dispatch.id]


async def test_a_withdrawal_cancels_the_call_in_flight_and_keeps_nothing(
    assisted, inside, eventually
):
    inside.go.clear()
    running = asyncio.create_task(assisted.run())
    await in_the_air(inside, eventually)
    acknowledged = await assisted.withdraw()
    answer = await running
    assert (answer.status_code, answer.json()["code"]) == (409, "run_cancelled")
    assert time.monotonic() - acknowledged < 1
    await eventually(lambda: inside.attempts[0]["left"] is not None)
    assert await closings(assisted) == ["ai.cancelled"]


@_ON_POSTGRESQL
@pytest.mark.parametrize(
    "changes", [{}, {"listen_for_withdrawals": False}], ids=["told", "asking only"]
)
async def test_a_withdrawal_on_one_replica_cancels_the_call_on_another(
    assisted, inside, replica, eventually, changes
):
    inside.go.clear()
    async with replica(**changes) as (_, url):
        running = asyncio.create_task(assisted.run(url))
        await in_the_air(inside, eventually)
        acknowledged = await assisted.withdraw()
        answer = await running
        assert (answer.status_code, answer.json()["code"]) == (409, "run_cancelled")
        assert time.monotonic() - acknowledged < 1
        assert await closings(assisted) == ["ai.cancelled"]


@_ON_POSTGRESQL
async def test_after_the_listening_connection_was_cut_asking_bounds_it_and_listening_comes_back(
    assisted, inside, replica, eventually
):
    inside.go.clear()
    async with replica() as (app, url):
        running = asyncio.create_task(assisted.run(url))
        await in_the_air(inside, eventually)
        await cut_listening(app)
        acknowledged = await assisted.withdraw()
        assert (await running).json()["code"] == "run_cancelled"
        assert time.monotonic() - acknowledged < 1

        async def listeners():
            async with app.state.database.engine.connect() as connection:
                known = "SELECT count(*) FROM pg_stat_activity WHERE (query LIKE 'LISTEN%' OR query = 'SELECT 1') AND datname = current_database()"
                return await connection.scalar(text(known))

        for _ in range(200):
            if await listeners() >= 2:
                return
            await asyncio.sleep(0.02)
        pytest.fail("nobody listens again")


@_SAME_ON_BOTH
async def test_no_delta_is_handed_on_once_the_consent_is_known_to_have_fallen(
    assisted, inside, app, served, eventually
):
    inside.pace, inside.pieces = 0.02, 500
    heard = []

    async def listen(url):
        async with assisted.stream(url) as told:
            heard.extend([event async for event in told])

    async with served(app) as url:
        listening = asyncio.create_task(listen(url))
        await in_the_air(inside, eventually)
        await asyncio.sleep(0.3)
        acknowledged = await assisted.withdraw()
        await listening
    assert "delta" in (name for name, _ in heard)
    on_the_wire = acknowledged + 0.05
    assert {name for name, at in heard if at > on_the_wire} <= {"problem"}
    assert heard[-1][0] == "problem"
    assert heard[-1][1] - acknowledged < 1
    assert await closings(assisted) == ["ai.cancelled"]


@_SAME_ON_BOTH
async def test_an_answer_that_is_being_restored_is_not_handed_over_after_a_withdrawal(
    assisted, inside
):
    async def change_ones_mind(operation):
        if operation == "restore":
            await assisted.withdraw()

    inside.before = change_ones_mind
    answer = await assisted.run()
    assert (answer.status_code, answer.json()["code"]) == (409, "run_cancelled")
    assert "envelope" not in answer.json()


@_SAME_ON_BOTH
async def test_where_nobody_can_be_asked_nothing_stays_in_flight(
    app, assisted, inside, eventually, monkeypatch
):
    async def no_answer(*_given, **_named):
        await asyncio.sleep(3600)

    monkeypatch.setattr(watching, "FORSAKE_SECONDS", 0.6)
    monkeypatch.setattr(watching.consent_store, "epochs_that_stand", no_answer)
    inside.go.clear()
    running = asyncio.create_task(assisted.run())
    await in_the_air(inside, eventually)
    answer = await asyncio.wait_for(running, 5)
    assert answer.json()["code"] == "run_cancelled"
    assert await closings(assisted) == ["ai.cancelled"]


@_SAME_ON_BOTH
async def test_an_expiry_ends_what_is_in_flight_too(app, assisted, inside, eventually):
    inside.go.clear()
    running = asyncio.create_task(assisted.run())
    await in_the_air(inside, eventually)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        await session.execute(text("UPDATE consents SET expires_at = 1"))
    assert (await running).json()["code"] == "run_cancelled"
    assert await closings(assisted) == ["ai.cancelled"]


async def test_a_call_that_began_after_the_change_goes_on():
    in_flight = InFlight()
    hushed = []

    async def work(epoch):
        with in_flight.on("tnt_a", "cns_a", epoch, lambda: hushed.append(epoch)):
            await asyncio.sleep(0.2)
        return "done"

    older, newer = asyncio.create_task(work(4)), asyncio.create_task(work(5))
    await asyncio.sleep(0)
    in_flight.cancel("cns_a", before=5)
    in_flight.cancel("cns_a", before=5)
    ended = await asyncio.gather(older, newer, return_exceptions=True)
    assert isinstance(ended[0], asyncio.CancelledError)
    assert ended[1] == "done"
    assert hushed == [4]
    assert not in_flight


async def test_what_took_off_after_the_question_is_not_judged_by_the_answer():
    in_flight = InFlight()

    async def work():
        with in_flight.on("tnt_a", "cns_a", 1):
            await asyncio.sleep(0.05)
        return "done"

    asked = time.monotonic()
    task = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    in_flight.settle("tnt_a", {}, asked=asked)
    assert await task == "done"


@_SAME_ON_BOTH
@pytest.mark.parametrize("moment", ["as news comes", "as it begins", "later"])
async def test_it_stops_at_once_in_whatever_moment_it_is_asked_to(gateway_url, moment):
    database = Database(gateway_url)
    watch, stop = watching.Watch(database, InFlight()), asyncio.Event()
    running = asyncio.create_task(watch.run(stop))
    await asyncio.sleep(0 if moment == "as it begins" else 0.1)
    stop.set()
    if moment == "as news comes":
        watch._look.set()  # what was waited for comes with the cancellation, which is then lost
    async with asyncio.timeout(2):
        await running
    await database.close()
