"""Figures are answered on a port of their own, and say nothing about anybody."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from keel.application import create_service
from keel.commands import listen, server_config
from keel.metrics import Figure, Metrics, metrics_on
from keel.problems import NotFound


@asynccontextmanager
async def idle(_: FastAPI) -> AsyncIterator[None]:
    yield


@pytest.fixture
def app() -> FastAPI:
    app = create_service(name="essai", title="", description="", version="0", lifespan=idle)

    @app.get("/dossiers/{reference}")
    async def read(reference: str) -> dict[str, str]:
        if reference == "absent":
            raise NotFound
        if reference == "crash":
            raise RuntimeError(reference)
        return {"reference": reference}

    return app


@pytest.fixture
async def listening(app) -> AsyncIterator[str]:
    app.state.metrics = Metrics(app.state.measures)
    bound = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with metrics_on(bound, app.state.metrics):
        yield url


async def ask(app, *paths: str, method: str = "GET") -> None:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://essai") as client:
        for path in paths:
            await client.request(method, path)


async def figures(url: str, path: str = "/metrics") -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(url + path)


async def test_a_request_is_counted_by_its_route_and_never_by_what_was_asked_for(app, listening):
    await ask(app, "/dossiers/Dupont", "/dossiers/Martin", "/dossiers/absent", "/dossiers/crash")
    await ask(app, "/nulle-part/Dupont")
    await ask(app, "/dossiers/Dupont", method="DUPONT")
    said = (await figures(listening)).text
    read = 'passerelle_requests_total{method="GET",route="/dossiers/{reference}",service="essai"'
    assert f'{read},status="200"}} 2.0' in said
    assert f'{read},status="404"}} 1.0' in said
    assert f'{read},status="500"}} 1.0' in said
    assert 'method="GET",route="none",service="essai",status="404"} 1.0' in said
    assert 'method="other"' in said
    assert 'passerelle_request_seconds_count{method="GET",route="/dossiers/{reference}"' in said
    assert "process_resident_memory_bytes" in said
    for name in ("Dupont", "DUPONT", "Martin", "absent", "crash"):
        assert name not in said


async def test_what_is_looked_up_is_as_it_is_now(app, listening):
    async def waiting() -> list[Figure]:
        app.state.seen = getattr(app.state, "seen", 0) + 1
        return [Figure("passerelle_waiting", "What waits", app.state.seen, (("of", "a"),))]

    app.state.measures["waiting"] = waiting
    assert 'passerelle_waiting{of="a"} 1.0' in (await figures(listening)).text
    assert 'passerelle_waiting{of="a"} 2.0' in (await figures(listening)).text


async def test_a_measure_that_fails_or_hangs_takes_no_other_figure_away(
    app, listening, monkeypatch
):
    async def broken() -> list[Figure]:
        raise RuntimeError("Dupont")

    async def hung() -> list[Figure]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr("keel.metrics._PATIENCE_SECONDS", 0.05)
    app.state.measures |= {"broken": broken, "hung": hung}
    said = (await figures(listening)).text
    assert 'passerelle_measure_failed{measure="broken"} 1.0' in said
    assert 'passerelle_measure_failed{measure="hung"} 1.0' in said
    assert 'passerelle_measure_failed{measure="essai_readiness"} 0.0' in said


@pytest.mark.parametrize("holds", [True, False])
async def test_each_readiness_check_is_a_figure(app, listening, holds):
    async def database() -> bool:
        return holds

    app.state.readiness["database"] = database
    said = (await figures(listening)).text
    assert f'passerelle_ready{{check="database",service="essai"}} {float(holds)}' in said


async def test_the_port_answers_nothing_else_and_the_public_one_no_figures(app, listening):
    assert (await figures(listening, "/livez")).status_code == 404
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://essai") as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_without_a_port_nothing_is_counted(app):
    await ask(app, "/dossiers/Dupont")
    assert app.state.metrics is None
    assert server_config(app) is not None
