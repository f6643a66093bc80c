"""A consent can become less, at once, and never more (profile sections 2 and 2.1)."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.consents.rules import end_of, twelve_months_after
from gateway.gate.flight import InFlight
from gateway.tables import Event


@pytest.fixture
async def both(ask, decide):
    """A consent that stands, for analysis and drafting."""
    asked = (await ask("analysis", "drafting")).json()
    return await decide(asked, analysis="granted", drafting="granted")


def said(consent):
    return {grant["purpose"]: grant["decision"] for grant in consent["grants"]}


async def told(app, centre, kind):
    async with app.state.database.begin(centre.tenant) as session:
        events = await session.run_sync(lambda s: s.query(Event).filter_by(kind=kind).all())
    return [event.ids for event in events]


class TestOnePurpose:
    async def test_is_withdrawn_without_the_others(self, centre, bilan, both, recorded):
        answer = await centre.call("DELETE", f"/v1/consents/{both['id']}/grants/drafting")
        assert answer.status_code == 200
        assert answer.json()["status"] == "authorised"
        assert answer.json()["epoch"] == both["epoch"] + 1
        assert said(answer.json()) == {"analysis": "granted", "drafting": "withdrawn"}
        (record,) = await recorded(both, "consent.narrowed")
        assert record["body"]["withdrawn_purposes"] == ["drafting"]
        assert record["act"] == bilan.counsellor

    async def test_is_not_in_a_token_any_more(self, centre, both):
        await centre.call("DELETE", f"/v1/consents/{both['id']}/grants/drafting")
        body = {"purposes": ["drafting"]}
        answer = await centre.call("POST", f"/v1/consents/{both['id']}/token", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "purpose_not_covered")

    async def test_that_was_the_last_ends_the_consent(self, centre, both, recorded):
        for purpose in ("drafting", "analysis"):
            answer = await centre.call("DELETE", f"/v1/consents/{both['id']}/grants/{purpose}")
        assert (answer.json()["status"], answer.json()["end_reason"]) == (
            "revoked",
            "withdrawn_by_counsellor",
        )
        assert len(await recorded(both, "consent.revoked")) == 1

    async def test_is_withdrawn_by_the_person_in_their_own_name(self, app, centre, both, recorded):
        async with app.state.database.begin(centre.tenant) as session:
            await app.state.consents.narrow(session, centre.tenant, both["id"], "analysis")
        (record,) = await recorded(both, "consent.narrowed")
        assert record["body"]["withdrawn_by"] == "beneficiary"
        assert not {"client", "act"} & set(record)

    async def test_cannot_be_withdrawn_twice_nor_when_it_was_never_asked(self, centre, both):
        path = f"/v1/consents/{both['id']}/grants"
        await centre.call("DELETE", f"{path}/drafting")
        again = await centre.call("DELETE", f"{path}/drafting")
        assert (again.status_code, again.json()["code"]) == (409, "consent_state")
        assert (await centre.call("DELETE", f"{path}/dialogue")).status_code == 404

    async def test_stops_what_runs_on_the_consent_once_it_is_committed(self, app, centre, both):
        stopped = []
        app.state.consents.in_flight.cancel = lambda consent, before: stopped.append(
            (consent, before)
        )
        async with app.state.database.begin(centre.tenant) as session:
            await app.state.consents.narrow(session, centre.tenant, both["id"], "analysis")
            assert stopped == []
        assert set(stopped) == {(both["id"], both["epoch"] + 1)}


class TestARequest:
    async def test_is_cancelled_by_the_centre_and_its_link_opens_nothing(
        self, app, centre, asked, beneficiary
    ):
        answer = await centre.call("POST", f"/v1/consents/{asked['id']}/cancellation")
        assert answer.status_code == 201
        assert (answer.json()["status"], answer.json()["end_reason"]) == (
            "cancelled",
            "cancelled_by_tenant",
        )
        assert (await beneficiary.open(asked["ceremony_url"])).status_code == 404
        assert [ids["consent"] for ids in await told(app, centre, "consent.cancelled")] == [
            asked["id"]
        ]

    async def test_that_was_answered_is_not_cancelled(self, centre, given):
        answer = await centre.call("POST", f"/v1/consents/{given['id']}/cancellation")
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_state")

    async def test_lapses_with_its_link_and_says_so_once(self, app, centre, asked, at):
        at(timedelta(days=7, seconds=1))
        for _ in range(2):
            consent = (await centre.call("GET", f"/v1/consents/{asked['id']}")).json()
            assert (consent["status"], consent["end_reason"]) == ("lapsed", "lapsed")
        assert len(await told(app, centre, "consent.lapsed")) == 1

    async def test_is_listed_by_the_state_that_the_clock_gives_it(self, centre, bilan, asked, at):
        async def listed(status):
            path = f"/v1/consents?bilan={bilan.id}&status={status}"
            return [item["id"] for item in (await centre.call("GET", path)).json()["items"]]

        assert (await listed("awaiting"), await listed("lapsed")) == ([asked["id"]], [])
        at(timedelta(days=8))
        assert (await listed("awaiting"), await listed("lapsed")) == ([], [asked["id"]])


class TestTheEnd:
    async def test_counts_from_the_answer_as_many_days_as_were_asked_for(self, ask, decide):
        asked = (await ask("analysis", beside={"validity_days": 30})).json()
        given = await decide(asked, analysis="granted")
        span = datetime.fromisoformat(given["expires_at"]) - datetime.fromisoformat(
            given["authorised_at"]
        )
        assert span == timedelta(days=30)

    async def test_may_be_chosen_earlier_by_the_person_never_later(self, ask, decide):
        for chosen, expected in ((7, 7), (90, 30)):
            asked = (await ask("analysis", beside={"validity_days": 30})).json()
            how = {"validity": timedelta(days=chosen)}
            given = await decide(asked, how, analysis="granted")
            span = datetime.fromisoformat(given["expires_at"]) - datetime.fromisoformat(
                given["authorised_at"]
            )
            assert span == timedelta(days=expected)

    @pytest.mark.parametrize("days", [0, 366])
    async def test_is_asked_for_within_a_year(self, ask, days):
        answer = await ask("analysis", beside={"validity_days": days})
        assert answer.status_code == 422

    async def test_is_moved_nearer_and_no_token_outlives_it(self, centre, both):
        path = f"/v1/consents/{both['id']}"
        read = await centre.call("GET", path)
        end = (datetime.now(UTC) + timedelta(seconds=100)).replace(microsecond=0)
        answer = await centre.call(
            "PATCH",
            path,
            json={"expires_at": end.isoformat()},
            headers={"If-Match": read.headers["etag"]},
        )
        assert answer.status_code == 200, answer.text
        assert datetime.fromisoformat(answer.json()["expires_at"]) == end
        assert answer.headers["etag"] != read.headers["etag"]
        drawn = (await centre.call("POST", f"{path}/token")).json()
        assert drawn["expires_in"] <= 100

    async def test_is_never_moved_away_nor_into_the_past(self, centre, both):
        for days in (400, -1):
            end = datetime.now(UTC) + timedelta(days=days)
            answer = await centre.call(
                "PATCH",
                f"/v1/consents/{both['id']}",
                json={"expires_at": end.isoformat()},
                headers={"If-Match": "*"},
            )
            code = answer.json()["code"]
            assert (answer.status_code, code) == (422, "consent_cannot_be_lengthened")

    async def test_is_moved_by_whoever_read_what_stands_now(self, centre, both):
        path = f"/v1/consents/{both['id']}"
        body = {"expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat()}
        stale = (await centre.call("GET", path)).headers["etag"]
        await centre.call("DELETE", f"{path}/grants/drafting")
        answers = [
            await centre.call("PATCH", path, json=body),
            await centre.call("PATCH", path, json=body, headers={"If-Match": stale}),
        ]
        assert [answer.status_code for answer in answers] == [428, 412]

    def test_is_twelve_months_after_the_answer_at_most(self):
        leap = datetime(2028, 2, 29, 12, tzinfo=UTC)
        assert twelve_months_after(leap) == datetime(2029, 2, 28, 12, tzinfo=UTC)
        given = datetime(2027, 3, 1, tzinfo=UTC)
        assert end_of(given, timedelta(days=365)) == datetime(2028, 2, 29, tzinfo=UTC)
        assert end_of(given, timedelta(days=500)) == datetime(2028, 3, 1, tzinfo=UTC)


@pytest.fixture
async def flying(app, centre, both):
    """Calls that run on the consent until they are stopped, each begun at an epoch.

    Only the commit's own news reaches them: nobody else looks at this flight list.
    """
    in_flight = InFlight()
    app.state.consents = replace(app.state.consents, in_flight=in_flight)
    started = []

    async def fly(epoch):
        with in_flight.on(centre.tenant, both["id"], epoch):
            await asyncio.Event().wait()

    async def start(epoch):
        task = asyncio.create_task(fly(epoch))
        started.append(task)
        await asyncio.sleep(0)
        return task

    yield start
    for task in started:
        task.cancel()
    await asyncio.gather(*started, return_exceptions=True)


async def is_stopped(task):
    await asyncio.sleep(0.05)
    return task.done()


class TestWhatRuns:
    async def test_at_the_epoch_that_the_narrowing_made_goes_on(
        self, flying, both, beneficiary, centre, bilan
    ):
        """A call admitted between the commit and the answer stands on what was left."""
        link = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
        await beneficiary.open(link["personal_link"])
        before, after = await flying(both["epoch"]), await flying(both["epoch"] + 1)
        withdrawn = await beneficiary.post(
            f"/me/consents/{both['id']}/withdrawal", {"purpose": "drafting"}
        )
        assert withdrawn.status_code == 200
        assert await is_stopped(before)
        assert not await is_stopped(after)

    async def test_stops_at_the_commit_and_not_at_a_savepoint_before_it(
        self, app, flying, both, centre
    ):
        call = await flying(both["epoch"])
        async with app.state.database.begin(centre.tenant) as session:
            await app.state.consents.narrow(session, centre.tenant, both["id"], "drafting")
            async with session.begin_nested():
                await session.flush()
            assert not await is_stopped(call)
        assert await is_stopped(call)
