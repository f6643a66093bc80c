"""A connection has a time and a size: whoever holds one longer, or sends more, is let go."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.responses import StreamingResponse

from keel.application import create_service
from keel.commands import listen, server_config
from keel.connections import ConnectionLimits, GuardedConfig, peer_of

LIMITS = ConnectionLimits(headers=0.3, body=0.4)


def probe() -> FastAPI:
    app = create_service(name="probe", title="Probe", description="", version="1")

    @app.post("/read")
    async def read(request: Request) -> int:
        return len(await request.body())

    @app.post("/slow")
    async def slow(request: Request) -> int:
        await asyncio.sleep(1)  # longer than the limits: what is late here is us
        return len(await request.body())

    @app.get("/long")
    async def long() -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(400):
                yield b"x" * 65536

        return StreamingResponse(pieces())

    return app


@dataclass
class Served:
    port: int
    config: GuardedConfig
    logged: list[str] = field(default_factory=list)

    async def connect(self, source: str | None = None):
        address = (source, 0) if source else None
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=address)

    async def exchange(self, *pieces: bytes, pause: float = 0) -> bytes:
        """Send pieces with pauses, then read to the end."""
        reader, writer = await self.connect()
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(pause)
            return await asyncio.wait_for(reader.read(), 5)
        finally:
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def serving(limits: ConnectionLimits, app: FastAPI | None = None) -> AsyncIterator[Served]:
    bound = listen("127.0.0.1", 0)
    config = server_config(app or probe(), limits)
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None
    task = asyncio.create_task(server.serve(sockets=[bound]))
    while not server.started:  # noqa: ASYNC110 - the server has no event for it
        await asyncio.sleep(0.01)
    try:
        yield Served(bound.getsockname()[1], config)
    finally:
        server.should_exit = True
        await task


def code_of(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head.lower()
    document = json.loads(body)
    assert document["status"] == int(re.match(rb"HTTP/1.1 (\d+)", head)[1])
    return document["code"]


GET = b"GET /livez HTTP/1.1\r\nHost: a\r\n"


async def test_a_head_that_does_not_come_to_its_end_is_cut():
    async with serving(LIMITS) as server:
        assert code_of(await server.exchange(GET)) == "request_timeout"


async def test_a_connection_that_says_nothing_is_closed_without_a_word():
    async with serving(LIMITS) as server:
        assert await server.exchange() == b""
        assert not server.config.peers


async def test_a_head_in_small_drops_has_the_same_time():
    async with serving(LIMITS) as server:
        drops = [b"GET /livez HTTP/1.1\r\n", *[b"X-A: b\r\n"] * 20]
        with contextlib.suppress(ConnectionError):  # it writes on after it was cut
            assert code_of(await server.exchange(*drops, pause=0.05)) == "request_timeout"


async def test_empty_lines_between_two_requests_are_no_sign_of_life():
    async with serving(LIMITS) as server:
        whole = GET + b"\r\n"
        begun = asyncio.get_running_loop().time()
        with contextlib.suppress(ConnectionError):
            await server.exchange(whole, *[b"\r\n"] * 20, pause=0.05)
        assert asyncio.get_running_loop().time() - begun < 2


async def test_a_body_that_stalls_is_cut():
    async with serving(LIMITS) as server:
        head = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
        assert code_of(await server.exchange(head, b"ten bytes.")) == "request_timeout"


async def test_a_body_that_only_trickles_is_cut():
    async with serving(ConnectionLimits(headers=0.3, body=0.4, body_rate=1000)) as server:
        head = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
        begun = asyncio.get_running_loop().time()
        with contextlib.suppress(ConnectionError):
            await server.exchange(head, *[b"drop"] * 20, pause=0.1)
        assert asyncio.get_running_loop().time() - begun < 4


async def test_a_body_with_pauses_within_the_limit_arrives():
    async with serving(LIMITS) as server:
        head = b"POST /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 12\r\n\r\n"
        answer = await server.exchange(head, *[b"abc"] * 4, pause=0.2)
        assert answer.endswith(b"\r\n\r\n12")


async def test_whoever_waits_for_us_is_not_late():
    async with serving(LIMITS) as server:
        size = 400_000  # more than is read ahead: the rest waits until the endpoint reads
        head = b"POST /slow HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        answer = await server.exchange(head % size, b"x" * size)
        assert answer.endswith(b"\r\n\r\n400000")


async def test_a_reader_who_does_not_read_is_cut():
    async with serving(LIMITS) as server:
        reader, writer = await server.connect()
        writer.write(b"GET /long HTTP/1.1\r\nHost: a\r\n\r\n")
        await asyncio.sleep(1.5)
        assert not server.config.peers
        with contextlib.suppress(ConnectionError):
            assert len(await asyncio.wait_for(reader.read(), 5)) < 400 * 65536
        writer.close()


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (GET + b"X-A: " + b"a" * 70_000 + b"\r\n\r\n", "headers_too_large"),
        (GET + b"X-A: " + b"a" * 200_000, "headers_too_large"),
        (GET + b"X: y\r\n" * 101 + b"\r\n", "headers_too_large"),
        (GET + (b"X: " + b"y" * 1000 + b"\r\n") * 70 + b"\r\n", "headers_too_large"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "url_too_long"),
        (b"GET /livez?" + b"a=b&" * 3000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "url_too_long"),
        (b"\x16\x03\x01\x02\x00\x01\x00", "malformed_request"),
        (b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", "malformed_request"),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nA: b\x00c\r\n\r\n", "malformed_request"),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "malformed_request"),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "malformed_request"),
    ],
    ids=["one long field", "a field without end", "101 fields", "fields of 70 kB", "a long path", "a long query", "TLS", "NUL in the path", "NUL in a field", "two lengths", "a tunnel"],
)  # fmt: skip
async def test_what_is_no_request_of_ours_is_refused(head, code):
    async with serving(LIMITS) as server:
        assert code_of(await server.exchange(head)) == code


async def test_a_head_within_its_size_is_read():
    async with serving(LIMITS) as server:
        head = GET + b"Connection: close\r\n" + b"X-A: " + b"a" * 60_000 + b"\r\n\r\n"
        assert (await server.exchange(head)).startswith(b"HTTP/1.1 200")


async def test_one_address_holds_its_share_and_another_still_comes_in():
    async with serving(ConnectionLimits(headers=5, per_peer=3)) as server:
        held = [await server.connect() for _ in range(6)]
        await asyncio.sleep(0.1)
        closed = 0
        for reader, _ in held:
            with contextlib.suppress(TimeoutError, ConnectionError):
                closed += await asyncio.wait_for(reader.read(), 0.2) == b""
        assert server.config.peers["127.0.0.1"] == 3
        reader, writer = await server.connect("127.0.0.2")
        writer.write(GET + b"Connection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        for _, other in [*held, (reader, writer)]:
            other.close()


async def test_over_all_places_a_connection_is_closed_at_once():
    async with serving(ConnectionLimits(headers=5, connections=2)) as server:
        held = [await server.connect() for _ in range(2)]
        await asyncio.sleep(0.1)
        with contextlib.suppress(ConnectionError):
            assert await server.exchange(GET + b"\r\n") == b""
        for _, writer in held:
            writer.close()
        await asyncio.sleep(0.1)
        answer = await server.exchange(GET + b"Connection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")


def test_the_addresses_that_one_subscriber_has_are_one_peer():
    assert peer_of("2001:db8::1") == peer_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert peer_of("::ffff:192.0.2.1") == peer_of("192.0.2.1") == "192.0.2.1"
    assert peer_of("fe80::1%eth0") == "fe80::/64"
    assert peer_of("unix") == "unix"


async def test_a_refusal_is_heard_by_a_client_that_is_still_sending():
    async def refuse(_, __, send) -> None:
        headers = [(b"content-length", b"2"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": b"no"})

    async with serving(LIMITS, refuse) as server:
        head = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
        answer = await server.exchange(head, *[b"x" * 1_000_000] * 20)
        assert answer.startswith(b"HTTP/1.1 413")
        assert answer.endswith(b"no")


async def test_no_departure_is_a_failure_of_ours(capfd):
    async with serving(LIMITS) as server:
        head = b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n"
        await server.exchange(head, b"cut")
        _, writer = await server.connect()
        writer.write(head)
        await writer.drain()
        writer.transport.abort()
        await asyncio.sleep(0.2)
    said = capfd.readouterr().err
    assert "unexpected_error" not in said
    assert "Exception" not in said
