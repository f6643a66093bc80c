"""Whoever may not enter is told why and what to do; every refusal is a problem document."""

import pytest

from keel.tokens import SigningKey


@pytest.mark.parametrize(
    "body",
    [b'{"reference": "a", "reference": "b"}', rb'{"reference": "\u0000"}', rb'{"reference": "\ud800"}', b'{"reference": NaN}', b"[" * 200 + b"]" * 200],
    ids=["a member twice", "NUL", "half a character", "NaN", "an abyss"],
)  # fmt: skip
async def test_json_with_two_readings_is_refused(centre, body):
    answer = await centre.call(
        "POST", "/v1/counsellors", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"


async def test_no_token_says_where_to_get_one(gateway):
    answer = await gateway.get("/v1/records")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert "/oauth2/token" in answer.json()["detail"]


@pytest.mark.parametrize("secret", ["", "wrong", "x" * 43])
async def test_a_wrong_secret_looks_like_an_unknown_client(gateway, centre, secret):
    form = {"grant_type": "client_credentials"}
    wrong = await gateway.post("/oauth2/token", data=form, auth=(centre.client_id, secret))
    unknown = await gateway.post("/oauth2/token", data=form, auth=("cli_nobody", secret))
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json()["detail"] == unknown.json()["detail"]


async def test_a_client_id_that_no_database_can_hold_is_an_unknown_client(gateway):
    form = {"grant_type": "client_credentials"}
    answer = await gateway.post("/oauth2/token", data=form, auth=("cli_\x00", "x" * 43))
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_client")


@pytest.mark.parametrize("reference", ["dossier\x0112", "dossier\n", "\x7f"])
async def test_a_reference_holds_no_control_characters(centre, reference):
    answer = await centre.call("POST", "/v1/beneficiaries", json={"reference": reference})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"at": "body.reference", "why": "string_pattern_mismatch"}]


async def test_a_token_of_somebody_elses_key_is_refused(centre):
    forged = SigningKey.generate().sign(
        "at+jwt", {"iss": "http://gateway", "aud": "http://gateway"}
    )
    answer = await centre.http.get("/v1/records", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "token_invalid"


async def test_a_consent_token_is_no_access_token(centre, given):
    token = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()["consent_token"]
    answer = await centre.http.get("/v1/records", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


async def test_a_narrow_token_enters_its_own_area_only(centre):
    await centre.log_in(scope="people")
    assert (await centre.call("POST", "/v1/counsellors", json={})).status_code == 201
    answer = await centre.call("GET", "/v1/records")
    assert answer.status_code == 403
    assert answer.json()["code"] == "scope_insufficient"


async def test_a_rejected_value_is_never_echoed(centre):
    answer = await centre.call(
        "POST", "/v1/beneficiaries", json={"reference": "Jeanne Untel " * 50}
    )
    assert answer.status_code == 422
    assert "Jeanne" not in answer.text
    assert answer.json()["errors"] == [{"at": "body.reference", "why": "string_too_long"}]


async def test_json_that_is_not_json_says_so(centre):
    answer = await centre.call(
        "POST",
        "/v1/counsellors",
        content=b"{not json",
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 422
    assert "not JSON" in answer.json()["detail"]


async def test_a_body_over_the_cap_is_refused_unread(centre):
    answer = await centre.call("POST", "/v1/counsellors", content=b"x" * (1024 * 1024 + 1))
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"


@pytest.mark.parametrize(
    ("planned", "support", "says"),
    [(1500, 840, "24 hours"), (1440, 700, "13 hours"), (800, 840, "exceed")],
)
async def test_the_law_bounds_the_hours_of_a_bilan(centre, bilan, planned, support, says):
    plan = {
        "beneficiary": bilan.beneficiary, "counsellor": bilan.counsellor, "funding": "CPF",
        "planned_minutes": planned, "support_minutes": support,
        "starts_on": "2026-11-02", "ends_on": "2027-01-29", "employer_siren": None,
    }  # fmt: skip
    answer = await centre.call("POST", "/v1/bilans", json=plan)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
