"""Every service refuses, starts, traces and logs in the same way."""

import asyncio
import io
import json
import logging
import sys
from contextlib import asynccontextmanager

import httpx
import pytest
import structlog
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
from pydantic import BaseModel, Field

from keel.application import create_service
from keel.commands import listen
from keel.health import NotReady
from keel.problems import NotFound, Problem, problems
from keel.settings import ServiceSettings, SettingsConfigDict, SettingsRefused
from keel.telemetry import configure_logging, trace_headers


class Teapot(Problem):
    code = "tea_pot"
    title = "This is a teapot"
    status = 418


class Body(BaseModel):
    name: str = Field(max_length=5)


@asynccontextmanager
async def _nothing(app):
    yield


@pytest.fixture(autouse=True)
def _as_before(monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [*logging.getLogger().handlers])
    yield
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def app() -> FastAPI:
    app = create_service(
        name="probe", title="Probe", description="", version="1", lifespan=_nothing
    )

    @app.get("/tea", responses=problems(Teapot))
    async def tea() -> None:
        raise Teapot(
            "Ask for coffee.", members={"missing": ["coffee"]}, headers={"Retry-After": "3"}
        )

    @app.post("/body")
    async def body(body: Body) -> Body:
        return body

    @app.get("/crash")
    async def crash() -> None:
        raise ValueError("Jeanne Untel, 12 rue des Lilas")

    @app.get("/trace")
    async def trace() -> dict[str, str]:
        return trace_headers()

    return app


@pytest.fixture
def http(app) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://probe")


async def test_a_refusal_is_a_problem_document(http):
    answer = await http.get("/tea")
    assert answer.status_code == 418
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "3"
    document = answer.json()
    assert len(document.pop("trace_id")) == 32
    assert document == {
        "type": "/problems/tea-pot", "title": "This is a teapot", "status": 418,
        "detail": "Ask for coffee.", "code": "tea_pot", "missing": ["coffee"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [("GET", "/nowhere", 404, "not_found"), ("DELETE", "/tea", 405, "method_not_allowed"), ("POST", "/body", 422, "invalid_request")],
)  # fmt: skip
async def test_the_framework_refuses_in_the_same_form(http, method, path, status, code):
    answer = await http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_validation_failure_says_where_and_never_what(http):
    answer = await http.post("/body", json={"name": "Jeanne Untel"})
    assert answer.json()["errors"] == [{"at": "body.name", "why": "string_too_long"}]
    assert "Jeanne" not in answer.text


async def test_a_crash_tells_nobody_what_it_was_working_on(http, capsys):
    configure_logging("probe")
    answer = await http.get("/crash")
    assert answer.status_code == 500
    said = answer.text + capsys.readouterr().err
    assert "ValueError" in said
    assert "Jeanne" not in said


async def test_a_crash_names_the_trace_of_its_request(http):
    parent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    answer = await http.get("/crash", headers={"traceparent": parent})
    assert answer.status_code == 500
    assert answer.json()["trace_id"] == "ab" * 16


async def test_a_request_has_one_span_that_says_the_class_of_a_failure_and_no_more(http):
    ended = []

    class Spans(SpanProcessor):
        def on_end(self, span) -> None:
            ended.append(span)

    await http.get("/livez")
    trace.get_tracer_provider().add_span_processor(Spans())
    await http.get("/crash")
    (span,) = ended
    assert span.attributes["error.type"] == "ValueError"
    assert "Jeanne" not in span.to_json()


async def test_every_line_says_which_service_it_is_from(capsys):
    configure_logging("probe")
    await asyncio.to_thread(structlog.get_logger().info, "in_a_thread")
    logging.getLogger("uvicorn.error").error("Jeanne Untel")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["service"] for line in lines] == ["probe", "probe"]


async def test_a_field_that_is_not_on_the_list_is_not_logged(capsys):
    configure_logging("probe")
    structlog.get_logger().info("something", name="Jeanne Untel", count=3)
    line = json.loads(capsys.readouterr().err)
    assert line["count"] == 3
    assert "Jeanne" not in json.dumps(line)


async def test_a_standard_error_that_is_gone_stops_no_refusal(http, monkeypatch):
    configure_logging("probe")
    gone = io.StringIO()
    monkeypatch.setattr(sys, "stderr", gone)
    gone.close()
    assert (await http.get("/crash")).json()["code"] == "internal"


async def test_a_trace_goes_on_from_its_caller(http):
    parent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    answer = await http.get("/trace", headers={"traceparent": parent})
    assert answer.json()["traceparent"].split("-")[1] == "ab" * 16


async def test_readiness_names_what_it_waits_for(app, http):
    assert (await http.get("/readyz")).status_code == 200

    async def loading() -> bool:
        return False

    app.state.readiness["model"] = loading
    answer = await http.get("/readyz")
    assert answer.status_code == NotReady.status
    assert answer.json()["waiting_for"] == ["model"]


def test_the_document_tells_the_truth_about_refusals(app):
    document = app.openapi()
    assert "HTTPValidationError" not in json.dumps(document)
    responses = document["paths"]["/tea"]["get"]["responses"]
    assert "tea_pot" in responses["418"]["description"]
    assert responses["4XX"]["content"].keys() == {"application/problem+json"}
    assert NotFound.code == "not_found"


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PROBE_", frozen=True, extra="forbid")

    size: int = 1


def test_a_misspelt_variable_stops_the_start(monkeypatch):
    monkeypatch.setenv("PROBE_PASS_JWKS_FILE", "x")
    assert Settings.read().size == 1
    monkeypatch.setenv("PROBE_SIZZE", "2")
    with pytest.raises(SettingsRefused, match="PROBE_SIZZE"):
        Settings.read()


def test_a_wrong_value_says_which_variable(monkeypatch):
    monkeypatch.setenv("PROBE_SIZE", "many")
    with pytest.raises(SettingsRefused, match="PROBE_SIZE"):
        Settings.read()


def test_a_port_in_use_says_so():
    with listen("127.0.0.1", 0) as first:
        first.listen()
        with pytest.raises(SettingsRefused, match="Choose another port"):
            listen("127.0.0.1", first.getsockname()[1])
