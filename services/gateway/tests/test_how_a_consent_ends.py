"""A consent ends once, and its record says who ended it: a person, a centre, or the clock."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from gateway.tables import Consent


@pytest.fixture
async def mine(given, beneficiary):
    """The beneficiary in their own space."""
    await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    return beneficiary


@pytest.fixture
def at_its_end(app, centre, given):
    """Stand so many seconds before (or, negative, after) the end of the consent."""

    async def stand(seconds):
        consent = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
        ends = datetime.fromisoformat(consent["expires_at"])
        at = ends - timedelta(seconds=seconds)
        app.state.consents = replace(app.state.consents, now=lambda: at)
        return ends

    return stand


async def test_a_withdrawal_names_the_client_and_the_counsellor_who_acted(
    centre, bilan, given, recorded
):
    await centre.call("DELETE", f"/v1/consents/{given['id']}")
    (record,) = await recorded(given, "consent.revoked")
    assert (record["client"], record["act"]) == (centre.client_id, bilan.counsellor)
    assert record["body"]["withdrawn_by"] == "counsellor"


async def test_without_a_counsellor_it_is_the_centre_that_withdraws(centre, given, recorded):
    await centre.log_in()
    answer = await centre.call("DELETE", f"/v1/consents/{given['id']}")
    assert answer.json()["end_reason"] == "withdrawn_by_tenant"
    (record,) = await recorded(given, "consent.revoked")
    assert record["client"] == centre.client_id
    assert "act" not in record


async def test_no_client_acts_when_the_beneficiary_gives_or_withdraws(given, mine, recorded):
    await mine.post("/me/withdrawal", {})
    (gave,) = await recorded(given, "consent.authorised")
    (withdrew,) = await recorded(given, "consent.revoked")
    assert not {"client", "act"} & (set(gave) | set(withdrew))
    assert withdrew["body"]["withdrawn_by"] == "beneficiary"


async def test_of_two_withdrawals_at_once_one_counts(app, centre, bilan, given, mine, recorded):
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token)
        ended = await app.state.consents.withdraw_all(session, caller.tenant, bilan.beneficiary)
        assert ended == (given["id"],)
        second = asyncio.create_task(mine.post("/me/withdrawal", {}))
        await asyncio.sleep(0.3)
        assert not second.done()
    assert (await second).status_code == 200
    assert len(await recorded(given, "consent.revoked")) == 1
    consent = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
    assert consent["epoch"] == 2


async def test_two_clicks_at_once_withdraw_once(given, mine, recorded):
    answers = await asyncio.gather(*(mine.post("/me/withdrawal", {}) for _ in range(2)))
    assert [a.status_code for a in answers] == [200, 200]
    assert len(await recorded(given, "consent.revoked")) == 1


@pytest.mark.parametrize("how", ["GET /v1/consents/{}", "POST /v1/consents/{}/token", "/me/"])
async def test_an_expiry_is_recorded_once_when_it_is_first_seen(
    centre, given, mine, recorded, at_its_end, how
):
    ends = await at_its_end(-5)
    for _ in range(2):
        if how == "/me/":
            assert "Accord terminé le" in (await mine.get("/me/")).text
        else:
            await centre.call(*how.format(given["id"]).split())
    (record,) = await recorded(given, "consent.expired")
    assert not {"client", "act"} & set(record)
    consent = (await centre.call("GET", f"/v1/consents/{given['id']}")).json()
    assert (consent["status"], consent["end_reason"]) == ("expired", "expired")
    assert datetime.fromisoformat(consent["ended_at"]) == ends


async def test_no_token_is_drawn_after_the_end_and_nothing_is_left_to_withdraw(
    centre, given, mine, recorded, at_its_end
):
    await at_its_end(0)
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token")
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_expired")
    answer = await centre.call("DELETE", f"/v1/consents/{given['id']}")
    assert (answer.status_code, answer.json()["code"]) == (409, "consent_state")
    await mine.post("/me/withdrawal", {})
    assert await recorded(given, "consent.revoked") == []


@pytest.mark.parametrize(("left", "lives"), [(3600, 600), (100, 100), (1, 1)])
async def test_a_token_says_for_how_long_it_really_is_one(centre, given, at_its_end, left, lives):
    await at_its_end(left)
    drawn = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()
    assert drawn["expires_in"] == lives


async def test_a_token_that_would_be_too_large_is_refused_at_issue(app, centre, given):
    grant = {
        "purpose": "analysis", "data_categories": ["cv"], "jurisdictions": ["FR"], "decision": "granted",
        "recipients": [f"rcp_{'x' * 60}{n}" for n in range(9)],
    }  # fmt: skip
    async with app.state.database.begin(centre.tenant) as session:
        await session.execute(update(Consent).values(grants=[grant] * 9))
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token")
    assert (answer.status_code, answer.json()["code"]) == (422, "consent_token_too_large")
    assert "fewer purposes" in answer.json()["detail"]


async def test_the_cookie_of_a_page_lives_as_long_as_its_session(app, asked, gateway):
    app.state.page_sessions = replace(app.state.page_sessions, lifetime=timedelta(minutes=4))
    secret = asked["ceremony_url"].partition("#")[2]
    answer = await gateway.post("/consent/session", data={"secret": secret})
    assert "Max-Age=240;" in answer.headers["set-cookie"]
