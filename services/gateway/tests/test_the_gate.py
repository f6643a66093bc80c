"""The gate: one transaction decides, records and mints; a withdrawal is never missed (section 4)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.gate.service import Attempt
from gateway.problems import (
    CategoryNotCovered,
    ConsentBinding,
    ConsentRevoked,
    PurposeNotCovered,
    RecipientNotCovered,
)
from gateway.records import store as records
from gateway.records.rules import Kind
from gateway.tables import Bilan
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.passes import Admission, PassRefused
from keel.problems import NotFound
from keel.tokens import PublicKeys


@pytest.fixture
async def gated(app, centre, bilan, given):
    """The gate, a caller, a bilan row and what the consent token claims."""
    token = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()["consent_token"]
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token)
        row = await session.get(Bilan, (caller.tenant, bilan.id))
    return app.state.gate, caller, row, app.state.consents.read_token(token, caller)


def attempt(**changes):
    asked = {
        "deployment": "local",
        "recipient": "rcp_local-llm",
        "jurisdictions": frozenset({"FR"}),
        "purpose": "analysis",
        "data_categories": frozenset({"cv"}),
        "facts": {"use_case_id": "cv-analysis"},
    }
    return Attempt(**{**asked, **changes})


async def kinds(app, caller, **wanted):
    filters = {
        "beneficiary": None,
        "consent": None,
        "kind": None,
        "after": None,
        "limit": 200,
        **wanted,
    }
    async with app.state.database.begin(caller.tenant) as session:
        return [row.kind for row in await records.page(session, caller.tenant, **filters)]


async def test_a_covered_attempt_gets_a_record_and_a_pass_for_one_call(app, gated):
    gate, caller, bilan, claims = gated
    out = await gate.dispatch(caller, bilan, claims, attempt())
    admission = Admission("llm-router", PublicKeys.of(app.state.keyring.passes))
    admitted = admission.admit(f"Bearer {out.token}", "attempt")
    assert admitted.record == out.record
    assert admitted.constraints == {"deployment": "local", "recipient": "rcp_local-llm"}
    with pytest.raises(PassRefused):
        admission.admit(f"Bearer {out.token}", "attempt")
    assert "ai.dispatch" in await kinds(app, caller)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"purpose": "exploration"}, PurposeNotCovered),
        ({"data_categories": frozenset({"cv", "notes"})}, CategoryNotCovered),
        ({"recipient": "rcp_elsewhere"}, RecipientNotCovered),
    ],
    ids=["a refused purpose", "a category more", "another recipient"],
)
async def test_an_uncovered_attempt_is_refused_and_the_refusal_recorded(
    app, gated, changes, refusal
):
    gate, caller, bilan, claims = gated
    with pytest.raises(refusal) as refused:
        await gate.dispatch(caller, bilan, claims, attempt(**changes))
    assert refused.value.members["missing"]
    found = await kinds(app, caller)
    assert "gate.refused" in found
    assert "ai.dispatch" not in found


async def test_after_a_withdrawal_was_answered_no_attempt_is_let_out(app, centre, given, gated):
    gate, caller, bilan, claims = gated
    assert (await centre.call("DELETE", f"/v1/consents/{given['id']}")).status_code == 200
    with pytest.raises(ConsentRevoked):
        await gate.dispatch(caller, bilan, claims, attempt())


async def test_in_the_order_of_records_no_dispatch_follows_the_withdrawal(
    app, centre, given, gated
):
    gate, caller, bilan, claims = gated

    async def try_often():
        let_out = 0
        for _ in range(60):
            try:
                await gate.dispatch(caller, bilan, claims, attempt())
                let_out += 1
            except ConsentRevoked:
                return let_out
        return let_out

    async def withdraw():
        await asyncio.sleep(0.02)
        return await centre.call("DELETE", f"/v1/consents/{given['id']}")

    counts = await asyncio.gather(try_often(), try_often(), withdraw())
    while await app.state.sequencer.step():
        pass
    async with app.state.database.begin(centre.tenant) as session:
        filters = {
            "beneficiary": None,
            "consent": given["id"],
            "kind": None,
            "after": None,
            "limit": 200,
        }
        rows = sorted(
            await records.page(session, caller.tenant, **filters), key=lambda r: r.log_index
        )
    order = [row.kind for row in rows]
    assert order.count("ai.dispatch") == counts[0] + counts[1]
    assert "gate.refused" in order, "the withdrawal came too late to tell anything"
    after = order[order.index("consent.revoked") :]
    assert "ai.dispatch" not in after


async def test_a_result_that_comes_after_the_withdrawal_is_not_to_be_delivered(
    app, centre, given, gated
):
    gate, caller, bilan, claims = gated
    out = await gate.dispatch(caller, bilan, claims, attempt())
    await centre.call("DELETE", f"/v1/consents/{given['id']}")
    async with app.state.database.begin(caller.tenant) as session:
        assert not await gate.close(session, caller, claims, out, Kind.AI_RESULT, {})
    found = await kinds(app, caller)
    assert "ai.cancelled" in found
    assert "ai.result" not in found


async def test_a_token_opens_nothing_for_another_person(app, gated):
    gate, caller, bilan, claims = gated
    other = Bilan(
        tenant=bilan.tenant, id="bil_x", beneficiary="ben_other", counsellor=bilan.counsellor
    )
    with pytest.raises(ConsentBinding):
        await gate.dispatch(caller, other, claims, attempt())


async def test_another_tenant_finds_no_such_consent(gated):
    gate, caller, bilan, claims = gated
    stranger = Caller("tnt_other", caller.client, caller.scopes, None)
    with pytest.raises(NotFound):
        await gate.dispatch(stranger, bilan, claims, attempt())


async def test_a_dispatch_left_open_by_a_crash_is_closed_at_the_next_start(app, gated):
    gate, caller, bilan, claims = gated
    await gate.dispatch(caller, bilan, claims, attempt())
    an_hour_later = replace(app.state.recovery, now=lambda: utc_now() + timedelta(hours=1))
    assert await an_hour_later.recover() == 1
    assert await an_hour_later.recover() == 0
    assert (await kinds(app, caller)).count("ai.error") == 1


async def test_a_refusal_is_recorded_once_a_minute(app, gated):
    gate, caller, bilan, claims = gated
    for _ in range(5):
        with pytest.raises(PurposeNotCovered):
            await gate.dispatch(caller, bilan, claims, attempt(purpose="exploration"))
    with pytest.raises(CategoryNotCovered):
        await gate.dispatch(caller, bilan, claims, attempt(data_categories=frozenset({"tests"})))
    refused = (await kinds(app, caller)).count("gate.refused")
    assert refused in {2, 3}, "one for each code, and one more where the minute turned"
