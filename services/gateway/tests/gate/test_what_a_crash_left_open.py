"""What a crash left open is closed once, what lives is left alone, what was done is not done again."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from gateway import heartbeat
from gateway.consents.tokens import DrawnToken
from gateway.edge import idempotency
from gateway.edge.idempotency import IdempotentRoute, forget_unanswered
from gateway.gate.service import Attempt, Dispatched
from gateway.problems import LogUnavailable
from gateway.records.rules import Fact, Kind
from gateway.tables import Bilan, Counsellor, IdempotentAnswer, Record, RecordKey, Run
from gateway.tenants.service import NewTenant
from gateway.webhooks.deliveries import Letter
from keel.clock import utc_now

ATTEMPT = Attempt(
    "local", "rcp_local-llm", frozenset({"FR"}), "analysis", frozenset({"cv"}), {}
)  # fmt: skip
AN_HOUR = timedelta(hours=1)
CLOSING = ("ai.result", "ai.error", "ai.cancelled")
KEY = {"Idempotency-Key": "the-same"}
RUNS = "/v1/use-cases/cv-analysis/runs"


@pytest.fixture
def later(app):
    """Recovery as it is an hour later."""
    return replace(app.state.recovery, now=lambda: utc_now() + AN_HOUR)


@pytest.fixture
async def left(app, assisted):
    """A dispatch whose process died: its record, and no run that runs."""
    state, tenant = app.state, assisted.centre.tenant
    async with state.database.begin() as session:
        caller = await state.tenants.caller(session, assisted.centre.token)
    async with state.database.begin(tenant) as session:
        bilan = await session.get(Bilan, (tenant, assisted.bilan.id))
    claims = state.consents.read_token(assisted.token, caller)
    return (await state.gate.dispatch(caller, bilan, claims, ATTEMPT)).record


@pytest.fixture
async def change(app, assisted):
    """Change the centre's rows behind everybody's back, as time or a crash does."""

    async def changing(row, **values):
        async with app.state.database.begin(assisted.centre.tenant) as session:
            await session.execute(update(row).values(**values))

    return changing


@pytest.fixture
async def rows(app, assisted):
    async def of(row):
        async with app.state.database.begin(assisted.centre.tenant) as session:
            return (await session.scalars(select(row))).all()

    return of


@pytest.fixture
async def in_the_air(assisted, inside, eventually):
    """A run whose model is at work, and does not answer before `inside.go`."""
    inside.go.clear()
    running = asyncio.create_task(assisted.run(**KEY))
    await eventually(lambda: len(inside.attempts) == 1, 20)
    yield running
    inside.go.set()
    await asyncio.gather(running, return_exceptions=True)


def closed(records):
    return [row.kind for row in records if row.kind in CLOSING]


async def ends(assisted):
    events = (await assisted.centre.call("GET", "/v1/events")).json()["items"]
    return [event["kind"] for event in events if event["kind"].startswith("run.")]


async def test_replicas_that_recover_at_once_close_a_dispatch_once(assisted, left, later):
    assert sum(await asyncio.gather(*(later.recover() for _ in range(4)))) == 1
    (error,) = await assisted.records(*CLOSING)
    assert (error.kind, error.prev) == ("ai.error", left)
    body = error.said["body"]
    assert (body["reason"], body["actor_type"]) == ("unknown_after_restart", "systeme")


async def test_the_database_takes_no_second_record_that_closes_a_dispatch(app, assisted, left):
    fact = Fact(Kind.AI_ERROR, assisted.centre.tenant, {}, consent=assisted.consent, prev=left)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        await app.state.records.write(session, fact)
    with pytest.raises(LogUnavailable):
        async with app.state.database.begin(assisted.centre.tenant) as session:
            await app.state.records.write(session, replace(fact, kind=Kind.AI_RESULT))


async def test_what_cannot_be_closed_in_one_tenant_stops_no_other(app, new_centre, left, later):
    tenant = (await new_centre()).tenant
    row = {"tenant": tenant, "kind": "ai.dispatch", "occurred_at": utc_now(), "sealed": b""}
    async with app.state.database.begin(tenant) as session:
        session.add_all([Record(id=f"rec_{number}", **row) for number in range(2)])
        await session.merge(RecordKey(tenant=tenant, subject=tenant, wrapped=b"spoilt"))
    assert await later.recover() == 1


async def test_a_run_that_lives_is_not_given_up_however_long_it_takes(
    assisted, inside, in_the_air, change, later, rows
):
    # Nobody dates a record back: the hour passes for whoever looks, and the run says that it lives.
    await change(Run, alive_at=utc_now() + AN_HOUR)
    assert await later.recover() == 0
    inside.go.set()
    assert (await in_the_air).status_code == 201
    assert [(run.status, run.problem) for run in await rows(Run)] == [("succeeded", None)]
    assert closed(await assisted.records()) == ["ai.result"]
    assert await ends(assisted) == ["run.succeeded"]


async def test_a_run_that_was_given_up_keeps_nothing_of_what_comes_later(
    assisted, inside, in_the_air, later, rows
):
    assert await later.recover() == 1
    inside.go.set()
    answer = await in_the_air
    assert (answer.status_code, answer.json()["code"]) == (409, "run_cancelled")
    (run,) = await rows(Run)
    assert (run.status, run.envelope) == ("failed", None)
    assert run.problem == {"code": "unknown_after_restart"}
    assert closed(await assisted.records()) == ["ai.error"]
    assert await ends(assisted) == ["run.failed"]


async def test_a_run_and_its_key_say_that_somebody_is_at_them(
    app, assisted, inside, eventually, change, rows, monkeypatch
):
    monkeypatch.setattr(heartbeat, "BEAT", timedelta(milliseconds=50))
    inside.go.clear()
    running = asyncio.create_task(assisted.run(**KEY))
    await eventually(lambda: len(inside.attempts) == 1, 20)
    await change(Run, alive_at=utc_now() - AN_HOUR)
    await change(IdempotentAnswer, alive_at=utc_now() - AN_HOUR)
    await asyncio.sleep(1)
    assert min(row.alive_at for row in await rows(Run)) > utc_now() - timedelta(minutes=1)
    (key,) = [row for row in await rows(IdempotentAnswer) if not row.finished]
    assert key.alive_at > utc_now() - timedelta(minutes=1)
    inside.go.set()
    assert (await running).status_code == 201


async def test_the_key_of_a_request_that_lasts_is_not_free(
    app, assisted, inside, in_the_air, change
):
    await change(IdempotentAnswer, created_at=utc_now() - AN_HOUR)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        await forget_unanswered(session)
    again = await assisted.run(**KEY)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_conflict")
    assert "retry-after" in again.headers
    inside.go.set()
    assert (await in_the_air).status_code == 201
    assert len(inside.attempts) == 1


async def test_what_was_made_is_not_repeated_once_the_processing_is_restricted(assisted):
    assert (await assisted.run(mode="computed", **KEY)).status_code == 201
    assert (await assisted.run(mode="computed", **KEY)).headers["idempotency-replayed"] == "true"
    imposed = {"kind": "restriction", "ground": "accuracy_contested"}
    await assisted.centre.made(f"/v1/beneficiaries/{assisted.bilan.beneficiary}/restrictions", imposed)  # fmt: skip
    again = await assisted.run(mode="computed", **KEY)
    assert (again.status_code, again.json()["code"]) == (403, "processing_restricted")


async def test_a_counsellor_who_left_the_bilan_gets_no_repeat(assisted):
    centre, bilan = assisted.centre, assisted.bilan
    assert (await assisted.run(mode="computed", **KEY)).status_code == 201
    path = f"/v1/bilans/{bilan.id}/assignments"
    (first,) = (await centre.call("GET", path)).json()["items"]
    another = (await centre.made("/v1/counsellors", {}))["id"]
    await centre.made(path, {"counsellor": another})
    assert (await centre.call("DELETE", f"{path}/{first['id']}")).status_code == 204
    again = await assisted.run(mode="computed", **KEY)
    assert (again.status_code, again.json()["code"]) == (403, "counsellor_needed")


async def test_a_repeat_that_is_refused_is_recorded_as_every_refusal_of_the_gate(assisted):
    assert (await assisted.run(**KEY)).status_code == 201
    await assisted.withdraw()
    for _ in range(2):
        again = await assisted.run(**KEY)
        assert (again.status_code, again.json()["code"]) == (403, "consent_revoked")
    said = [row.said["body"]["refusal_reason"] for row in await assisted.records("gate.refused")]
    assert set(said) == {"consent_revoked"}


async def test_an_answer_is_committed_with_what_it_answers_or_neither_is(
    app, centre, assisted, rows, monkeypatch
):
    before = len(await rows(Counsellor))
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "seal", _cannot)
        with pytest.raises(RuntimeError):
            await centre.call("POST", "/v1/counsellors", json={}, headers=KEY)
    assert len(await rows(Counsellor)) == before
    again = await centre.call("POST", "/v1/counsellors", json={}, headers=KEY)
    assert again.status_code == 201
    assert "idempotency-replayed" not in again.headers
    assert len(await rows(Counsellor)) == before + 1


async def test_a_run_whose_answer_is_lost_is_not_carried_out_again(
    app, assisted, inside, change, rows, monkeypatch
):
    with monkeypatch.context() as broken:
        broken.setattr(idempotency, "seal", _cannot)
        with pytest.raises(RuntimeError):
            await assisted.run(**KEY)
    assert "retry-after" in (await assisted.run(**KEY)).headers
    await change(IdempotentAnswer, alive_at=utc_now() - AN_HOUR)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        await forget_unanswered(session, alone=True)
    again = await assisted.run(**KEY)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_conflict")
    assert "answer is lost" in again.json()["detail"]
    assert "retry-after" not in again.headers
    assert [run.status for run in await rows(Run)] == ["succeeded"]
    assert len(inside.attempts) == 1


def _cannot(*_given):
    raise RuntimeError


def test_what_holds_a_secret_does_not_print_it():
    held = (
        NewTenant("tnt_1", "cli_1", "s3cret"),
        Dispatched("rec_1", "s3cret"),
        DrawnToken("s3cret", 60),
        Letter("https://hook.example/s3cret", "s3cret", {"webhook-signature": "s3cret"}),
    )
    assert [one for one in held if "s3cret" in repr(one)] == []
    assert IdempotentRoute.shows_content, "unless a route says that it frames a bilan only"
