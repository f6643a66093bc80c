"""A fake upstream on loopback that can fail in every way, and the router before it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from aiohttp import web

from keel.identifiers import new_id
from llm_router.app import create_app
from llm_router.settings import Settings

CV = (
    "[PERSONNE_1]\nAssistante de gestion chez [ORGANISATION_1], [LIEU_1]\n"
    "Suivi des factures fournisseurs et clients.\n"
    "Préparation des éléments variables de paie pour 34 salariés.\n"
    "Secrétaire comptable chez [ORGANISATION_2]\nSaisie comptable et rapprochements bancaires.\n"
)

READING = {
    "threads": [
        {
            "text": "Les chiffres reviennent à chaque étape.",
            "evidence": [{"quote": "Suivi des factures"}, {"quote": "Saisie comptable"}],
        }
    ],
    "strengths": [{"text": "A préparé des éléments de paie.", "evidence": []}],
    "open_questions": ["Qu’est-ce qui vous plaît dans ce travail ?"],
}

Mode = Callable[["Upstream", web.Request], Awaitable[web.StreamResponse]]


def chunk(text: str = "", **choice: Any) -> bytes:
    body = {
        "model": "fake-1",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None, **choice}],
    }
    return b"data: " + json.dumps(body, ensure_ascii=False).encode() + b"\n\n"


@dataclass
class Upstream:
    """Answers each call by the next mode of its script; the last one stays."""

    modes: list[Mode] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        mode = self.modes.pop(0) if len(self.modes) > 1 else self.modes[0]
        try:
            return await mode(self, request)
        except (asyncio.CancelledError, ConnectionResetError):
            self.left.set()
            raise


async def streaming(
    request: web.Request, parts: list[bytes], *, pace: float = 0, content_type="text/event-stream"
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": content_type})
    await response.prepare(request)
    for part in parts:
        await response.write(part)
        await asyncio.sleep(pace)
    await response.write_eof()
    return response


def answering(answer: Any, *, pace: float = 0, size: int = 40) -> Mode:
    """Stream an answer well."""
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)

    async def mode(_: Upstream, request: web.Request) -> web.StreamResponse:
        parts = [chunk(text[at : at + size]) for at in range(0, len(text), size)]
        usage = {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 20}}
        end = [chunk(finish_reason="stop"), b"data: " + json.dumps(usage).encode() + b"\n\n"]
        return await streaming(request, [*parts, *end, b"data: [DONE]\n\n"], pace=pace)

    return mode


def sending(*parts: bytes, content_type: str = "text/event-stream") -> Mode:
    """Send bytes as they are."""

    async def mode(_: Upstream, request: web.Request) -> web.StreamResponse:
        return await streaming(request, list(parts), content_type=content_type)

    return mode


def refusing(status: int, **headers: str) -> Mode:
    """Answer a status."""

    async def mode(_: Upstream, __: web.Request) -> web.StreamResponse:
        named = {k.replace("_", "-"): v for k, v in headers.items()}
        return web.Response(status=status, headers=named, text="Bearer sk-secret: CV of Élodie")

    return mode


def silent_after(*parts: bytes) -> Mode:
    """Send some, then nothing for ever."""

    async def mode(upstream: Upstream, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        while True:
            await asyncio.sleep(0.02)
            if request.transport is None or request.transport.is_closing():
                upstream.left.set()
                return response

    return mode


def chattering() -> Mode:
    """Send comments for ever, and never a token."""

    async def mode(_: Upstream, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        while True:
            await response.write(b": still here\n\n")
            await asyncio.sleep(0.02)

    return mode


def cut_after(*parts: bytes) -> Mode:
    """Send some, then break the connection."""

    async def mode(_: Upstream, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        assert request.transport is not None
        request.transport.abort()
        return response

    return mode


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    fake = Upstream()
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/chat/completions", fake.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield fake
    await runner.cleanup()


def _declared(base_url: str, **changed: Any) -> dict[str, Any]:
    """A deployment that is whole; `changed` replaces members."""
    return {
        "id": "here",
        "recipient": {
            "id": "rcp_here",
            "legal_name": "Le centre",
            "role": "processor",
            "jurisdictions": ["FR"],
            "operator_home": "FR",
        },
        "hosting": "self",
        "base_url": base_url,
        "model": "petit-modele",
        "retention": "none",
        "training_use": "none",
        "context_tokens": 32_000,
        "capabilities": ["stream", "stream_usage", "json_schema"],
        "timeouts": {"connect_s": 2, "first_token_s": 2, "between_tokens_s": 2, "whole_s": 10},
    } | changed


@dataclass
class Router:
    """The router over its HTTP surface, with a mint for passes."""

    client: httpx.AsyncClient
    app: Any
    mint: Callable[..., dict[str, str]]

    def headers(self, operation: str, **claims: Any) -> dict[str, str]:
        return self.mint("llm-router", operation, tenant=new_id("tnt"), **claims)

    def attempt_headers(self, deployment="here", recipient="rcp_here", **claims: Any):
        covered = {"purpose": "analysis", "data_categories": ("cv",)} | claims
        constraints = {"deployment": deployment, "recipient": recipient}
        return self.headers("attempt", constraints=constraints, **covered)

    async def attempt(self, *, headers=None, **changed: Any) -> httpx.Response:
        body = attempt_body(**changed)
        headers = headers or self.attempt_headers()
        return await self.client.post("/attempts", json=body, headers=headers)

    async def lines(self, **changed: Any) -> list[dict[str, Any]]:
        response = await self.attempt(**changed)
        assert response.status_code == 200, response.text
        return [json.loads(line) for line in response.text.splitlines()]


def attempt_body(**changed: Any) -> dict[str, Any]:
    usual = {
        "deployment": "here",
        "use_case": "cv-analysis",
        "inputs": {"cv": CV},
        "deadline_ms": 20_000,
    }
    return usual | changed


@pytest.fixture
def settings(tmp_path: Path, pass_jwks_file: Path) -> Callable[..., Settings]:
    def make(*deployments: dict[str, Any], **given: Any) -> Settings:
        file = tmp_path / "deployments.json"
        file.write_text(json.dumps({"deployments": deployments}))
        return Settings(pass_jwks_file=pass_jwks_file, deployments_file=file, **given)

    return make


@pytest.fixture
def routing(settings, mint) -> Callable[..., Any]:
    """`async with routing(deployment, …) as router`."""

    @asynccontextmanager
    async def opened(*deployments: dict[str, Any], **given: Any) -> AsyncIterator[Router]:
        app = create_app(settings(*deployments, **given))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://router"
            ) as client,
        ):
            yield Router(client, app, mint)

    return opened


@pytest.fixture
async def router(routing, upstream) -> AsyncIterator[Router]:
    """The router before the fake upstream, as a local deployment."""
    async with routing(_declared(upstream.url)) as opened:
        yield opened


@pytest.fixture(scope="session")
def declared() -> Callable[..., dict[str, Any]]:
    return _declared


@pytest.fixture(scope="session")
def says() -> SimpleNamespace:
    """How the fake upstream may answer, and what a good answer is."""
    return SimpleNamespace(
        reading=READING,
        cv=CV,
        chunk=chunk,
        answering=answering,
        sending=sending,
        refusing=refusing,
        silent_after=silent_after,
        cut_after=cut_after,
        chattering=chattering,
    )


@pytest.fixture
async def served():
    """Serve an application over TCP: `url = await served(app)`."""
    running = []

    async def start(app):
        bound = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        running.append((server, asyncio.create_task(server.serve(sockets=[bound]))))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it by this flag only
            await asyncio.sleep(0.01)
        return f"http://127.0.0.1:{bound.getsockname()[1]}"

    yield start
    for server, task in running:
        server.should_exit = True
        await task
