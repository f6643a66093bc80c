"""Tenants and clients by operator verbs, over the socket and directly on the database."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import FastAPI

import gateway.__main__ as command
from gateway.operators.api import operator_app
from gateway.tenants.rules import is_siren
from keel.commands import main
from keel.tokens import PublicKeys, SigningKey

FORM = {"grant_type": "client_credentials"}


@pytest.fixture
async def operator(app: FastAPI):
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        yield client


async def token_of(gateway, client, secret):
    return await gateway.post("/oauth2/token", data=FORM, auth=(client, secret))


async def new_client(operator, tenant, **given):
    made = await operator.post("/clients", json={"tenant": tenant, **given})
    assert made.status_code == 201, made.text
    return made.json()


@pytest.mark.parametrize(
    ("siren", "right"),
    [("732829320", True), ("356000000", True), ("000000000", True), ("732829321", False),
     ("123456789", False), ("73282932", False), ("7328293200", False), ("73282932a", False),
     ("٧٣٢٨٢٩٣٢٠", False)],
)  # fmt: skip
def test_the_last_digit_of_a_siren_checks_the_others(siren, right):
    assert is_siren(siren) is right


async def test_a_tenant_with_a_siren_that_is_none_is_not_made(operator):
    wrong = await operator.post("/tenants", json={"name": "Centre", "siren": "732829321"})
    assert wrong.status_code == 422
    assert "SIREN" in wrong.json()["detail"]
    assert (await operator.get("/tenants")).json() == []
    right = await operator.post("/tenants", json={"name": "Centre", "siren": "732829320"})
    assert right.status_code == 201


async def test_a_client_has_the_scopes_that_it_was_given_and_a_secret_shown_once(
    operator, gateway, centre
):
    made = await new_client(operator, centre.tenant, name="Import", scopes=["people"])
    drawn = (await token_of(gateway, made["client_id"], made["client_secret"])).json()
    assert drawn["scope"] == "people"
    listed = (await operator.get("/clients", params={"tenant": centre.tenant})).json()
    assert {line["client_id"] for line in listed} == {centre.client_id, made["client_id"]}
    assert made["client_secret"] not in json.dumps(listed)
    assert (await operator.get("/clients", params={"tenant": "tnt_none"})).json() == []


async def test_a_new_secret_ends_the_old_one_at_once(operator, gateway, centre):
    answer = await operator.post(f"/clients/{centre.client_id}/secret", json={})
    fresh = answer.json()
    assert (answer.status_code, fresh["old_secret_until"]) == (201, None)
    old = await token_of(gateway, centre.client_id, centre.client_secret)
    assert old.status_code == 401
    new = await token_of(gateway, centre.client_id, fresh["client_secret"])
    assert new.status_code == 200


async def test_a_new_secret_may_overlap_with_the_old_one_for_an_hour_at_most(
    operator, gateway, centre, app
):
    route = f"/clients/{centre.client_id}/secret"
    assert (await operator.post(route, json={"overlap_minutes": 61})).status_code == 422
    fresh = (await operator.post(route, json={"overlap_minutes": 60})).json()
    for secret in (centre.client_secret, fresh["client_secret"]):
        assert (await token_of(gateway, centre.client_id, secret)).status_code == 200
    later = datetime.now(UTC) + timedelta(minutes=60)
    object.__setattr__(app.state.tenants, "now", lambda: later)
    assert (await token_of(gateway, centre.client_id, centre.client_secret)).status_code == 401
    assert (await token_of(gateway, centre.client_id, fresh["client_secret"])).status_code == 200


async def test_the_secret_before_the_last_is_dead_whatever_the_overlap(operator, gateway, centre):
    route = f"/clients/{centre.client_id}/secret"
    await operator.post(route, json={"overlap_minutes": 60})
    await operator.post(route, json={"overlap_minutes": 60})
    assert (await token_of(gateway, centre.client_id, centre.client_secret)).status_code == 401


async def test_a_revoked_client_is_refused_from_then_on_with_the_tokens_that_it_drew(
    operator, gateway, centre
):
    assert (await operator.delete(f"/clients/{centre.client_id}")).json()["revoked"] is True
    answer = await centre.call("GET", "/v1/records")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert (await token_of(gateway, centre.client_id, centre.client_secret)).status_code == 401
    again = await operator.delete(f"/clients/{centre.client_id}")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    for route in ("secret", "jwks"):
        method, body = ("POST", {}) if route == "secret" else ("PUT", {"jwks": {"keys": []}})
        gone = await operator.request(method, f"/clients/{centre.client_id}/{route}", json=body)
        assert gone.status_code == 404


async def test_a_client_with_keys_has_no_secret_and_the_other_way_round(operator, centre):
    jwks = PublicKeys.of(SigningKey.generate()).to_jwks()
    made = await new_client(operator, centre.tenant, jwks=jwks)
    assert "client_secret" not in made
    assert made["proof"] == "private_key_jwt"
    secret = await operator.post(f"/clients/{made['client_id']}/secret", json={})
    assert (secret.status_code, secret.json()["code"]) == (409, "client_proof")
    keys = await operator.put(f"/clients/{centre.client_id}/jwks", json={"jwks": jwks})
    assert (keys.status_code, keys.json()["code"]) == (409, "client_proof")


JWK = PublicKeys.of(SigningKey.generate()).to_jwks()["keys"][0]


@pytest.mark.parametrize(
    "keys",
    [
        [], "x", None, [None], [{}],
        [{**JWK, "d": JWK["x"]}],
        [{**JWK, "crv": "P-384"}],
        [{**JWK, "kty": "RSA"}],
        [{**JWK, "x": JWK["y"]}],
        [{**JWK, "x": 1}],
        [{k: v for k, v in JWK.items() if k != "y"}],
        [{k: v for k, v in JWK.items() if k != "kid"}],
        [JWK, JWK],
        [{**JWK, "kid": str(n)} for n in range(11)],
    ],
    ids=["none", "a text", "null", "null inside", "an empty one", "private", "another curve", "RSA",
         "not on the curve", "a number", "no y", "no kid", "a kid twice", "eleven"],
)  # fmt: skip
async def test_only_public_keys_of_the_one_kind_are_registered(operator, centre, keys):
    wrong = await operator.post("/clients", json={"tenant": centre.tenant, "jwks": {"keys": keys}})
    assert wrong.status_code == 422, wrong.text
    assert wrong.json()["code"] == "invalid_request"


async def test_a_suspended_tenant_is_stopped_at_once_and_its_old_tokens_stay_dead(
    operator, gateway, centre, given, app
):
    drawn = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()
    stopped = (await operator.put(f"/tenants/{centre.tenant}/suspension")).json()
    assert stopped["suspended"] is True
    assert (await centre.call("GET", "/v1/records")).status_code == 401
    assert (await token_of(gateway, centre.client_id, centre.client_secret)).status_code == 401

    lifted = (await operator.delete(f"/tenants/{centre.tenant}/suspension")).json()
    assert lifted["suspended"] is False
    assert (await centre.call("GET", "/v1/records")).status_code == 401
    await centre.log_in()
    assert (await centre.call("GET", "/v1/records")).status_code == 200
    # The consent stands; what was drawn on it before the suspension is stale.
    async with app.state.database.begin(centre.tenant) as session:
        caller = await app.state.tenants.caller(session, centre.token)
        consent = await app.state.consents.find(session, centre.tenant, given["id"])
        claims = app.state.consents.read_token(drawn["consent_token"], caller)
    assert (consent.status, consent.epoch) == ("authorised", claims.epoch + 1)


async def test_a_suspension_cancels_what_runs_and_one_of_another_tenant_does_not(
    operator, centre, new_centre, given, app, monkeypatch
):
    cancelled = []
    monkeypatch.setattr(
        app.state.consents.in_flight, "cancel", lambda consent, **_: cancelled.append(consent)
    )
    other = await new_centre()
    await operator.put(f"/tenants/{other.tenant}/suspension")
    assert cancelled == []
    await operator.put(f"/tenants/{centre.tenant}/suspension")
    await operator.put(f"/tenants/{centre.tenant}/suspension")
    assert set(cancelled) == {given["id"]}  # told by the database too, where it can


@pytest.mark.parametrize(
    ("method", "route"),
    [("PUT", "/tenants/tnt_x/suspension"), ("DELETE", "/tenants/tnt_x/suspension"),
     ("POST", "/clients"), ("DELETE", "/clients/cli_x"), ("POST", "/clients/cli_x/secret"),
     ("DELETE", "/keys/x"), ("POST", "/keys/x/revocation")],
)  # fmt: skip
async def test_what_is_not_there_is_refused_by_its_name(operator, method, route):
    body = {"tenant": "tnt_x"} if route == "/clients" else {}
    answer = await operator.request(method, route, json=body if method == "POST" else None)
    assert answer.status_code == 404
    assert "list` shows" in answer.json()["detail"]


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_the_verbs_work_directly_on_the_database(
    gateway_url, keys_dir, monkeypatch, capsys, tmp_path
):
    monkeypatch.delenv("GATEWAY_OPERATOR_SOCKET", raising=False)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", gateway_url)
    monkeypatch.setenv("GATEWAY_KEYS_DIR", str(keys_dir))

    def run(*words):
        status = main(command.SERVICE, words)
        return status, lines(capsys)

    _, [tenant] = run("tenant", "create", "--name", "Centre", "--siren", "732829320")
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(PublicKeys.of(SigningKey.generate()).to_jwks()))
    _, [signing] = run(
        "client", "create", "--tenant", tenant["tenant"], "--scope", "people", "--jwks", str(jwks)
    )
    assert (signing["scopes"], signing["proof"]) == (["people"], "private_key_jwt")
    _, [renewed] = run("client", "rotate-secret", tenant["client_id"], "--overlap", "5")
    assert renewed["client_secret"] != tenant["client_secret"]
    _, [suspended] = run("tenant", "suspend", tenant["tenant"])
    _, [resumed] = run("tenant", "resume", tenant["tenant"])
    assert (suspended["suspended"], resumed["suspended"]) == (True, False)
    _, [bound] = run("client", "create", "--tenant", tenant["tenant"], "--dpop")
    assert (signing["dpop"], bound["dpop"]) == (False, True)
    run("client", "replace-jwks", signing["client_id"], "--jwks", str(jwks))
    run("client", "revoke", signing["client_id"])
    _, listed = run("client", "list", "--tenant", tenant["tenant"])
    assert [(line["revoked"], line["dpop"]) for line in listed] == [
        (False, False), (True, False), (False, True),
    ]  # fmt: skip
    assert run("client", "revoke", "cli_nobody") == (2, [])
    assert run("client", "rotate-secret", tenant["client_id"], "--overlap", "61") == (2, [])
    assert run("tenant", "create", "--name", "Autre", "--siren", "732829321") == (2, [])
    assert run("client", "create", "--tenant", "tnt_x", "--jwks", str(keys_dir)) == (2, [])


async def test_a_centres_siren_is_put_on_record_afterwards(operator, centre):
    route = f"/tenants/{centre.tenant}/siren"
    wrong = await operator.put(route, json={"siren": "732829321"})
    assert (wrong.status_code, "SIREN" in wrong.json()["detail"]) == (422, True)
    assert (
        await operator.put("/tenants/tnt_none/siren", json={"siren": "732829320"})
    ).status_code == 404
    right = (await operator.put(route, json={"siren": "732829320"})).json()
    assert right["siren"] == "732829320"
    assert (await operator.get("/tenants")).json() == [right]


async def test_an_employers_siren_is_never_the_centres_own(operator, centre):
    route = f"/tenants/{centre.tenant}/siren"
    await operator.put(route, json={"siren": "732829320"})
    plan = {
        "beneficiary": (await centre.made("/v1/beneficiaries", {}))["id"],
        "counsellor": await centre.new_counsellor(),
        "funding": "CPF",
        "planned_minutes": 1440,
        "support_minutes": 840,
        "starts_on": "2026-11-02",
        "ends_on": "2027-01-29",
        "employer_siren": "356000000",
    }
    await centre.made("/v1/bilans", plan)
    refused = await operator.put(route, json={"siren": "356000000"})
    assert (refused.status_code, refused.json()["code"]) == (422, "employer_is_tenant")
    (line,) = (await operator.get("/tenants")).json()
    assert line["siren"] == "732829320"
