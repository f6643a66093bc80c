"""A key for SDKs that cannot draw tokens: it does less than its client, and never outlives it."""

from datetime import timedelta

import httpx
import pytest

from gateway.operators.api import operator_app
from keel.clock import utc_now


async def made(centre, **given):
    body = {"name": "Tableur", "scopes": ["people"], **given}
    return await centre.call("POST", "/v1/api-keys", json=body)


async def with_key(centre, key, path="/v1/counsellors", method="POST"):
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"key-{centre.number}"}
    centre.number += 1
    content = {"json": {}} if method == "POST" else {}
    return await centre.http.request(method, path, headers=headers, **content)


async def test_it_is_shown_once_and_opens_its_areas_only(centre):
    answer = await made(centre)
    key = answer.json()
    assert answer.status_code == 201
    assert key["api_key"].startswith("psk_")
    assert (await with_key(centre, key["api_key"])).status_code == 201
    elsewhere = await with_key(centre, key["api_key"], "/v1/records", "GET")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "scope_insufficient")
    listed = (await centre.call("GET", "/v1/api-keys")).json()["items"]
    assert [line["id"] for line in listed] == [key["id"]]
    assert key["api_key"] not in str(listed)


async def test_it_lives_ninety_days_where_nothing_is_said_and_a_year_at_most(centre, app):
    ninety = (await made(centre)).json()
    year = (await made(centre, valid_days=365)).json()
    for days in (0, 366):
        assert (await made(centre, valid_days=days)).status_code == 422
    at = utc_now()
    object.__setattr__(app.state.tenants, "now", lambda: at + timedelta(days=90, seconds=1))
    answer = await with_key(centre, ninety["api_key"])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_expired")
    assert (await with_key(centre, year["api_key"])).status_code == 201


async def test_a_token_that_acts_for_a_counsellor_makes_no_key_for_another(centre):
    one, other = await centre.new_counsellor(), await centre.new_counsellor()
    assert (await made(centre, counsellor=other)).status_code == 201
    await centre.log_in(counsellor=one)
    answer = await made(centre, counsellor=other)
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    for counsellor in (one, None):
        answer = await made(centre, counsellor=counsellor)
        assert (answer.status_code, answer.json()["counsellor"]) == (201, counsellor)


async def test_no_key_makes_keys_and_none_does_more_than_the_token_that_made_it(centre):
    for scopes in (["keys"], ["people", "keys"]):
        answer = await made(centre, scopes=scopes)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
    await centre.log_in(scope="keys people")
    assert (await made(centre, scopes=["people"])).status_code == 201
    assert (await made(centre, scopes=["people", "bilans"])).status_code == 403
    assert (await made(centre, scopes=[])).status_code == 422
    await centre.log_in(scope="people")
    assert (await made(centre)).status_code == 403


async def test_it_may_stand_for_one_counsellor(centre, bilan):
    key = (await made(centre, scopes=["bilans"], counsellor=bilan.counsellor)).json()
    read = await with_key(centre, key["api_key"], f"/v1/bilans/{bilan.id}", "GET")
    assert read.status_code == 200
    await centre.log_in()
    nobody = await made(centre, counsellor="usr_" + "0" * 26)
    assert nobody.status_code == 404


async def test_it_is_dead_once_it_was_ended(centre):
    key = (await made(centre)).json()
    for _ in range(2):
        ended = await centre.call("DELETE", f"/v1/api-keys/{key['id']}")
        assert ended.status_code == 200
        assert ended.json()["revoked_at"] is not None
    answer = await with_key(centre, key["api_key"])
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


@pytest.mark.parametrize("ended", ["client", "tenant"])
async def test_it_is_dead_with_its_client_and_its_tenant(centre, app, ended):
    key = (await made(centre)).json()["api_key"]
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as operator:
        if ended == "client":
            await operator.delete(f"/clients/{centre.client_id}")
        else:
            await operator.put(f"/tenants/{centre.tenant}/suspension")
        assert (await with_key(centre, key)).status_code == 401
        if ended == "tenant":
            await operator.delete(f"/tenants/{centre.tenant}/suspension")
            assert (await with_key(centre, key)).status_code == 201


async def test_nobody_else_sees_or_ends_it(centre, new_centre):
    key = (await made(centre)).json()
    other = await new_centre()
    assert (await other.call("GET", "/v1/api-keys")).json()["items"] == []
    for key_id in (key["id"], "key_" + "0" * 26):
        answer = await other.call("DELETE", f"/v1/api-keys/{key_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert (await with_key(centre, key["api_key"])).status_code == 201


@pytest.mark.parametrize("key", ["psk_", "psk_" + "A" * 43, "psk_x" * 3000, "psk_\u00e9"])
async def test_a_key_of_nobodys_is_refused(centre, key):
    headers = {"Authorization": f"Bearer {key}".encode()}
    answer = await centre.http.get("/v1/records", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_a_repeated_request_shows_no_secret_and_the_list_goes_on(centre):
    body = {"name": "Tableur", "scopes": ["people"]}
    once = {"Idempotency-Key": "same"}
    first = await centre.call("POST", "/v1/api-keys", json=body, headers=once)
    again = await centre.call("POST", "/v1/api-keys", json=body, headers=once)
    assert again.json()["id"] == first.json()["id"]
    assert "api_key" not in again.json()
    second = (await made(centre)).json()
    page = (await centre.call("GET", "/v1/api-keys?limit=1")).json()
    assert page["next"] == first.json()["id"]
    following = (await centre.call("GET", f"/v1/api-keys?after={page['next']}")).json()
    assert [line["id"] for line in following["items"]] == [second["id"]]
