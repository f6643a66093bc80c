"""What the law's term ends is ended by a job, which is seen to run (R6313-7; LR-A13, A15)."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, update

import gateway.__main__ as command
from gateway.destruction import sweeping
from gateway.destruction.rules import closes_at, last_due_day
from gateway.destruction.watching import seen
from gateway.operators.api import operator_app
from gateway.tables import Bilan, Document, RetentionAgreement
from keel.clock import utc_now

A_DAY = timedelta(days=1)


@pytest.fixture
def at(app):
    """Let the job look as it is at an instant."""

    async def standing(instant):
        return await replace(app.state.due, now=lambda: instant).run()

    return standing


@pytest.fixture
def change(app, centre):
    async def changing(table, **values):
        async with app.state.database.begin(centre.tenant) as session:
            await session.execute(update(table).values(**values))

    return changing


async def destructions(ending):
    listed = (await ending.centre.call("GET", "/v1/destructions")).json()["items"]
    return [(one["kind"], one["reason"]) for one in listed]


def test_it_begins_after_the_last_day_and_early_enough_to_be_done_within_the_delay():
    ends = date(2027, 1, 29)
    assert closes_at(ends, A_DAY) == datetime(2027, 1, 31, tzinfo=UTC)
    for delay in (timedelta(), timedelta(hours=1), A_DAY, 7 * A_DAY):
        over = closes_at(ends, timedelta())
        assert last_due_day(over - timedelta(seconds=1), delay) < ends
        assert last_due_day(closes_at(ends, delay), delay) >= ends
        if delay:
            assert last_due_day(over + delay * 0.74, delay) < ends <= last_due_day(over + delay * 0.76, delay)  # fmt: skip


async def test_a_bilan_is_closed_once_its_last_day_is_over(ending, at):
    assert (await at(datetime(2027, 1, 30, 12, tzinfo=UTC))).due == 0
    assert (await at(datetime(2027, 1, 30, 18, tzinfo=UTC))).begun == 1
    assert await destructions(ending) == [("closing", "term")]
    assert (await at(datetime(2027, 1, 31, tzinfo=UTC))).due == 0


@pytest.mark.full
async def test_two_workers_at_once_begin_it_once(ending, at):
    later = datetime(2027, 2, 1, tzinfo=UTC)
    await at(later), await at(later)
    assert await destructions(ending) == [("closing", "term")]


@pytest.mark.full
async def test_what_the_person_restricted_is_counted_and_left_alone(ending, at):
    imposed = {"kind": "restriction", "ground": "legal_claims"}
    await ending.centre.made(f"/v1/beneficiaries/{ending.person}/restrictions", imposed)
    round_ = await at(datetime(2027, 2, 1, tzinfo=UTC))
    assert (round_.due, round_.begun, round_.restricted) == (1, 0, 1)


@pytest.mark.full
async def test_that_it_ran_and_what_it_saw_is_written_down(app, ending, at):
    later = datetime(2027, 2, 1, tzinfo=UTC)
    await at(later)
    async with app.state.database.begin() as session:
        now = await seen(session)
    assert (now.last_round_at, now.due, now.not_begun, now.under_way) == (later, 1, 0, 1)
    assert 0 <= now.oldest_seconds(utc_now()) < 60


async def test_an_operator_lists_what_is_not_done(app, ending, capsys, monkeypatch):
    begun = await ending.erase()
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        listed = (await client.get("/destructions")).json()
    assert [line.get("destruction") for line in listed] == [None, begun["id"]]
    assert listed[1]["failures"] == 0
    monkeypatch.setattr(command, "_on_platform", lambda *_: listed)
    assert command.main(command.SERVICE, ["destruction", "list"]) == 0
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == listed


async def kept(full, double):
    await full.carried_out((await full.close())["id"])
    assert ("anonymizer", "documents") in {(name, scope) for name, scope, _ in double.asked}


@pytest.mark.parametrize(
    "over",
    [
        pytest.param({"status": "ended"}, marks=pytest.mark.full),
        pytest.param({"ends_at": utc_now()}, marks=pytest.mark.full),
        {"ends_at": utc_now() + 3650 * A_DAY},
    ],
)
async def test_what_an_agreement_kept_goes_when_it_is_over(full, double, at, change, over):
    """Because it was ended, because its day came, or because three years passed whatever it says."""
    await kept(full, double)
    assert (await at(utc_now() + A_DAY)).due == 0
    await change(RetentionAgreement, **over)
    later = utc_now() + (A_DAY if "status" in over or over["ends_at"] < utc_now() else 3 * 366 * A_DAY + 90 * A_DAY)  # fmt: skip
    assert (await at(later)).begun == 1
    assert (await at(later)).due == 0
    (_, ending) = (await full.centre.call("GET", "/v1/destructions")).json()["items"]
    done = await full.carried_out(ending["id"])
    assert done["certificate"]["acknowledged"]["gateway"] == {"documents": 1, "reports": 0}
    assert done["certificate"]["acknowledged"]["anonymizer"] == {"documents": 1, "keys": 1}


@pytest.mark.full
async def test_its_certificate_waits_until_nothing_of_it_is_left(app, full, double, at, change):
    """A document's row that comes to be after its step, by a writer that was late."""
    await kept(full, double)
    await change(RetentionAgreement, status="ended")
    await at(utc_now())
    (_, ending) = (await full.centre.call("GET", "/v1/destructions")).json()["items"]
    forget, tenant = sweeping.forget_kept, full.centre.tenant

    async def forget_and_be_late(session, *whose, **kept):
        counts = await forget(session, *whose, **kept)
        late = Document(tenant=tenant, id="doc_late", bilan=full.bilan.id, created_at=utc_now())
        if not left:
            session.add(late)
        left.append(late)
        return counts

    left = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sweeping, "forget_kept", forget_and_be_late)
        done = await full.carried_out(ending["id"])
    assert [s["attempts"] for s in done["steps"] if s["name"] == "check"] == [2]
    assert await documents(full) == []


