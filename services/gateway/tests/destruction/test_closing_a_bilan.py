"""A bilan ends, and with it the documents that were made for it (Code du travail R6313-7)."""

import pytest

AIMS = {
    "preliminary": ["need_analysed", "format_determined", "conduct_agreed"],
    "investigation": ["alternatives_drawn_up"],
    "conclusion": ["results_owned", "conditions_listed", "steps_planned", "follow_up_considered"],
}


async def test_it_is_destroyed_and_its_frame_stays(full):
    done = await full.carried_out((await full.close())["id"])
    assert (done["kind"], done["reason"]) == ("closing", "abandoned")
    assert done["certificate"]["legal_basis"] == "Code du travail, article R6313-7"
    bilan = (await full.centre.call("GET", f"/v1/bilans/{full.bilan.id}")).json()
    assert (bilan["status"], bilan["planned_minutes"]) == ("closed", 1440)
    left = await full.rows_that_name(full.bilan.id)
    assert not {"runs", "content_keys"} & left.keys()
    assert {"bilans", "interviews", "bilan_agreements", "consents"} <= left.keys()


@pytest.mark.full
async def test_its_record_says_so_under_the_persons_key(full):
    done = await full.carried_out((await full.close())["id"])
    record = (await full.centre.call("GET", f"/v1/records/{done['certificate']['record']}")).json()
    assert (record["kind"], record["bilan"]) == ("bilan.destroyed", full.bilan.id)
    assert record["body"]["acknowledged"]["anonymizer"] == {"documents": 1, "keys": 1}


@pytest.mark.full
async def test_its_consents_end_with_the_answer(full, given):
    await full.close()
    consents = (await full.centre.call("GET", "/v1/consents")).json()["items"]
    ended = {consent["id"]: (consent["status"], consent["end_reason"]) for consent in consents}
    assert ended.pop(given["id"]) == ("revoked", "bilan_closed")
    assert set(ended.values()) == {("cancelled", "bilan_closed")}


@pytest.mark.full
async def test_no_token_is_drawn_on_them_any_more(ending, given):
    await ending.close()
    drawn = await ending.centre.call("POST", f"/v1/consents/{given['id']}/token")
    assert (drawn.status_code, drawn.json()["code"]) == (403, "consent_revoked")


@pytest.mark.full
async def test_asked_again_it_is_the_same_closing(ending):
    first = await ending.close()
    assert (await ending.close("completed"))["id"] == first["id"]
    done = await ending.carried_out(first["id"])
    path = f"/v1/bilans/{ending.bilan.id}/closing"
    assert (await ending.centre.call("GET", path)).json() == done


@pytest.mark.full
async def test_a_centre_closes_it_for_an_assigned_counsellor_only(ending):
    await ending.centre.log_in()
    path = f"/v1/bilans/{ending.bilan.id}/closing"
    refused = await ending.centre.call("POST", path, json={"outcome": "abandoned"})
    assert (refused.status_code, refused.json()["code"]) == (403, "counsellor_needed")


async def test_it_is_completed_once_the_three_phases_are_closed(app, ending):
    path = f"/v1/bilans/{ending.bilan.id}"
    early = await ending.centre.call("POST", f"{path}/closing", json={"outcome": "completed"})
    assert (early.status_code, early.json()["code"]) == (409, "phase_order")
    for phase, aims in AIMS.items():
        held = {"phase": phase, "held_on": "2026-11-03", "minutes": 60, "format": "in_person", "individual": True}  # fmt: skip
        assert (await ending.centre.call("POST", f"{path}/interviews", json=held)).status_code == 201  # fmt: skip
        said = {"aims": aims, "cosigned_on": "2026-11-03"}
        closed = await ending.centre.call("POST", f"{path}/phases/{phase}/closing", json=said)
        assert closed.status_code == 201, closed.text
    assert (await ending.close("completed"))["reason"] == "completed"


@pytest.mark.full
async def test_what_the_person_restricted_is_left_as_it_is(ending):
    imposed = {"kind": "restriction", "ground": "legal_claims"}
    await ending.centre.made(f"/v1/beneficiaries/{ending.person}/restrictions", imposed)
    path = f"/v1/bilans/{ending.bilan.id}/closing"
    refused = await ending.centre.call("POST", path, json={"outcome": "abandoned"})
    assert (refused.status_code, refused.json()["code"]) == (403, "processing_restricted")


@pytest.mark.full
async def test_its_erasure_later_takes_the_frame_and_the_name_too(full):
    closing = await full.carried_out((await full.close())["id"])
    await full.carried_out((await full.erase())["id"])
    left = await full.rows_that_name(full.person, full.bilan.id)
    assert left == {"destructions": 2}
    assert (await full.read(closing["id"]))["certificate"] == closing["certificate"]
    listed = await full.centre.call("GET", f"/v1/destructions?beneficiary={full.person}")
    assert [one["kind"] for one in listed.json()["items"]] == ["erasure"]


@pytest.mark.full
async def test_an_erasure_takes_over_a_closing_that_is_under_way(full):
    closing = await full.close()
    erasure = await full.erase()
    await full.carried_out(erasure["id"])
    assert (await full.read(closing["id"]))["state"] == "superseded"
    assert await full.rows_that_name(full.person) == {"destructions": 1}
