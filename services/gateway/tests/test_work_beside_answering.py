"""Sequencing, webhooks and tidying up are done beside the answers: inside or apart, by one or many."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from gateway.app import create_app, create_worker
from gateway.background import Background, Part
from gateway.events.service import EventKind
from gateway.gate.watch import Watch
from gateway.quotas.service import Quotas
from gateway.records.rules import DEPLOYMENT
from gateway.settings import Settings, Worker
from gateway.tables import Delivery, DueDelivery, Event, LogEntry, LogOutbox, PageSession, Record
from gateway.webhooks import store as webhook_store
from keel.clock import utc_now
from keel.settings import SettingsRefused

ON_POSTGRESQL = pytest.mark.parametrize("migrated", ["postgresql"], indirect=True)


@pytest.fixture
def settings(gateway_url, keys_dir):
    def settings(**given):
        return Settings(
            database_url=gateway_url,
            keys_dir=keys_dir,
            public_url="http://gateway",
            sequencer_interval=timedelta(milliseconds=20),
            webhook_interval=timedelta(milliseconds=20),
            chores_interval=timedelta(milliseconds=50),
            webhook_loopback=True,
            **given,
        )

    return settings


@pytest.fixture
async def receiver():
    """A receiver that counts what it gets, by its id."""
    heard = {}

    async def hear(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        name = next(line for line in head.splitlines() if line.startswith("webhook-id"))
        heard[name] = heard.get(name, 0) + 1
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook", heard
    server.close()


async def a_tenant_that_listens(state, url):
    async with state.database.begin() as session:
        tenant = (await state.tenants.create(session, "Centre", None)).tenant
        await state.webhook_endpoints.register(session, tenant, url, None)
    return tenant


async def happen(state, tenant, times=1):
    async with state.database.begin(tenant) as session:
        for _ in range(times):
            await state.events.emit(session, tenant, EventKind.CONSENT_EXPIRED, consent="cns_1")


async def count(state, tenant, row):
    async with state.database.begin(tenant) as session:
        return await session.scalar(select(func.count()).select_from(row))


async def until(condition):
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110 - as the database says it
            await asyncio.sleep(0.02)


async def test_one_process_works_beside_its_answers(settings, receiver):
    url, heard = receiver
    app = create_app(settings())
    async with app.router.lifespan_context(app):
        tenant = await a_tenant_that_listens(app.state, url)
        await happen(app.state, tenant)

        async def told():
            return len(heard) == 1

        await until(told)


async def test_old_events_are_forgotten_with_what_became_of_them(settings, receiver):
    app = create_app(settings())
    async with app.router.lifespan_context(app):
        state = app.state
        tenant = await a_tenant_that_listens(state, receiver[0])
        await happen(state, tenant, 3)
        async with state.database.begin(tenant) as session:
            for event in await session.scalars(select(Event).limit(2)):
                event.occurred_at = utc_now() - timedelta(days=31)

        async def forgotten():
            return await count(state, tenant, Event) == 1

        await until(forgotten)
        assert await count(state, tenant, Delivery) == 1


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_on_sqlite_nothing_works_apart(settings):
    app = create_app(settings(worker=Worker.APART))
    with pytest.raises(SettingsRefused, match="inside"):
        async with app.router.lifespan_context(app):
            pass


@ON_POSTGRESQL
async def test_apart_the_answers_leave_the_work_to_workers_and_two_of_them_tell_everything_once(
    settings, receiver
):
    url, heard = receiver
    apart = settings(worker=Worker.APART)
    async with AsyncExitStack() as stack:
        front, *workers = create_app(apart), create_worker(apart), create_worker(apart)
        await stack.enter_async_context(front.router.lifespan_context(front))
        state = front.state
        tenant = await a_tenant_that_listens(state, url)
        await happen(state, tenant, 40)
        await asyncio.sleep(0.2)
        assert (heard, await count(state, None, LogEntry)) == ({}, 1), "the genesis"
        for worker in workers:
            await stack.enter_async_context(worker.router.lifespan_context(worker))
            transport = httpx.ASGITransport(worker)
            async with httpx.AsyncClient(transport=transport, base_url="http://work") as http:
                assert (await http.get("/readyz")).status_code == 200
                assert (await http.get("/v1/events")).status_code == 404

        async def told():
            return len(heard) == 40

        await until(told)
        assert set(heard.values()) == {1}
        # What the workers placed is the installation's own: its genesis, what it runs with.
        own = await count(state, DEPLOYMENT, Record)
        assert 1 <= await count(state, None, LogEntry) <= own
        assert await count(state, tenant, Record) == 0


async def readiness(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        answer = await http.get("/readyz")
        assert (await http.get("/livez")).status_code == 200
    return answer.status_code, answer.json().get("waiting_for")


class Failing:
    """Stands for a part of the work whose every attempt fails until it is mended."""

    def __init__(self, real=None):
        self.real, self.tries, self.mended = real, 0, False

    def __getattr__(self, verb):
        async def attempt(*given):
            self.tries += 1
            if not self.mended:
                raise ZeroDivisionError
            return await getattr(self.real, verb)(*given)

        return attempt


@pytest.mark.parametrize("create", [create_app, create_worker])
@pytest.mark.parametrize("part", ["sequencer", "deliveries"])
@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_part_that_stays_down_is_tried_again_and_makes_the_process_not_ready(
    settings, create, part
):
    app = create(settings())
    failing = Failing()
    app.state.work = replace(app.state.work, **{part: failing})
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.3)
        assert await readiness(app) == (200, None), "a short failure is nobody's business"
        app.state.background.patience = timedelta(milliseconds=200)
        assert await readiness(app) == (503, ["work"])
        assert failing.tries > 1


@pytest.mark.parametrize("part", ["watch", "quotas"])
@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_so_do_the_parts_that_stay_with_the_answers(settings, part, monkeypatch):
    async def fail(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("gateway.app.REPORTED_EVERY", timedelta(milliseconds=20))
    monkeypatch.setattr(Watch, "_poll", fail) if part == "watch" else None
    monkeypatch.setattr(Quotas, "report", fail) if part == "quotas" else None
    app = create_app(settings())
    app.state.background.patience = timedelta(milliseconds=200)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.4)
        assert await readiness(app) == (503, ["work"])


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_part_that_is_mended_goes_on_and_the_process_is_ready_again(settings):
    app = create_app(settings())
    failing = Failing(app.state.sequencer)
    app.state.work = replace(app.state.work, sequencer=failing)
    app.state.background.patience = timedelta(milliseconds=200)
    async with app.router.lifespan_context(app):
        await asyncio.sleep(0.4)
        assert (await readiness(app))[0] == 503
        failing.mended = True

        async def ready():
            return await readiness(app) == (200, None)

        await until(ready)

        async def placed():
            return await count(app.state, None, LogOutbox) == 0

        await until(placed)


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_busy_database_at_the_start_ends_no_webhooks(settings, receiver, monkeypatch):
    url, heard = receiver
    let_go, tries = webhook_store.let_go_of_leases, []

    async def busy_at_first(session):
        tries.append(session)
        if len(tries) == 1:
            raise OperationalError("UPDATE", {}, Exception("database is locked"))
        await let_go(session)

    monkeypatch.setattr(webhook_store, "let_go_of_leases", busy_at_first)
    app = create_app(settings())
    async with app.router.lifespan_context(app):
        await happen(app.state, await a_tenant_that_listens(app.state, url))

        async def told():
            return len(heard) == 1

        await until(told)


async def test_what_ends_by_itself_or_by_a_cancellation_of_something_inside_is_begun_again():
    begun = []

    async def ends(_stop):
        begun.append("ends")

    async def is_cancelled(_stop):
        begun.append("cancelled")
        raise asyncio.CancelledError

    background = Background(patience=timedelta(0))
    async with background.beside(
        Part.lasting("ends", ends), Part.lasting("cancelled", is_cancelled)
    ):
        await asyncio.sleep(0.2)
        assert not await background.is_up()
    assert begun.count("ends") > 1
    assert begun.count("cancelled") > 1


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_failure_at_the_last_report_does_not_spoil_the_stop(settings, monkeypatch):
    async def fail(*_, **__):
        raise ZeroDivisionError

    app = create_app(settings())
    async with app.router.lifespan_context(app):
        monkeypatch.setattr(Quotas, "report", fail)


async def test_sessions_that_are_over_are_deleted_beside_the_answers(settings):
    app = create_app(settings())
    async with app.router.lifespan_context(app):
        state = app.state
        async with state.database.begin() as session:
            tenant = (await state.tenants.create(session, "Centre", None)).tenant
        async with state.database.begin(tenant) as session:
            person = await state.people.add_beneficiary(session, tenant, None)
            session.add_all(
                PageSession(
                    token_sha256=bytes([n]) * 32,
                    kind="personal",
                    method="hosted_page",
                    tenant=tenant,
                    beneficiary=person.id,
                    ends_at=utc_now() + timedelta(hours=n),
                )
                for n in (0, 1)
            )

        async def deleted():
            return await count(state, tenant, PageSession) == 1

        await until(deleted)


@pytest.fixture
def start(gateway_url, keys_dir):
    """Start `python -m gateway work` as a process of its own; returns it with its port."""
    started = []

    def start():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = os.environ | {
            "GATEWAY_DATABASE_URL": gateway_url,
            "GATEWAY_KEYS_DIR": str(keys_dir),
            "GATEWAY_WORKER": "apart",
            "GATEWAY_WORKER_PORT": str(port),
            "GATEWAY_WEBHOOK_LOOPBACK": "true",
        }
        worker = subprocess.Popen([sys.executable, "-m", "gateway", "work"], env=environment)
        started.append(worker)
        return worker, port

    yield start
    for worker in started:
        worker.kill()
        worker.wait()


@ON_POSTGRESQL
def test_the_verb_starts_is_ready_and_stops_when_asked(start):
    worker, port = start()
    transport = httpx.HTTPTransport(retries=8)
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", transport=transport) as http:
        assert http.get("/readyz", timeout=30).json() == {"status": "ok"}
        assert http.get("/livez").json() == {"status": "ok"}
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0


@pytest.mark.full
@ON_POSTGRESQL
async def test_a_worker_killed_between_sending_and_noting_leaves_it_to_the_next(start, settings):
    heard, answering = [], asyncio.Event()

    async def hear(reader, writer):
        heard.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        await answering.wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with (
        await asyncio.start_server(hear, "127.0.0.1", 0) as server,
        AsyncExitStack() as stack,
    ):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
        front = create_app(settings(worker=Worker.APART))
        await stack.enter_async_context(front.router.lifespan_context(front))
        state = front.state
        tenant = await a_tenant_that_listens(state, url)
        await happen(state, tenant)
        worker, _ = start()

        async def sent():
            return len(heard) == 1

        await until(sent)
        worker.kill()
        worker.wait()
        answering.set()
        assert (await deliveries(state, tenant)) == [("pending", 0)]
        async with state.database.begin() as session:  # the minute of the dead one's lease is over
            (await session.scalars(select(DueDelivery))).one().leased_until = utc_now()
        start()

        async def told():
            return await deliveries(state, tenant) == [("delivered", 1)]

        await until(told)
        first, second = (re.findall("webhook-id: (.*)\r", head) for head in heard)
        assert first == second


async def deliveries(state, tenant):
    async with state.database.begin(tenant) as session:
        return [(row.status, row.attempts) for row in await session.scalars(select(Delivery))]
