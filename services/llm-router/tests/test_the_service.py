"""The service starts, refuses to start, and tells the truth about itself."""

import asyncio
import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from keel.commands import render_document
from keel.settings import SettingsRefused
from llm_router.app import create_app, document
from llm_router.deployments.declarations import DeploymentsRefused, deployments_of
from llm_router.standalone.app import create_standalone
from llm_router.standalone.configuration import read_configuration

FOLDER = Path(__file__).parents[1]


def test_the_committed_document_is_current():
    assert (FOLDER / "openapi.json").read_text() == render_document(document())


def test_operations_are_those_that_passes_name():
    operations = {
        operation["operationId"]
        for path in document()["paths"].values()
        for operation in path.values()
    }
    assert operations - {"livez", "readyz"} == {
        "list_use_cases",
        "read_use_case",
        "list_recipients",
        "plan",
        "attempt",
    }


def test_a_wrong_deployments_file_stops_the_start(settings, declared):
    with pytest.raises(DeploymentsRefused, match="https"):
        create_app(settings(declared("http://api.example.org/v1")))


def _run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "llm_router", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_refused_start_says_why_and_ends_with_two(tmp_path, pass_jwks_file):
    file = tmp_path / "deployments.json"
    file.write_text('{"deployments": 3}')
    ended = _run(
        "serve",
        LLM_ROUTER_PASS_JWKS_FILE=str(pass_jwks_file),
        LLM_ROUTER_DEPLOYMENTS_FILE=str(file),
    )
    assert ended.returncode == 2
    assert "deployments" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_refused_standalone_start_says_why(tmp_path):
    ended = _run("serve", "--standalone", "--config", str(tmp_path / "absent.json"))
    assert (ended.returncode, "Traceback" in ended.stderr) == (2, False)
    assert "No such file" in ended.stderr


@pytest.mark.parametrize(
    ("configuration", "why"),
    [("{", "JSON"), ('{"keys": [], "deployments": []}', "keys")],
    ids=["no JSON", "no keys"],
)
def test_a_wrong_standalone_configuration_is_refused(tmp_path, configuration, why):
    file = tmp_path / "alone.json"
    file.write_text(configuration)
    with pytest.raises(SettingsRefused, match=why):
        read_configuration(file)


async def test_a_caller_who_hangs_up_ends_the_call_upstream(
    *, served, settings, declared, upstream, says, mint
):
    upstream.modes = [says.silent_after(says.chunk("{"))]
    url = await served(create_app(settings(declared(upstream.url))))
    headers = mint(
        "llm-router",
        "attempt",
        tenant="tnt_x",
        purpose="analysis",
        data_categories=("cv",),
        constraints={"deployment": "here", "recipient": "rcp_here"},
    )
    body = {
        "deployment": "here",
        "use_case": "cv-analysis",
        "inputs": {"cv": says.cv},
        "deadline_ms": 60_000,
    }
    async with aiohttp.ClientSession() as session:
        response = await session.post(f"{url}/attempts", json=body, headers=headers)
        assert response.content_type == "application/x-ndjson"
        assert json.loads(await response.content.readline())["type"] == "started"
        assert json.loads(await response.content.readline())["type"] == "delta"
        response.close()
        async with asyncio.timeout(2):
            await upstream.left.wait()


@pytest.fixture
async def alone(served, declared, upstream, tmp_path):
    """The router alone, before the fake upstream: (url, headers)."""
    file = tmp_path / "alone.json"
    closed = declared(upstream.url, id="closed", training_use="improvement")
    keys = [{"name": "poste", "sha256": hashlib.sha256(b"k1").hexdigest()}]
    file.write_text(
        json.dumps({"port": 0, "keys": keys, "deployments": [declared(upstream.url), closed]})
    )
    configuration = read_configuration(file)
    app = create_standalone(deployments_of(configuration.deployments), configuration.keys)
    return await served(app), {"Authorization": "Bearer k1"}


ASKED = {"model": "here", "messages": [{"role": "user", "content": "Bonjour"}]}


async def test_alone_it_lists_open_deployments_only(alone):
    url, headers = alone
    async with aiohttp.ClientSession(headers=headers) as session:
        listed = await (await session.get(f"{url}/v1/models")).json()
    assert [m["id"] for m in listed["data"]] == ["here"]


async def test_alone_it_passes_a_stream_on_byte_for_byte(alone, upstream, says):
    url, headers = alone
    parts = [says.chunk("Bon"), says.chunk("jour"), b"data: [DONE]\n\n"]
    upstream.modes = [says.sending(*parts)]
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await session.post(f"{url}/v1/chat/completions", json=ASKED | {"stream": True})
        assert await answer.read() == b"".join(parts)
    assert json.loads(upstream.bodies[0])["model"] == "petit-modele"
    assert "k1" not in json.dumps(upstream.headers)


async def test_alone_it_passes_an_answer_on(alone, upstream, says):
    url, headers = alone
    upstream.modes = [says.sending(b'{"choices": []}', content_type="application/json")]
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await session.post(f"{url}/v1/chat/completions", json=ASKED)
        assert await answer.json() == {"choices": []}


async def test_alone_a_failure_in_mid_stream_is_an_error_event(alone, upstream, says):
    url, headers = alone
    upstream.modes = [says.cut_after(says.chunk("Bon"))]
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await session.post(f"{url}/v1/chat/completions", json=ASKED | {"stream": True})
        last = (await answer.text()).strip().rpartition("data: ")[2]
    assert json.loads(last)["error"]["code"] == "truncated_stream"


ALONE_REFUSALS = {
    "no key": ({}, ASKED, 401),
    "another key": ({"Authorization": "Bearer k2"}, ASKED, 401),
    "an unknown model": (None, ASKED | {"model": "x"}, 404),
    "a closed one": (None, ASKED | {"model": "closed"}, 404),
    "no messages": (None, {"model": "here"}, 400),
    "no JSON": (None, "{", 400),
    "too much": (None, "x" * 5_000_000, 413),
}


@pytest.mark.parametrize(
    ("given", "body", "status"), ALONE_REFUSALS.values(), ids=ALONE_REFUSALS.keys()
)
async def test_alone_it_refuses_in_the_shape_of_openai(alone, upstream, given, body, status):
    url, headers = alone
    content = body if isinstance(body, str) else json.dumps(body)
    async with aiohttp.ClientSession(headers=headers if given is None else given) as session:
        answer = await session.post(f"{url}/v1/chat/completions", data=io.BytesIO(content.encode()))
        assert answer.status == status
        assert (await answer.json())["error"]["message"]
    assert upstream.bodies == []


@pytest.mark.parametrize(("fault", "status"), [(429, 429), (500, 502), (401, 502)])
async def test_alone_an_upstreams_refusal_is_a_status(alone, upstream, says, fault, status):
    url, headers = alone
    upstream.modes = [says.refusing(fault, Retry_After="3")]
    async with aiohttp.ClientSession(headers=headers) as session:
        answer = await session.post(f"{url}/v1/chat/completions", json=ASKED)
        assert answer.status == status
        assert answer.headers["Retry-After"] == "3"
        assert "secret" not in await answer.text()
