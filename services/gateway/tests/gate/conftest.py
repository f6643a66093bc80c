"""A gateway whose inside services are doubles behind real HTTP, and as many replicas as a story asks for."""

import asyncio
import importlib.util
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from gateway.app import create_app
from gateway.records import store as record_store
from gateway.settings import Settings

HERE = Path(__file__).parent


def _beside(name: str) -> ModuleType:
    """A module of this folder: tests are files, no package."""
    known = f"gate_tests_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]


@pytest.fixture(scope="session")
def beside() -> Callable[[str], ModuleType]:
    return _beside


@asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    doubles = _beside("inside")
    listening = doubles.bound()
    server = doubles.server(app)
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:  # noqa: ASYNC110 - it offers nothing to wait for
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@pytest.fixture
def served() -> Callable[[Any], Any]:
    """Serve an ASGI application over loopback while a story lasts: `async with served(app) as url`."""
    return _served


@pytest.fixture
async def inside() -> AsyncIterator[Any]:
    """The doubles of the four services."""
    doubles = _beside("inside").Inside()
    async with _served(doubles) as doubles.url:
        yield doubles
        doubles.go.set()


def settings_for(url: str, keys_dir: Path, inside_url: str, **changes: Any) -> Settings:
    behind = {
        f"{name}_url": inside_url
        for name in ("anonymizer", "llm_router", "labour_market", "reports")
    }
    given = {
        "public_url": "http://gateway",
        "sequencer_interval": timedelta(hours=1),
        "access_token_lifetime": timedelta(seconds=900),  # a load lasts longer than the usual one
        **behind,
        **changes,
    }
    return Settings(database_url=url, keys_dir=keys_dir, **given)


@pytest.fixture
async def app(gateway_url: str, keys_dir: Path, inside: Any) -> AsyncIterator[FastAPI]:
    app = create_app(settings_for(gateway_url, keys_dir, inside.url))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(app.router.lifespan_context(app))
        app.state.stop = stack.aclose
        yield app


@pytest.fixture
def replica(gateway_url: str, keys_dir: Path, inside: Any) -> Callable[..., Any]:
    """One more gateway on the same PostgreSQL, served over loopback; SQLite has one process."""

    @asynccontextmanager
    async def one_more(**changes: Any) -> AsyncIterator[tuple[FastAPI, str]]:
        app = create_app(settings_for(gateway_url, keys_dir, inside.url, **changes))
        async with app.router.lifespan_context(app), _served(app) as url:
            yield app, url

    return one_more


@dataclass
class Assisted:
    """A centre with a document and a consent token, ready to run a use case with a model."""

    app: FastAPI
    centre: Any
    bilan: Any
    consent: str
    document: str
    token: str
    number: int = 0

    @property
    def body(self) -> dict[str, Any]:
        return {"bilan": self.bilan.id, "mode": "assisted", "document": self.document}

    def headers(self, **more: str) -> dict[str, str]:
        self.number += 1
        return {
            "Authorization": f"Bearer {self.centre.token}", "Consent-Token": self.token,
            "Idempotency-Key": f"run{self.number}", **more,
        }  # fmt: skip

    async def run(self, url: str = "", mode: str = "assisted", **headers: str) -> httpx.Response:
        async with self._client(url) as http:
            body = {**self.body, "mode": mode}
            return await http.post(
                "/v1/use-cases/cv-analysis/runs", json=body, headers=self.headers(**headers)
            )

    @asynccontextmanager
    async def stream(
        self, url: str, **headers: str
    ) -> AsyncIterator[AsyncIterator[tuple[str, float]]]:
        """The events of a streamed run: name and the instant at which it came."""
        given = self.headers(Accept="text/event-stream", **headers)
        async with (
            self._client(url) as http,
            http.stream(
                "POST", "/v1/use-cases/cv-analysis/runs", json=self.body, headers=given
            ) as answer,
        ):
            yield _names(answer)

    def _client(self, url: str) -> httpx.AsyncClient:
        transport = None if url else httpx.ASGITransport(self.app)
        return httpx.AsyncClient(
            transport=transport, base_url=url or "http://gateway", timeout=60, trust_env=False
        )

    async def withdraw(self) -> float:
        """Withdraw, and return the instant at which it was acknowledged."""
        answer = await self.centre.call("DELETE", f"/v1/consents/{self.consent}")
        assert answer.status_code == 200, answer.text
        return time.monotonic()

    async def draw(self) -> None:
        drawn = await self.centre.call("POST", f"/v1/consents/{self.consent}/token")
        self.token = drawn.json()["consent_token"]

    async def records(self, *kinds: str) -> list[Any]:
        """The consent's rows, oldest first, opened as `said`."""
        wanted = {
            "beneficiary": None,
            "consent": self.consent,
            "kind": None,
            "after": None,
            "limit": 1000,
        }
        async with self.app.state.database.begin(self.centre.tenant) as session:
            rows = await record_store.page(session, self.centre.tenant, **wanted)
            found = [(row, await self.app.state.records.read(session, row)) for row in rows]
        for row, said in found:
            row.said = said
        return [row for row, _ in found if not kinds or row.kind in kinds]


async def _names(answer: httpx.Response) -> AsyncIterator[tuple[str, float]]:
    async for line in answer.aiter_lines():
        if line.startswith("event: "):
            yield line.removeprefix("event: "), time.monotonic()


@pytest.fixture
async def assisted(app: FastAPI, centre: Any, bilan: Any, given: dict[str, Any]) -> Assisted:
    answer = await centre.call(
        "POST", "/v1/documents", data={"bilan": bilan.id}, files={"file": ("cv.txt", b"CV")}
    )
    assert answer.status_code == 201, answer.text
    ready = Assisted(app, centre, bilan, given["id"], answer.json()["id"], "")
    await ready.draw()
    return ready


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    async def holds(claim: Callable[[], bool], seconds: float = 5) -> None:
        until = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < until, "it did not come to hold"
            await asyncio.sleep(0.005)

    return holds
