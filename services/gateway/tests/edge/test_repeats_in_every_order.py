"""Repeats in every order: whatever comes when, a key stands for one request and one answer (section 6).

A state machine plays two tenants, two routes and few keys against a model of what must be answered;
the endpoint counts its own calls, so that a request that was carried out twice shows.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from pydantic import BaseModel
from sqlalchemy import select, update

from gateway.access import PeopleCallerDep
from gateway.app import create_app
from gateway.edge.idempotency import IdempotentRoute, forget_old
from gateway.keyring import Keyring
from gateway.settings import Settings
from gateway.tables import IdempotentAnswer
from keel.clock import utc_now
from keel.problems import NotFound

ROUTES = ("/v1/probe/plain", "/v1/probe/secret")
SECRET = "shown-this-once"


class Asked(BaseModel):
    what: int


@dataclass
class Counted:
    """What the endpoint did, and what holds it."""

    calls: int = 0
    gate: asyncio.Event | None = None
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    outcome: str = "made"


def probe(counted: Counted) -> APIRouter:
    router = APIRouter(prefix="/v1/probe", route_class=IdempotentRoute)

    async def act(asked: Asked) -> dict[str, Any]:
        gate, outcome = counted.gate, counted.outcome
        if gate is not None:
            counted.entered.set()
            await gate.wait()
        if outcome == "crash":
            raise RuntimeError
        if outcome == "refuse":
            raise NotFound
        counted.calls += 1
        return {"number": counted.calls, "what": asked.what}

    @router.post("/plain", status_code=201)
    async def plain(asked: Asked, _: PeopleCallerDep) -> dict[str, Any]:
        return await act(asked)

    @router.post("/secret", status_code=201, openapi_extra={"x-secret-members": ["secret"]})
    async def secret(asked: Asked, _: PeopleCallerDep, request: Request) -> dict[str, Any]:
        return {**await act(asked), "secret": SECRET}

    return router


@dataclass
class Expected:
    """What a key stands for: the request, and its answer once there is one."""

    what: int
    number: int | None


@dataclass
class Tenant:
    id: str
    token: str


@dataclass
class World:
    """One gateway in one loop, for as many stories as hypothesis wants to play."""

    runner: asyncio.Runner
    app: FastAPI
    counted: Counted
    http: httpx.AsyncClient
    lifespan: Any
    tenants: list[Tenant] = field(default_factory=list)
    stories: int = 0

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    async def open(self) -> None:
        await self.lifespan.__aenter__()
        for _ in range(2):
            async with self.app.state.database.begin() as session:
                made = await self.app.state.tenants.create(session, "Centre", None)
            form = {"grant_type": "client_credentials"}
            auth = (made.client_id, made.client_secret)
            drawn = await self.http.post("/oauth2/token", data=form, auth=auth)
            self.tenants.append(Tenant(made.tenant, drawn.json()["access_token"]))

    async def close(self) -> None:
        await self.http.aclose()
        await self.lifespan.__aexit__(None, None, None)


@pytest.fixture
def world(tmp_path: Path, _templates: Callable[[str], Path]):
    database = shutil.copy(_templates("gateway"), tmp_path / "gateway.sqlite3")
    Keyring.create(tmp_path / "keys")
    knobs = Settings(
        database_url=f"sqlite+aiosqlite:///{database}",
        keys_dir=tmp_path / "keys",
        sequencer_interval=timedelta(hours=1),
        client_requests_per_minute=0,
        peer_requests_per_minute=0,
    )
    with asyncio.Runner() as runner:
        counted = Counted()
        app = create_app(knobs, {})
        app.include_router(probe(counted))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        http = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        made = World(runner, app, counted, http, app.router.lifespan_context(app))
        made.run(made.open())
        yield made
        made.run(made.close())


TENANTS, KEYS, WHATS = st.integers(0, 1), st.sampled_from("abc"), st.integers(0, 2)
PATHS = st.sampled_from(ROUTES)


class Repeats(RuleBasedStateMachine):
    world: World

    def __init__(self) -> None:
        super().__init__()
        self.expected: dict[tuple[int, str, str], Expected] = {}
        self.under_way: dict[tuple[int, str, str], tuple[asyncio.Task, asyncio.Event]] = {}
        self.made = 0

    @initialize()
    def begin(self) -> None:
        self.world.stories += 1
        self.world.counted.calls = 0
        self.world.counted.gate, self.world.counted.outcome = None, "made"

    async def _send(self, place: tuple[int, str, str], what: int) -> httpx.Response:
        tenant, path, key = place
        headers = {
            "Authorization": f"Bearer {self.world.tenants[tenant].token}",
            "Idempotency-Key": f"{self.world.stories}.{key}",
        }
        return await self.world.http.post(path, json={"what": what}, headers=headers)

    def _see_first(self, answer: httpx.Response, place: tuple[int, str, str], what: int) -> None:
        self.made += 1
        body = answer.json()
        assert answer.status_code == 201, answer.text
        assert (body["number"], body["what"]) == (self.made, what)
        assert "idempotency-replayed" not in answer.headers
        assert (SECRET in answer.text) is (place[1] == ROUTES[1])
        self.expected[place] = Expected(what, self.made)

    @rule(tenant=TENANTS, path=PATHS, key=KEYS, what=WHATS)
    def ask(self, tenant: int, path: str, key: str, what: int) -> None:
        place = (tenant, path, key)
        known = self.expected.get(place)
        answer = self.world.run(self._send(place, what))
        if known is None:
            self._see_first(answer, place, what)
        elif known.what != what:
            assert answer.status_code == 409
            assert answer.json()["code"] == "idempotency_conflict"
        elif known.number is None:
            assert answer.status_code == 409
            assert answer.json()["code"] == "idempotency_conflict"
            assert int(answer.headers["retry-after"]) >= 1
        else:
            assert answer.status_code == 201
            assert answer.headers["idempotency-replayed"] == "true"
            assert answer.json()["number"] == known.number
            assert SECRET not in answer.text

    @rule(
        tenant=TENANTS,
        path=PATHS,
        key=KEYS,
        what=WHATS,
        outcome=st.sampled_from(["crash", "refuse"]),
    )
    def ask_and_fail(self, tenant: int, path: str, key: str, what: int, outcome: str) -> None:
        place = (tenant, path, key)
        self.world.counted.outcome = outcome
        try:
            answer = self.world.run(self._send(place, what))
        finally:
            self.world.counted.outcome = "made"
        if place in self.expected:  # nothing was carried out: a repeat, or another request
            assert answer.status_code in {201, 409}
        else:  # and the key is free
            assert answer.status_code == {"crash": 500, "refuse": 404}[outcome]

    @rule(tenant=TENANTS, path=PATHS, key=KEYS, what=WHATS)
    def ask_something_slow(self, tenant: int, path: str, key: str, what: int) -> None:
        place = (tenant, path, key)
        if place in self.expected:
            return

        async def begin() -> tuple[asyncio.Task, asyncio.Event]:
            gate = self.world.counted.gate = asyncio.Event()
            task = asyncio.create_task(self._send(place, what))
            await self.world.counted.entered.wait()
            self.world.counted.entered.clear()
            self.world.counted.gate = None
            return task, gate

        self.under_way[place] = self.world.run(begin())
        self.expected[place] = Expected(what, None)

    @rule(leaves=st.booleans(), data=st.data())
    def something_slow_ends(self, leaves: bool, data: st.DataObject) -> None:  # noqa: FBT001 - drawn
        if not self.under_way:
            return
        place = data.draw(st.sampled_from(sorted(self.under_way)))
        task, gate = self.under_way.pop(place)
        what = self.expected.pop(place).what

        async def end() -> httpx.Response | None:
            if leaves:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                return None
            gate.set()
            return await task

        answer = self.world.run(end())
        if answer is not None:
            self._see_first(answer, place, what)

    @rule()
    def a_day_passes(self) -> None:
        async def passing() -> None:
            for tenant in self.world.tenants:
                async with self.world.app.state.database.begin(tenant.id) as session:
                    await session.execute(
                        update(IdempotentAnswer)
                        .where(IdempotentAnswer.finished.is_(True))
                        .values(created_at=utc_now() - timedelta(hours=25))
                    )
                    await forget_old(session)
                    left = (await session.scalars(select(IdempotentAnswer))).all()
                    assert not any(row.finished for row in left)

        self.world.run(passing())
        self.expected = {p: e for p, e in self.expected.items() if e.number is None}

    @invariant()
    def nothing_is_carried_out_twice(self) -> None:
        assert self.world.counted.calls == self.made

    def teardown(self) -> None:
        async def end() -> None:
            for task, _ in self.under_way.values():
                task.cancel()
            await asyncio.gather(*(t for t, _ in self.under_way.values()), return_exceptions=True)

        self.world.run(end())


def play(world: World, examples: int, steps: int) -> None:
    machine = type("Repeats", (Repeats,), {"world": world})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_a_key_stands_for_one_request_in_every_order(world):
    play(world, 8, 20)


@pytest.mark.full
@pytest.mark.timeout(500)
def test_a_key_stands_for_one_request_in_hundreds_of_orders(world):
    play(world, 250, 40)
