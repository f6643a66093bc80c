"""Every code has its page and every page its code; the gateway serves what `make problems` wrote."""

from pathlib import Path

import httpx
import pytest

from gateway.app import document
from keel.problems import type_of
from standalone.explanations import contents, explanations, refusals

ROOT = Path(__file__).parents[2]


def test_the_pages_are_what_the_code_says():
    written = contents()
    stale = [name for name, text in written.items() if not (ROOT / name).exists() or (ROOT / name).read_text("utf-8") != text]  # fmt: skip
    assert stale == [], "run `make problems`"
    there = {f"docs/problems/{path.name}" for path in (ROOT / "docs/problems").iterdir()}
    assert there == {name for name in written if name.startswith("docs/problems/")}


def test_every_page_says_what_it_means_and_what_to_do():
    for name, said in explanations().items():
        assert len(said["means"]) > 15, name
        assert len(said["do"]) > 8, name
        assert said["do"].endswith("."), name
        assert 400 <= said["status"] < 600, name


@pytest.fixture
async def http():
    transport = httpx.ASGITransport(document())
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


async def test_a_type_leads_to_its_page_which_runs_and_loads_nothing(http):
    for code, refusal in refusals().items():
        answer = await http.get(type_of(code))
        assert answer.status_code == 200, code
        assert f"<code>{code}</code>, HTTP {refusal.status}" in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "<script" not in answer.text
        assert "src=" not in answer.text


async def test_the_list_leads_to_every_page(http):
    listed = (await http.get("/problems/")).text
    assert all(f'href="{type_of(code)}"' in listed for code in refusals())


async def test_a_page_that_is_none_is_said_so(http):
    answer = await http.get("/problems/made-up")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
