"""The inside transport behaves like TCP: it streams both ways, and says when the caller has left."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from anonymizer.app import create_app
from anonymizer.settings import Settings
from keel.calls import caller
from keel.commands import listen, server_config
from standalone.transport import InProcessTransport


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - the server tells nobody when it has started
            await asyncio.sleep(0.01)


@asynccontextmanager
async def over_tcp(app) -> AsyncIterator[httpx.AsyncClient]:
    bound = listen("127.0.0.1", 0)
    server = uvicorn.Server(server_config(app))
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    await until(lambda: server.started)
    try:
        async with caller(f"http://127.0.0.1:{bound.getsockname()[1]}") as client:
            yield client
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def in_process(app) -> AsyncIterator[httpx.AsyncClient]:
    async with caller("http://service", InProcessTransport(app)) as client:
        yield client


@pytest.fixture(params=[in_process, over_tcp], ids=["in process", "over TCP"])
def joined(request: pytest.FixtureRequest) -> Callable:
    return request.param


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer each piece of the body as it comes.

    Bare ASGI, because Starlette's streaming response listens for a disconnect by reading, and so
    takes pieces of the body away from whoever reads it meanwhile.
    """
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        piece = message.get("body", b"").upper()
        await send({"type": "http.response.body", "body": piece, "more_body": more})


class Probe:
    """An application that shows what it saw."""

    def __init__(self) -> None:
        self.left = asyncio.Event()
        routed = Starlette(
            routes=[
                Route("/endless", self.endless),
                Route("/slow", self.slow),
                Route("/seen", self.seen, methods=["POST"]),
                Route("/crash", self.crash),
                Route("/half", self.half),
            ]
        )

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await (echo if scope["path"] == "/echo" else routed)(scope, receive, send)

        self.app = app

    async def endless(self, _: Request) -> StreamingResponse:
        async def ticks() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"tick "
                    await asyncio.sleep(0.01)
            finally:
                self.left.set()

        return StreamingResponse(ticks())

    async def slow(self, _: Request) -> JSONResponse:
        try:
            await asyncio.sleep(30)
        finally:
            self.left.set()
        return JSONResponse({})

    async def seen(self, request: Request) -> JSONResponse:
        body = await request.body()
        return JSONResponse(
            {"method": request.method, "query": dict(request.query_params), "size": len(body),
             "header": request.headers.get("x-one"), "path": request.url.path},
            status_code=201,
            headers={"X-Two": "2"},
        )  # fmt: skip

    async def crash(self, _: Request) -> JSONResponse:
        raise RuntimeError("inside")

    async def half(self, _: Request) -> StreamingResponse:
        async def broken() -> AsyncIterator[bytes]:
            yield b"half"
            await asyncio.sleep(0.05)
            raise RuntimeError("inside")

        return StreamingResponse(broken())


@pytest.fixture
def probe() -> Probe:
    return Probe()


async def test_a_request_arrives_as_it_was_sent(joined, probe):
    async with joined(probe.app) as client:
        answer = await client.post("/seen?a=1&b=é", content=b"x" * 100_000, headers={"X-One": "1"})
    assert answer.status_code == 201
    assert answer.headers["x-two"] == "2"
    assert answer.json() == {
        "method": "POST",
        "query": {"a": "1", "b": "é"},
        "size": 100_000,
        "header": "1",
        "path": "/seen",
    }


async def test_the_answer_flows_while_the_request_is_still_being_sent(joined, probe):
    answered = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield b"first"
        await asyncio.wait_for(answered.wait(), 5)  # only an answer lets the rest go
        yield b"second"

    received = b""
    async with (
        joined(probe.app) as client,
        client.stream("POST", "/echo", content=body()) as answer,
    ):
        async for chunk in answer.aiter_raw():
            received += chunk
            answered.set()
    assert received == b"FIRSTSECOND"


async def test_a_caller_who_leaves_a_stream_stops_it(joined, probe):
    async with joined(probe.app) as client:
        async with client.stream("GET", "/endless") as answer:
            async for _ in answer.aiter_raw():
                break
        assert await asyncio.wait_for(probe.left.wait(), 5)


async def test_in_process_a_caller_who_gives_up_waiting_stops_the_work(probe):
    # Over TCP a handler that neither reads nor writes is not told; here nothing has to wait.
    async with in_process(probe.app) as client:
        call = asyncio.create_task(client.get("/slow"))
        await asyncio.sleep(0.1)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(probe.left.wait(), 5)


async def test_a_crash_is_an_error_and_not_a_silent_end(joined, probe):
    async with joined(probe.app) as client:
        try:
            answer = await client.get("/crash")
        except httpx.TransportError:
            return
        assert answer.status_code == 500


async def test_a_broken_off_answer_is_an_error_and_not_a_silent_end(joined, probe):
    async with joined(probe.app) as client, client.stream("GET", "/half") as answer:
        with pytest.raises(httpx.TransportError):
            await answer.aread()


async def test_restoration_is_duplex(joined, migrated, kek_file, pass_jwks_file, mint):
    """A restored word comes back before the next delta was sent."""
    settings = Settings(
        database_url=migrated("anonymizer"),
        key_encryption_key_file=kek_file,
        pass_jwks_file=pass_jwks_file,
    )
    app = create_app(settings)
    about = {"tenant": "tnt_1", "bilan": "bil_1"}
    async with app.router.lifespan_context(app), joined(app) as client:
        async with asyncio.timeout(60):
            while (await client.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - a probe polls
                await asyncio.sleep(0.2)
        text = "Je m’appelle Jeanne Kermarrec, mon adresse est jeanne.kermarrec@example.org."
        made = await client.post(
            "/pseudonymisations",
            json={"texts": [{"id": "a", "text": text}]},
            headers=mint("anonymizer", "pseudonymise", **about),
        )
        masked = made.json()["texts"][0]["text"]
        assert "Kermarrec" not in masked
        sentence_came_back = asyncio.Event()

        async def deltas() -> AsyncIterator[bytes]:
            yield (
                json.dumps({"delta": masked + " " + "Une phrase sans rien à rendre. " * 8}).encode()
                + b"\n"
            )
            await asyncio.wait_for(sentence_came_back.wait(), 10)
            yield json.dumps({"delta": "Fin."}).encode() + b"\n"

        restored = ""
        async with client.stream(
            "POST",
            "/restorations/stream?context=text",
            content=deltas(),
            headers={
                **mint("anonymizer", "restore_stream", **about),
                "Content-Type": "application/x-ndjson",
            },
        ) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                restored += json.loads(line).get("delta", "")
                if "Kermarrec" in restored:
                    sentence_came_back.set()
        assert restored.startswith(text)
        assert restored.endswith("Fin.")
