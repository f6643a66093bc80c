"""The end of a bilan and the erasure of a person find what runs, and nothing is written after them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from gateway.problems import BeneficiaryErased, BilanNotOpen
from gateway.records.rules import Fact, Kind
from gateway.tables import ContentKey, IdempotentAnswer, Record, RecordKey, Run
from keel.clock import utc_now

CLOSING = ("ai.result", "ai.error", "ai.cancelled")


@pytest.fixture
async def in_the_air(assisted, inside, eventually):
    """A run whose model is at work, and does not answer before `inside.go`."""
    inside.go.clear()
    running = asyncio.create_task(assisted.run())
    await eventually(lambda: len(inside.attempts) == 1, 20)
    yield running
    inside.go.set()
    await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
def end(assisted):
    async def ending(how):
        if how == "erasure":
            path, body = f"/v1/beneficiaries/{assisted.bilan.beneficiary}", None
            answer = await assisted.centre.call("DELETE", path)
        else:
            path, body = f"/v1/bilans/{assisted.bilan.id}/closing", {"outcome": "abandoned"}
            answer = await assisted.centre.call("POST", path, json=body)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    return ending


@pytest.fixture
def carried_out(app, assisted):
    async def to_its_end(destruction):
        for number in range(100):
            at = timedelta(seconds=2 * number)
            await replace(app.state.carrying, now=lambda at=at: utc_now() + at).step()
            told = (await assisted.centre.call("GET", f"/v1/destructions/{destruction}")).json()
            if told["state"] == "done":
                return told
            await asyncio.sleep(0.02)
        raise AssertionError(told)

    return to_its_end


ENDS = pytest.mark.parametrize("how", ["erasure", "closing"])


@pytest.mark.full
@ENDS
async def test_the_gate_refuses_from_the_answer_on(assisted, inside, end, how):
    await end(how)
    refused = await assisted.run()
    assert (refused.status_code, refused.json()["code"]) in {
        (410, "beneficiary_erased"), (409, "bilan_not_open"), (403, "consent_revoked")
    }  # fmt: skip
    assert inside.attempts == []


@ENDS
async def test_a_model_at_work_is_left_and_its_call_has_the_record_that_closes_it(
    app, assisted, inside, in_the_air, end, carried_out, eventually, how
):
    destruction = await end(how)
    answer = await asyncio.wait_for(in_the_air, 10)
    assert (answer.status_code, answer.json()["code"]) == (409, "run_cancelled")
    await eventually(lambda: inside.attempts[0]["left"] is not None)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        kinds = (await session.scalars(select(Record.kind).order_by(Record.id))).all()
    assert kinds.count("ai.dispatch") == sum(kind in CLOSING for kind in kinds) == 1
    await carried_out(destruction)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 0
        assert await session.scalar(select(func.count()).select_from(ContentKey)) == 0


@pytest.mark.full
@ENDS
async def test_it_waits_for_a_run_that_has_not_said_that_it_ended(
    app, assisted, inside, end, eventually, how
):
    inside.go.clear()
    running = asyncio.create_task(assisted.run())
    await eventually(lambda: len(inside.attempts) == 1, 20)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        (run,) = (await session.scalars(select(Run))).all()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        row = await session.get(Run, (run.tenant, run.id))
        row.status, row.ended_at = "running", None  # as if its process had died just then
    destruction = await end(how)
    await app.state.carrying.step()
    told = (await assisted.centre.call("GET", f"/v1/destructions/{destruction}")).json()
    assert {step["name"]: step["state"] for step in told["steps"]}["in_flight"] == "waiting"
    later = utc_now() + timedelta(minutes=3)
    state = app.state
    steps = replace(state.carrying.steps, recovery=replace(state.recovery, now=lambda: later))
    await replace(state.carrying, steps=steps, now=lambda: later).step()
    told = (await assisted.centre.call("GET", f"/v1/destructions/{destruction}")).json()
    assert told["state"] == "done"


async def test_whoever_writes_late_makes_no_key_again(app, assisted, end, carried_out):
    """A record, a digest, content and an answer that come after the last step."""
    await assisted.run(mode="computed")
    await carried_out(await end("erasure"))
    state, tenant = app.state, assisted.centre.tenant
    person, bilan = assisted.bilan.beneficiary, assisted.bilan.id
    fact = Fact(Kind.HUMAN_REVIEW, tenant, {}, beneficiary=person, bilan=bilan)
    with pytest.raises(BeneficiaryErased):
        async with state.database.begin(tenant) as session:
            await state.records.write(session, fact)
    with pytest.raises(BeneficiaryErased):
        await state.appends.append(fact)
    with pytest.raises(BeneficiaryErased):
        async with state.database.begin(tenant) as session:
            await state.records.digest(session, tenant, person, b"CV")
    with pytest.raises(BilanNotOpen):
        async with state.database.begin(tenant) as session:
            await state.content.obtain(session, tenant, bilan)
    async with state.database.begin(tenant) as session:
        subjects = (await session.scalars(select(RecordKey.subject))).all()
        assert subjects == [tenant]
        assert await session.scalar(select(func.count()).select_from(ContentKey)) == 0


@pytest.mark.full
async def test_an_answer_that_is_kept_late_keeps_nothing_of_the_content(
    app, assisted, inside, end, carried_out, monkeypatch
):
    """The bilan is closed while a finished run's answer is on its way to its caller."""

    async def closes(operation):
        if operation == "restore":
            monkeypatch.setattr(inside, "before", None)
            await carried_out(await end("erasure"))

    inside.before = closes
    answer = await asyncio.wait_for(
        assisted.run(mode="computed", **{"Idempotency-Key": "late"}), 30
    )
    assert answer.status_code < 500, answer.text
    async with app.state.database.begin(assisted.centre.tenant) as session:
        rows = (await session.scalars(select(IdempotentAnswer))).all()
    assert not [row for row in rows if row.subject == assisted.bilan.id and row.answer]
    assert not [row for row in rows if row.subject == assisted.bilan.id]
