"""The latest decision on a purpose is the one that counts (profile section 2.1)."""

import asyncio

import pytest


@pytest.fixture
async def older(ask, decide):
    """A consent that stands, for analysis and drafting."""
    asked = (await ask("analysis", "drafting")).json()
    return await decide(asked, analysis="granted", drafting="granted")


@pytest.fixture
def now_of(centre):
    async def read(consent):
        return (await centre.call("GET", f"/v1/consents/{consent['id']}")).json()

    return read


def said(consent):
    return {grant["purpose"]: grant["decision"] for grant in consent["grants"]}


async def test_an_older_consent_keeps_the_purposes_that_were_not_decided_again(
    ask, decide, older, now_of, recorded
):
    newer = await decide((await ask("analysis")).json(), analysis="granted")
    before = await now_of(older)
    assert (before["status"], before["epoch"]) == ("authorised", older["epoch"] + 1)
    assert said(before) == {"analysis": "superseded", "drafting": "granted"}
    (record,) = await recorded(older, "consent.narrowed")
    assert record["body"]["superseded_by"] == newer["id"]
    assert record["body"]["superseded_purposes"] == ["analysis"]


async def test_a_refusal_counts_as_the_latest_decision_too(ask, decide, older, now_of):
    asked = (await ask("drafting", "exploration")).json()
    await decide(asked, drafting="refused", exploration="granted")
    assert said(await now_of(older)) == {"analysis": "granted", "drafting": "superseded"}


async def test_an_older_consent_of_which_nothing_is_left_is_superseded(
    ask, decide, older, now_of, recorded
):
    await decide((await ask("drafting", "analysis")).json(), drafting="granted", analysis="refused")
    before = await now_of(older)
    assert (before["status"], before["end_reason"]) == ("superseded", "superseded")
    assert before["ended_at"] is not None
    assert len(await recorded(older, "consent.superseded")) == 1


async def test_what_is_renewed_is_superseded_whole(ask, decide, older, now_of):
    asked = (await ask("exploration", beside={"renewal_of": older["id"]})).json()
    renewed = await decide(asked, exploration="granted")
    assert renewed["renewal_of"] == older["id"]
    assert (await now_of(older))["status"] == "superseded"


async def test_whoever_refuses_everything_takes_back_what_they_granted_before(
    centre, ask, decide, older, now_of, recorded
):
    await decide((await ask("analysis", "drafting")).json(), analysis="refused", drafting="refused")
    before = await now_of(older)
    assert (before["status"], before["end_reason"]) == ("revoked", "withdrawn_by_beneficiary")
    assert said(before) == {"analysis": "withdrawn", "drafting": "withdrawn"}
    (record,) = await recorded(older, "consent.revoked")
    assert record["body"]["withdrawn_by"] == "beneficiary"
    assert await recorded(older, "consent.superseded") == []
    answer = await centre.call("POST", f"/v1/consents/{older['id']}/token")
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_revoked")


async def test_a_total_refusal_takes_back_only_what_it_was_asked_about(
    ask, decide, older, now_of, recorded
):
    refused = (await ask("analysis", "exploration")).json()
    await decide(refused, analysis="refused", exploration="refused")
    before = await now_of(older)
    assert (before["status"], before["epoch"]) == ("authorised", older["epoch"] + 1)
    assert said(before) == {"analysis": "withdrawn", "drafting": "granted"}
    (record,) = await recorded(older, "consent.narrowed")
    assert record["body"]["withdrawn_purposes"] == ["analysis"]


async def test_a_refusal_of_what_was_never_granted_leaves_the_older_consent_alone(
    ask, decide, older, now_of
):
    await decide((await ask("exploration")).json(), exploration="refused")
    assert await now_of(older) == older


async def test_a_renewal_that_is_refused_takes_back_what_it_asked_and_no_more(
    ask, decide, older, now_of
):
    asked = (await ask("analysis", beside={"renewal_of": older["id"]})).json()
    await decide(asked, analysis="refused")
    assert said(await now_of(older)) == {"analysis": "withdrawn", "drafting": "granted"}


async def test_tokens_of_a_superseded_consent_are_stale(centre, ask, decide, older):
    await decide((await ask("analysis", "drafting")).json(), analysis="granted", drafting="granted")
    answer = await centre.call("POST", f"/v1/consents/{older['id']}/token")
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_not_authorised")


async def test_a_consent_is_renewed_while_it_stands_or_after_it_expired(centre, ask, older):
    await centre.call("DELETE", f"/v1/consents/{older['id']}")
    answer = await ask("analysis", beside={"renewal_of": older["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "consent_state")
    answer = await ask("analysis", beside={"renewal_of": "cns_01M83KMW6QAME8PPYWCFQZD326"})
    assert answer.status_code == 404


async def test_two_answers_at_once_leave_one_grant_of_each_purpose(ask, decide, now_of):
    asked = [(await ask("analysis")).json() for _ in range(3)]
    await asyncio.gather(*(decide(one, analysis="granted") for one in asked))
    stand = [one for one in [await now_of(a) for a in asked] if one["status"] == "authorised"]
    assert len(stand) == 1
