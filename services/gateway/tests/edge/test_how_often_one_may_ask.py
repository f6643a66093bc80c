"""Whoever asks too often is told when to ask again, and keeps nobody else from being served."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from gateway.edge import rates as rates_module
from gateway.edge.rates import Rates, Window


@pytest.fixture
def few(app: FastAPI) -> Rates:
    """The same application with little patience."""
    rates: Rates = app.state.rates
    for window in (rates.client, rates.peer, rates.wrong_client, rates.wrong_peer):
        window.now = lambda: 100_020.0  # in the middle of its minute, and it stays there
    rates.client.quota, rates.peer.quota = 3, 8
    rates.wrong_client.quota, rates.wrong_peer.quota = 2, 4
    return rates


@pytest.fixture
async def elsewhere(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


def test_a_window_slides_and_forgets():
    at = [600.0]
    window = Window("w", 10, now=lambda: at[0])
    assert [window.take("a").left for _ in range(10)] == list(range(9, -1, -1))
    assert window.take("a") is None
    assert window.take("b").left == 9
    at[0] += 60  # all ten are in the window before, which is still covered whole
    assert window.take("a") is None
    at[0] += 30
    assert window.look("a").left == 5
    at[0] += 90
    assert window.look("a").left == 10


@pytest.mark.parametrize("passed", [0.0, 13.0, 59.0, 61.5, 90.0, 118.0])
def test_after_the_time_that_it_tells_there_is_more(passed):
    at = [600.0]
    window = Window("w", 7, now=lambda: at[0])
    while window.take("a"):
        pass
    at[0] += passed
    while window.take("a"):
        pass
    wait = window.look("a").more_in
    assert 1 <= wait <= 120
    at[0] += wait
    assert window.take("a") is not None


def test_a_flood_of_addresses_takes_no_more_memory_than_its_share(monkeypatch):
    monkeypatch.setattr(rates_module, "_MOST_KEYS", 100)
    window = Window("w", 5, now=lambda: 600.0)
    answers = [window.take(f"address {n}") for n in range(1000)]
    assert len(window._current) == 101
    assert answers[-1] is None  # those beyond share one patience
    assert window.take("address 1") is not None


async def test_a_client_is_told_where_it_stands_and_then_to_wait(few, centre, new_centre):
    answers = [await centre.call("GET", "/v1/counsellors") for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 200, 200, 429]
    assert answers[0].headers["ratelimit-policy"] == '"client";q=3;w=60'
    assert answers[0].headers["ratelimit"] == '"client";r=2;t=0'
    refused = answers[3]
    assert refused.json()["code"] == "rate_limited"
    assert refused.json()["violated-policies"] == ["client"]
    assert int(refused.headers["retry-after"]) >= 1
    assert re.fullmatch(r'"client";r=0;t=\d+', refused.headers["ratelimit"])
    another = await new_centre()
    assert (await another.call("GET", "/v1/counsellors")).status_code == 200


async def test_a_repeat_counts_like_any_request_and_a_creation_counts_once(few, centre):
    key = {"Idempotency-Key": "once"}
    for left in (2, 1, 0):
        answer = await centre.call("POST", "/v1/counsellors", json={}, headers=key)
        assert answer.status_code == 201
        assert answer.headers["ratelimit"].startswith(f'"client";r={left};')
    again = await centre.call("POST", "/v1/counsellors", json={}, headers=key)
    assert again.status_code == 429


async def test_an_address_without_a_token_has_its_own_patience(few, gateway, elsewhere):
    answers = [await gateway.get("/log/checkpoint") for _ in range(9)]
    assert answers[-1].status_code == 429
    assert answers[-1].json()["violated-policies"] == ["peer"]
    assert (await elsewhere.get("/log/checkpoint")).status_code != 429
    assert (await gateway.get("/livez")).status_code == 200
    assert (await gateway.get("/readyz")).status_code == 200
    assert "ratelimit" not in (await gateway.get("/livez")).headers


async def test_forged_tokens_use_up_the_patience_of_their_address_only(
    few, gateway, centre, elsewhere
):
    forged = {"Authorization": "Bearer forged"}
    codes = [(await gateway.get("/v1/counsellors", headers=forged)).status_code for _ in range(9)]
    assert codes[:7] == [401] * 7
    assert codes[-1] == 429
    theirs = {"Authorization": f"Bearer {centre.token}"}
    assert (await elsewhere.get("/v1/counsellors", headers=theirs)).status_code == 200


async def test_guessing_a_clients_secret_is_slowed_where_it_is_guessed_and_never_for_the_client(
    few, gateway, elsewhere, centre
):
    form = {"grant_type": "client_credentials"}
    codes = [
        (await elsewhere.post("/oauth2/token", data=form, auth=(centre.client_id, f"guess {n}"))).status_code
        for n in range(3)
    ]  # fmt: skip
    assert codes == [401, 401, 429]
    rightful = await gateway.post(
        "/oauth2/token", data=form, auth=(centre.client_id, centre.client_secret)
    )
    assert rightful.status_code == 200
    other = await gateway.post("/oauth2/token", data=form, auth=("cli_other", "x"))
    assert other.status_code == 401


async def test_guessing_links_is_slowed_for_that_address(few, gateway, elsewhere):
    codes = [
        (await elsewhere.post("/consent/session", data={"secret": f"guess {n}"})).status_code
        for n in range(5)
    ]
    assert set(codes[:4]) <= {303, 404}
    assert codes[4] == 429
    assert (await gateway.post("/consent/session", data={"secret": "x"})).status_code != 429


async def test_a_person_who_has_to_wait_reads_a_page(few, gateway):
    for path in ("/consent/session", "/me/session"):
        few.wrong_peer.now = lambda at=path: 100_020.0 + (600 if at.startswith("/me") else 0)
        for n in range(4):
            await gateway.post(path, data={"secret": f"guess {n}"})
        waiting = await gateway.post(path, data={"secret": "guess"})
        assert waiting.status_code == 429
        assert waiting.headers["content-type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in waiting.headers["content-security-policy"]
        assert 1 <= int(waiting.headers["retry-after"]) <= 120
        assert 'lang="fr"' in waiting.text
        assert re.search("Attendez [0-9]+\u00a0(secondes|minutes), puis", waiting.text)
    few.peer.quota = 1
    assert (await gateway.get("/me/")).status_code == 429
    assert (await gateway.get("/me/")).headers["content-type"] == "text/html; charset=utf-8"
    assert (await gateway.get("/log/vkey")).json()["code"] == "rate_limited"


async def test_a_wrong_code_is_a_guess_and_a_forgotten_answer_is_none(
    centre, bilan, beneficiary, asked, few
):
    few.client.quota = few.peer.quota = 1000
    hook = {"url": "https://hooks.centre.fr/codes", "kinds": ["beneficiary.code_requested"]}
    await centre.made("/v1/webhook-endpoints", hook)
    page = await beneficiary.open(asked["ceremony_url"])
    for _ in range(5):
        forgotten = await beneficiary.decide(page.text, analysis="granted")
        assert forgotten.status_code == 422
    link = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    await beneficiary.open(link["personal_link"])
    await beneficiary.post("/me/code", {})
    codes = [
        (await beneficiary.post("/me/code/check", {"code": "no code"})).status_code
        for _ in range(5)
    ]
    assert codes == [422, 422, 422, 422, 429]


async def test_the_right_secret_is_never_a_guess(few, app, centre):
    app.state.rates.peer.quota = 100
    for _ in range(6):
        await centre.log_in()


async def test_no_quota_is_no_limit(app, gateway, centre):
    rates: Rates = app.state.rates
    for window in (rates.client, rates.peer, rates.wrong_client, rates.wrong_peer):
        window.quota = 0
    form = {"grant_type": "client_credentials"}
    for _ in range(3):
        answer = await gateway.post("/oauth2/token", data=form, auth=(centre.client_id, "x"))
        assert answer.status_code == 401
        assert (await gateway.get("/v1/counsellors")).status_code == 401
    answer = await centre.call("GET", "/v1/counsellors")
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers
