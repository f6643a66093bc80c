"""A person is erased: at once for whoever works with them, and then to the last row (GDPR 17)."""

from datetime import timedelta

import pytest

from gateway.destruction.steps import Steps
from gateway.destruction.watching import seen
from gateway.events.service import EventKind
from gateway.holds.rules import HoldReason
from gateway.incidents.rules import IncidentClass
from gateway.incidents.service import Opening
from keel.clock import utc_now

GRANT = {
    "purpose": "training", "data_categories": ["cv"], "recipients": ["rcp_local-llm"],
    "jurisdictions": ["FR"],
}  # fmt: skip


@pytest.mark.full
async def test_asked_for_it_is_accepted_and_asked_again_it_is_the_same(ending):
    first = await ending.erase()
    assert (first["kind"], first["state"]) == ("erasure", "under_way")
    assert first["subject"] == ending.person
    assert (await ending.erase())["id"] == first["id"]
    done = await ending.carried_out(first["id"])
    assert (await ending.erase()) == done


async def test_nothing_of_them_is_left_in_any_table(full):
    consents = (await full.centre.call("GET", "/v1/consents")).json()["items"]
    ids = (full.person, full.bilan.id, *(consent["id"] for consent in consents))
    before = await full.rows_that_name(*ids)
    assert len(before) > 12
    done = await full.carried_out((await full.erase())["id"])
    assert await full.rows_that_name(*ids) == {"destructions": 1}
    assert done["certificate"]["found_afterwards"] == 0


@pytest.mark.full
async def test_the_certificate_tells_who_acknowledged_how_much_and_no_content(full):
    done = await full.carried_out((await full.erase())["id"])
    certificate = done["certificate"]
    assert certificate["subject"] == full.person
    # One bilan, and what an agreement may have kept of it.
    assert certificate["acknowledged"]["anonymizer"] == {"documents": 2, "keys": 2}
    assert certificate["acknowledged"]["reports"] == {"documents": 2, "keys": 2}
    assert certificate["acknowledged"]["gateway"]["runs"] == 1
    assert certificate["acknowledged"]["records"]["records"] > 3
    assert certificate["nothing_stored"] == ["llm-router", "labour-market"]
    assert "dossier 12" not in str(done)


async def test_from_the_answer_on_nothing_new_comes_to_be_about_them(full):
    await full.erase()
    person, bilan = f"/v1/beneficiaries/{full.person}", full.bilan.id
    plan = {
        "beneficiary": full.person, "counsellor": full.bilan.counsellor, "funding": "CPF",
        "planned_minutes": 1440, "support_minutes": 840, "starts_on": "2026-11-02",
        "ends_on": "2027-01-29", "employer_siren": None,
    }  # fmt: skip
    kept = {"bilan": bilan, "scope": "synthesis", "reason": "follow_up", "until": "2027-12-31"}
    stop = {"kind": "objection", "ground": "particular_situation"}
    told = [
        (answer.status_code, answer.json().get("code"))
        for method, path, body in (
            ("POST", "/v1/bilans", plan),
            ("POST", "/v1/consents", {"bilan": bilan, "grants": [GRANT]}),
            ("POST", "/v1/use-cases/cv-analysis/runs", {"bilan": bilan, "mode": "computed"}),
            (
                "POST",
                "/v1/pseudonymisations",
                {"bilan": bilan, "texts": [{"id": "1", "text": "x"}]},
            ),
            ("POST", "/v1/retention-agreements", kept),
            ("POST", f"{person}/restrictions", stop),
            ("POST", f"{person}/personal-link", {}),
            ("GET", f"{person}/export", None),
            ("GET", person, None),
        )
        for answer in [await full.centre.call(method, path, json=body)]
    ]
    assert set(told) == {(410, "beneficiary_erased")}


@pytest.mark.full
async def test_their_page_is_shut_with_the_answer(full, beneficiary):
    assert (await beneficiary.open(full.link)).status_code == 200
    await full.erase()
    assert "location" in (await beneficiary.get("/me")).headers
    secret = {"secret": full.link.partition("#")[2]}
    assert (await beneficiary.post("/me/session", secret)).status_code == 404


@pytest.mark.full
async def test_old_receipts_verify_as_erased(full):
    page = (await full.centre.call("GET", f"/v1/records?beneficiary={full.person}")).json()
    await full.app.state.sequencer.step()
    done = await full.carried_out((await full.erase())["id"])
    await full.app.state.sequencer.step()
    record = page["items"][0]["id"]
    receipt = (await full.centre.call("GET", f"/v1/records/{record}/receipt")).json()
    assert (receipt["salt"], receipt["record"]) == (None, None)
    assert receipt["proof"].startswith("c2sp.org/tlog-proof@v1")
    said = (await full.centre.call("GET", f"/v1/records/{done['certificate']['record']}")).json()
    assert (said["kind"], said["body"]["destroyed"]["records"]) == ("subject.erased", done["certificate"]["acknowledged"]["records"]["records"])  # fmt: skip
    assert full.person not in str(said)


