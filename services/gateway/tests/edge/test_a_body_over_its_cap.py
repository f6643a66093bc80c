"""A body over its cap is 413 wherever it is noticed, and whoever was reading it."""

from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
from fastapi import FastAPI, Form, Request
from pydantic import BaseModel

from gateway.edge.caps import BodyCap
from keel.application import create_service


class Note(BaseModel):
    text: str


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


@pytest.fixture
def probe() -> FastAPI:
    app = create_service(name="probe", title="Probe", description="", version="1")
    app.add_middleware(BodyCap, body_bytes=10, upload_bytes=100)

    @app.post("/json")
    async def json(note: Note) -> Note:
        return note

    @app.post("/form")
    async def form(text: str = Form()) -> str:
        return text

    @app.post("/swallowing")
    async def swallowing(request: Request) -> str:
        with suppress(Exception):
            await request.body()
        return "read"

    @app.post("/wrapping")
    async def wrapping(request: Request) -> None:
        try:
            await request.body()
        except Exception as error:
            raise RuntimeError from error

    @app.post("/failing")
    async def failing() -> None:
        raise RuntimeError

    return app


@pytest.fixture
def http(probe: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(probe, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://probe")


@pytest.mark.parametrize("path", ["/json", "/form", "/swallowing", "/wrapping"])
async def test_a_chunked_body_is_refused_while_it_is_read(http, path):
    kind = "application/x-www-form-urlencoded" if path == "/form" else "application/json"
    answer = await http.post(
        path, content=pieces(b'{"text"', b": ", b'"longer"}'), headers={"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer.json()["detail"] == "Send at most 10 bytes here."
    assert answer.headers["connection"] == "close"
    assert len(answer.json()["trace_id"]) == 32


async def test_a_form_has_a_smaller_cap_than_other_bodies(gateway):
    form = {"grant_type": "client_credentials", "scope": "a" * 70_000}
    answer = await gateway.post("/oauth2/token", data=form, auth=("a", "b"))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_a_body_within_its_cap_is_judged_by_its_reader(http):
    kind = {"Content-Type": "application/json"}
    sent = await http.post("/json", content=pieces(b"{not", b" json"), headers=kind)
    assert sent.status_code == 422
    assert (await http.post("/swallowing", content=pieces(b"12345", b"67890"))).json() == "read"


async def test_a_failure_of_ours_stays_one(http):
    assert (await http.post("/failing", content=b"small")).status_code == 500


async def test_an_answer_that_has_begun_is_broken_off():
    sent = []

    async def app(_, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()
        await send({"type": "http.response.body", "body": b"never sent"})

    async def receive() -> dict:
        return {"type": "http.request", "body": b"more than ten", "more_body": True}

    async def send(message) -> None:
        sent.append(message["type"])

    scope = {"type": "http", "path": "/echo", "headers": []}
    await BodyCap(app, body_bytes=10, upload_bytes=10)(scope, receive, send)
    assert sent == ["http.response.start"]


async def test_every_route_of_the_gateway_refuses_a_chunked_body(centre):
    answer = await centre.call(
        "POST", "/v1/counsellors", content=pieces(*[b"x" * 65536] * 17),
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
