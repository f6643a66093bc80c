"""A consent token holds no more than the consent, and as little as the caller asks for."""

import base64
import json

import pytest

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


@pytest.fixture
async def wide(ask, decide):
    """A consent for two purposes, on two categories, in the whole EEA."""
    asked = await ask(
        "analysis", "drafting", data_categories=["cv", "notes"], jurisdictions=["EEA"]
    )
    return await decide(asked.json(), analysis="granted", drafting="granted")


@pytest.fixture
def draw(centre, wide):
    async def drawing(body):
        return await centre.call("POST", f"/v1/consents/{wide['id']}/token", json=body)

    return drawing


async def test_all_of_it_without_a_body(draw):
    token = claims((await draw(None)).json()["consent_token"])
    assert [d["purpose"] for d in token["authorization_details"]] == ["analysis", "drafting"]


async def test_one_purpose_on_one_category_in_one_country(draw):
    body = {"purposes": ["drafting"], "data_categories": ["cv"], "jurisdictions": ["FR"]}
    (detail,) = claims((await draw(body)).json()["consent_token"])["authorization_details"]
    assert detail == {
        "type": "bct.processing/v1",
        "purpose": "drafting",
        "data_categories": ["cv"],
        "recipients": ["rcp_local-llm"],
        "jurisdictions": ["FR"],
    }


@pytest.mark.parametrize(
    ("body", "code", "missing"),
    [
        ({"purposes": ["dialogue", "analysis"]}, "purpose_not_covered", ["dialogue"]),
        ({"data_categories": ["cv", "tests"]}, "category_not_covered", ["tests"]),
        ({"recipients": ["rcp_other"]}, "recipient_not_covered", ["rcp_other"]),
        ({"jurisdictions": ["US", "FR"]}, "jurisdiction_not_covered", ["US"]),
    ],
    ids=["purpose", "data category", "recipient", "country"],
)
async def test_never_more_than_the_consent_and_it_says_what(draw, body, code, missing):
    answer = await draw(body)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert answer.json()["missing"] == missing


@pytest.mark.parametrize("body", [{"purposes": []}, {"purpose": ["analysis"]}, []])
async def test_what_is_not_understood_is_refused_and_not_taken_for_all(draw, body):
    assert (await draw(body)).status_code == 422


async def test_what_could_never_fit_one_token_is_not_even_asked_for(app, ask):
    recipients = [f"rcp_{'x' * 60}{n}" for n in range(10)]

    async def registry(_caller):
        return {
            r: {"legal_name": r, "route": "route.local", "jurisdictions": ["FR"]}
            for r in recipients
        }

    app.state.services = type("Registry", (), {"recipients": staticmethod(registry)})()
    purposes = ("preparation", "analysis", "exploration", "training", "drafting")
    few = await ask(*purposes[:1], recipients=recipients)
    assert few.status_code == 201, few.text
    many = await ask(*purposes, recipients=recipients)
    assert (many.status_code, many.json()["code"]) == (422, "consent_token_too_large")