async def test_a_legal_hold_keeps_the_key_of_records_and_nothing_else(app, full, centre):
    async with app.state.database.begin(centre.tenant) as session:
        until = utc_now() + timedelta(days=30)
        hold = await app.state.holds.place(session, centre.tenant, HoldReason.LITIGATION, until)
    read = (await centre.call("GET", f"/v1/records?beneficiary={full.person}&limit=1")).json()
    record = f"/v1/records/{read['items'][0]['id']}"
    begun = await full.erase()
    assert begun["held_until"] is not None
    for _ in range(3):
        await full.work(timedelta(hours=2))
    told = await full.read(begun["id"])
    assert (told["state"], told["certificate"]) == ("held", None)
    waiting = [step["name"] for step in told["steps"] if step["state"] == "waiting"]
    assert waiting == ["records", "check"]
    left = await full.rows_that_name(full.person)
    assert not {"runs", "content_keys", "personal_links", "events", "shares"} & left.keys()
    assert {"records", "record_keys", "consents"} <= left.keys()
    # The key is kept for the proceeding, and for nobody to read by.
    assert (await centre.call("GET", record)).status_code == 410
    async with app.state.database.begin(centre.tenant) as session:
        await app.state.holds.lift(session, centre.tenant, hold.id)
    assert (await full.carried_out(begun["id"], timedelta(hours=4)))["state"] == "done"
    assert await full.rows_that_name(full.person) == {"destructions": 1}


@pytest.mark.full
async def test_what_was_held_and_then_fails_is_seen(app, full, centre, monkeypatch):
    """A hold is over, and its destruction goes on, or shows that it does not."""
    async with app.state.database.begin(centre.tenant) as session:
        until = utc_now() + timedelta(days=30)
        hold = await app.state.holds.place(session, centre.tenant, HoldReason.LITIGATION, until)
    begun = await full.erase()
    await full.work(timedelta(hours=2))
    async with app.state.database.begin(centre.tenant) as session:
        await app.state.holds.lift(session, centre.tenant, hold.id)

    async def fails(*_):
        raise ConnectionError

    monkeypatch.setattr(Steps, "_check", fails)
    await full.work(timedelta(hours=4))
    async with app.state.database.begin() as session:
        now = await seen(session)
    assert (now.held, now.under_way, now.failing) == (0, 1, 1)
    monkeypatch.undo()
    assert (await full.carried_out(begun["id"], timedelta(hours=6)))["state"] == "done"


@pytest.mark.full
async def test_the_register_of_incidents_outlives_them_and_names_them_no_more(app, full, centre):
    async with app.state.database.begin(centre.tenant) as session:
        late = Opening(IncidentClass.DISCLOSURE_LATE, bilan=full.bilan.id)
        incident = (await app.state.incidents.open(session, centre.tenant, late)).id
    await full.carried_out((await full.erase())["id"])
    async with app.state.database.begin(centre.tenant) as session:
        kept = await app.state.incidents.find(session, centre.tenant, incident)
        assert kept.bilan is None
    assert await full.rows_that_name(full.person, full.bilan.id) == {"destructions": 1}


@pytest.mark.full
async def test_codes_that_went_to_the_erased_person_still_guard_the_others(app, full, centre):
    async with app.state.database.begin(centre.tenant) as session:
        assert not await app.state.codes.needed(session, centre.tenant)
        await app.state.codes.request(session, centre.tenant, full.person)
    await full.carried_out((await full.erase())["id"])
    async with app.state.database.begin(centre.tenant) as session:
        assert await app.state.codes.needed(session, centre.tenant)


@pytest.mark.full
async def test_another_centre_erases_nobody_here(full, new_centre):
    other = await new_centre()
    refused = await other.call("DELETE", f"/v1/beneficiaries/{full.person}")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    begun = await full.erase()
    assert (await other.call("GET", f"/v1/destructions/{begun['id']}")).status_code == 404
    assert (await other.call("GET", "/v1/destructions")).json()["items"] == []


@pytest.mark.full
async def test_what_a_late_writer_left_is_found_and_destroyed_before_the_certificate(
    app, full, monkeypatch
):
    """An event that comes to be after its table was swept, by a request that began before."""
    late, swept = [], Steps._records

    async def sweep_and_be_late(self, session, row):
        counts = await swept(self, session, row)
        named = {"contestation": "ctn_1", "beneficiary": full.person}
        late.append(await app.state.events.emit(session, row.tenant, EventKind.OUTPUT_CONTESTED, secret=None, **named))  # fmt: skip
        return counts

    monkeypatch.setattr(Steps, "_records", sweep_and_be_late)
    done = await full.carried_out((await full.erase())["id"])
    assert len(late) == 1
    assert [step["attempts"] for step in done["steps"] if step["name"] == "check"] == [2]
    assert await full.rows_that_name(full.person) == {"destructions": 1}
