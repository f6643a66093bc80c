"""I-6: a call of a model that is refused before the gate leaves its record too, and no count is lost."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.gate.refusals import Refusals
from gateway.records import store as record_store

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
_ON_SQLITE = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)
pytestmark = _ON_SQLITE


@pytest.fixture
def refused(app, assisted):
    """What the records of the bilan's person tell of refusals, oldest first."""

    async def told():
        wanted = {"consent": None, "after": None, "limit": 200, "kind": "gate.refused"}
        wanted["beneficiary"] = assisted.bilan.beneficiary
        async with app.state.database.begin(assisted.centre.tenant) as session:
            rows = await record_store.page(session, assisted.centre.tenant, **wanted)
            return [await app.state.records.read(session, row) for row in rows]

    return told


async def test_a_call_without_a_consent_token_is_told_of_its_bilan(assisted, refused):
    """I-6, and I-1: the reason is a code."""
    assisted.headers = lambda **_: {
        "Authorization": f"Bearer {assisted.centre.token}", "Idempotency-Key": "once",
    }  # fmt: skip
    answer = await assisted.run()
    assert (answer.status_code, answer.json()["code"]) == (401, "consent_token_missing")
    (record,) = await refused()
    assert record["bilan"] == assisted.bilan.id
    assert "consent" not in record
    body = record["body"]
    assert (body["refusal_reason"], body["routing_decision"], body["phase"]) == (
        "consent_token_missing",
        "refused",
        "pre_call",
    )


async def test_no_route_and_no_quota_are_told_of_the_consent(assisted, inside, refused):
    inside.deployments = []
    assert (await assisted.run()).json()["code"] == "no_route"
    (record,) = await refused()
    assert record["consent"]["id"] == assisted.consent
    assert record["body"]["refusal_reason"] == "no_route"
    assert record["body"]["purpose_code"] == "analysis"


async def test_of_another_centres_bilan_nothing_is_written(assisted, refused):
    assisted.bilan = replace(assisted.bilan, id="bil_01J00000000000000000000000")
    assisted.token = "no.token.atall"
    assert (await assisted.run()).status_code == 401
    assert await refused() == []


async def test_a_count_that_no_later_refusal_carries_is_told_by_the_worker(app, assisted, refused):
    minutes = 0

    def now():
        return NOON + timedelta(minutes=minutes)

    refusals = Refusals(app.state.database, app.state.records, now)
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, assisted.centre.token)
    for _ in range(4):
        await refusals.before_the_gate(caller, assisted.bilan.id, None, "no_route", {})
    assert await refusals.tell() == 0  # its minute is not over
    minutes = 1
    assert await refusals.tell() == 1
    assert await refusals.tell() == 0
    bodies = [record["body"] for record in await refused()]
    said = [(b["phase"], b.get("refusals_since_last"), b["actor_type"]) for b in bodies]
    assert said == [("pre_call", None, "conseiller"), ("concurrent", 3, "systeme")]
    alone = sum(b["phase"] == "pre_call" for b in bodies)
    assert alone + sum(b.get("refusals_since_last", 0) for b in bodies) == 4
