"""The scripted model says what it is, quotes what it reads, and mangles two surrogates."""

import base64
import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from demo.scripted_model import MODEL, NOTICE
from demo.scripted_model.app import create_app
from demo.scripted_model.deployment import deployments_content
from demo.scripted_model.reading import sentences

CV = (
    "[PERSONNE_1]\n[ADRESSE_1]\n[COURRIEL_1] · [TELEPHONE_1]\n\n"
    "Assistante de gestion, [ORGANISATION_1], [LIEU_1]\n"
    "• Suivi des factures fournisseurs et clients (environ 220 par mois).\n"
    "• Préparation des éléments variables de paie pour 34 salariés.\n"
    "Secrétaire comptable, [ORGANISATION_2]\n"
    "• Relance des factures impayées : délai ramené de 61 à 38 jours.\n"
)


def asked(use_case: str, **data: object) -> dict[str, object]:
    blocks = "\n".join(
        f'<donnees-0123456789ab nom="{name}">\n'
        f"{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}\n"
        "</donnees-0123456789ab>"
        for name, value in data.items()
    )
    system = f'Cas d’usage : {use_case} (x), version 1.0.0.\nEntre <donnees-0123456789ab nom="…">.'
    messages = [{"role": "system", "content": system}, {"role": "user", "content": blocks}]
    return {"model": MODEL, "messages": messages}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(pace_s=0))
    async with httpx.AsyncClient(transport=transport, base_url="http://demo") as opened:
        yield opened


async def answered(client: httpx.AsyncClient, body: dict[str, object]) -> str:
    answer = await client.post("/v1/chat/completions", json=body)
    return answer.json()["choices"][0]["message"]["content"]


def quotes(value: object) -> list[str]:
    if isinstance(value, list):
        return [q for item in value for q in quotes(item)]
    if isinstance(value, dict):
        return [value["quote"]] if "quote" in value else quotes(list(value.values()))
    return []


CASES = {
    "cv-analysis": {"cv": CV},
    "occupation-exploration": {
        "cv": CV,
        "candidates": [
            {"code": "M1501", "label": "Assistanat RH"},
            {"code": "M1203", "label": "Paie"},
        ],
        "sort_criterion": "par proximité",
    },
    "synthesis-draft": {
        "materials": [
            {
                "key": "path",
                "text": "Chez [ORGANISATION_1] à [LIEU_1], suivi des factures. [PERSONNE_1] en parle volontiers.",
            }
        ]
    },
}


@pytest.mark.parametrize("use_case", CASES)
async def test_it_says_that_it_is_no_model(client, use_case):
    assert NOTICE in await answered(client, asked(use_case, **CASES[use_case]))


@pytest.mark.parametrize("use_case", CASES)
async def test_every_quote_is_verbatim(client, use_case):
    answer = json.loads(await answered(client, asked(use_case, **CASES[use_case])))
    read = json.dumps(CASES[use_case], ensure_ascii=False)
    assert quotes(answer)
    for quote in quotes(answer):
        assert json.dumps(quote, ensure_ascii=False)[1:-1] in read


@pytest.mark.parametrize("use_case", CASES)
async def test_it_mangles_two_surrogates_in_prose_only(client, use_case):
    answer = json.loads(await answered(client, asked(use_case, **CASES[use_case])))
    prose = json.dumps(answer, ensure_ascii=False)
    mangled = re.findall(
        r"\b(?:Personne|Organisation|Lieu) \d|\[(?:personne|organisation|lieu) \d\]", prose
    )
    assert len(mangled) == 2
    assert not any(m in quote for m in mangled for quote in quotes(answer))


async def test_another_surrogate_is_left_as_it_is(client):
    threads = json.loads(await answered(client, asked("cv-analysis", cv=CV)))["threads"]
    assert "Personne 1, [organisation 1], [ORGANISATION_2]" in threads[0]["text"]


def test_contact_lines_are_never_quoted():
    assert not [s for s in sentences(CV) if "ADRESSE" in s or "COURRIEL" in s]


@pytest.mark.parametrize(
    "cv",
    ["", "x", "Soudeur\nMIG\nTIG", "a " * 5000, "[mention retirée]"],
    ids=["nothing", "a letter", "fragments", "one long line", "a removed mention"],
)
async def test_it_answers_any_text(client, cv):
    answer = json.loads(await answered(client, asked("cv-analysis", cv=cv)))
    assert answer["threads"]
    assert all(quote in cv for quote in quotes(answer))


async def test_a_stream_says_the_same_in_small_pieces(client):
    body = asked("cv-analysis", cv=CV)
    async with client.stream(
        "POST", "/v1/chat/completions", json=body | {"stream": True}
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        events = [line[6:] async for line in response.aiter_lines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(c["choices"][0]["delta"].get("content", "") for c in chunks if c["choices"])
    assert text == await answered(client, body)
    assert chunks[-1]["usage"]["completion_tokens"] > 0


async def test_it_keeps_the_exact_bytes_it_received(client):
    body = b'{"messages":[],  "model":"\xc3\xa9"}'
    await client.post("/v1/chat/completions", content=body)
    kept = (await client.get("/received")).json()["bodies_base64"]
    assert [base64.b64decode(k) for k in kept] == [body]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"messages": 3}', b'{"messages": [3]}', b"\xff"])
async def test_what_is_no_request_is_refused(client, body):
    answer = await client.post("/v1/chat/completions", content=body)
    assert answer.status_code == 400


def test_its_deployment_names_it_for_what_it_is():
    deployment = deployments_content("http://127.0.0.1:1/v1")["deployments"][0]
    assert deployment["model"] == "demonstration-pas-un-modele"
    assert deployment["recipient"]["id"] == "rcp_demo"
    assert NOTICE in deployment["recipient"]["legal_name"]


def test_the_program_prints_its_address_and_serves():
    started = subprocess.Popen(
        [sys.executable, "-m", "demo.scripted_model", "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert started.stdout is not None
        announced = json.loads(started.stdout.readline())
        listed = httpx.get(announced["base_url"] + "/models", trust_env=False).json()
        assert listed["data"][0]["id"] == announced["model"] == MODEL
    finally:
        started.terminate()
        started.communicate(timeout=10)