async def test_what_waits_for_an_answer_keeps_nothing_after_the_end(full, double):
    asked = {
        "bilan": full.bilan.id, "scope": "synthesis", "reason": "follow_up", "until": "2027-12-31",
    }  # fmt: skip
    waiting = await full.centre.made("/v1/retention-agreements", asked)
    await kept(full, double)
    told = await full.centre.call("GET", f"/v1/retention-agreements/{waiting['id']}")
    assert told.json()["status"] == "ended"
    late = await full.centre.call("POST", "/v1/retention-agreements", json=asked)
    assert (late.status_code, late.json()["code"]) == (409, "bilan_not_open")


@pytest.mark.full
async def test_what_it_keeps_is_still_found_by_its_id_and_nothing_else(full, double):
    await kept(full, double)
    left = await full.rows_that_name(full.bilan.id)
    assert left["documents"] == 1
    assert not {"runs", "content_keys", "reports"} & left.keys()


@pytest.mark.full
async def test_a_bilan_that_is_closed_keeps_its_end(full, change, at):
    await full.carried_out((await full.close())["id"])
    await change(Bilan, ends_on="2026-11-03")
    assert (await at(datetime(2027, 2, 1, tzinfo=UTC))).due == 0


@pytest.mark.full
async def test_its_counsellor_still_reads_what_is_kept_until_it_is_over(full, double, change):
    (document,) = {path.split("/")[-1] for path in await documents(full)}
    path = f"/v1/documents/{document}/pseudonymised"
    await kept(full, double)
    assert (await full.centre.call("GET", path)).status_code == 200
    await change(RetentionAgreement, status="ended")
    refused = await full.centre.call("GET", path)
    assert (refused.status_code, refused.json()["code"]) == (409, "bilan_not_open")
    await change(RetentionAgreement, status="agreed", ends_at=utc_now() + 3650 * A_DAY)
    await change(Bilan, ends_on="2023-11-01")  # whatever the agreement says, three years
    assert (await full.centre.call("GET", path)).status_code == 409


@pytest.mark.full
async def test_nobody_else_reads_what_is_kept(full, double):
    (document,) = {path.split("/")[-1] for path in await documents(full)}
    await kept(full, double)
    await full.centre.log_in()
    refused = await full.centre.call("GET", f"/v1/documents/{document}")
    assert (refused.status_code, refused.json()["code"]) == (403, "counsellor_needed")


async def documents(full):
    async with full.app.state.database.begin(full.centre.tenant) as session:
        return [row.id for row in await session.scalars(select(Document))]


@pytest.mark.full
async def test_what_was_kept_goes_when_the_person_or_the_counsellor_ends_it(full, double, at):
    await kept(full, double)
    (agreement,) = (await full.centre.call("GET", "/v1/retention-agreements")).json()["items"]
    path = f"/v1/retention-agreements/{agreement['id']}"
    ended = await full.centre.call("DELETE", path)
    assert ended.status_code == 200, ended.text
    assert (await at(utc_now())).begun == 1
    assert await destructions(full) == [("closing", "abandoned"), ("retention_end", "requested")]
