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

from gateway.app import create_app, create_worker
from gateway.events.service import EventKind
from gateway.settings import Settings, Worker
from gateway.tables import Delivery, DueDelivery, Event, LogEntry, Record
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
        assert (heard, await count(state, None, LogEntry)) == ({}, 0)
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
        assert await count(state, None, LogEntry) == 1, "the genesis"
        assert await count(state, tenant, Record) == 0


class Broken:
    """Deliveries that end by a failure."""

    async def run(self, *_):
        raise ZeroDivisionError


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_worker_of_which_a_part_has_ended_is_not_ready(settings):
    worker = create_worker(settings())
    worker.state.work = replace(worker.state.work, deliveries=Broken())
    async with worker.router.lifespan_context(worker):
        await asyncio.sleep(0.1)
        transport = httpx.ASGITransport(worker)
        async with httpx.AsyncClient(transport=transport, base_url="http://work") as http:
            answer = await http.get("/readyz")
            alive = await http.get("/livez")
    assert (answer.status_code, answer.json()["waiting_for"]) == (503, ["work"])
    assert alive.status_code == 200


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
