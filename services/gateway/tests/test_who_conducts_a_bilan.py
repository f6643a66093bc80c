"""The content of a bilan is for its assigned counsellors, bound to secrecy (LR-A04, LR-A21)."""

import pytest

from gateway.counsellors.rules import SECRECY_VERSION


@pytest.fixture
def read_content(centre, bilan):
    """Ask for the content of the bilan, as a counsellor."""

    async def as_(counsellor):
        await centre.log_in(counsellor=counsellor)
        texts = {"bilan": bilan.id, "texts": [{"id": "1", "text": "Bonjour"}]}
        return await centre.call("POST", "/v1/pseudonymisations", json=texts)

    return as_


async def problem(answer):
    return answer.status_code, answer.json()["code"]


async def test_without_the_secrecy_notice_no_content_is_read(centre, bilan, read_content):
    new = (await centre.made("/v1/counsellors", {}))["id"]
    await centre.made(f"/v1/bilans/{bilan.id}/assignments", {"counsellor": new})
    assert await problem(await read_content(new)) == (403, "secrecy_notice_needed")
    accepted = {"notice_version": SECRECY_VERSION}
    await centre.made(f"/v1/counsellors/{new}/secrecy-acceptances", accepted)
    assert (await read_content(new)).status_code == 200


async def test_the_notice_names_the_law_and_its_acceptance_keeps_its_first_date(centre, bilan):
    notice = (await centre.call("GET", "/v1/secrecy-notice")).json()
    assert "226-13" in notice["text"]
    path = f"/v1/counsellors/{bilan.counsellor}/secrecy-acceptances"
    first = await centre.made(path, {"notice_version": notice["version"]})
    again = await centre.made(path, {"notice_version": notice["version"]})
    assert first == again
    assert first["notice_sha256"] == notice["sha256"]


async def test_nobody_accepts_another_version_or_for_somebody_else(centre, bilan):
    path = f"/v1/counsellors/{bilan.counsellor}/secrecy-acceptances"
    old = await centre.call("POST", path, json={"notice_version": "2001-01-01"})
    assert await problem(old) == (422, "secrecy_notice_unknown")
    colleague = (await centre.made("/v1/counsellors", {}))["id"]
    path = f"/v1/counsellors/{colleague}/secrecy-acceptances"
    other = await centre.call("POST", path, json={"notice_version": SECRECY_VERSION})
    assert await problem(other) == (403, "counsellor_needed")


async def test_only_assigned_counsellors_read_and_only_while_they_are(centre, bilan, read_content):
    await centre.log_in()
    colleague = await centre.new_counsellor()
    assert await problem(await read_content(colleague)) == (403, "counsellor_needed")
    path = f"/v1/bilans/{bilan.id}/assignments"
    assigned = await centre.made(path, {"counsellor": colleague})
    assert (await read_content(colleague)).status_code == 200
    assert (await read_content(bilan.counsellor)).status_code == 200
    assert (await centre.call("DELETE", f"{path}/{assigned['id']}")).status_code == 204
    assert await problem(await read_content(colleague)) == (403, "counsellor_needed")
    listed = (await centre.call("GET", path)).json()["items"]
    assert [(a["counsellor"], a["ended_at"] is None) for a in listed] == [
        (bilan.counsellor, True),
        (colleague, False),
    ]


async def test_a_bilan_is_never_left_without_a_counsellor(centre, bilan):
    path = f"/v1/bilans/{bilan.id}/assignments"
    (held,) = (await centre.call("GET", path)).json()["items"]
    again = await centre.made(path, {"counsellor": bilan.counsellor})
    assert again["id"] == held["id"]
    answer = await centre.call("DELETE", f"{path}/{held['id']}")
    assert await problem(answer) == (409, "last_counsellor")


async def test_a_deactivated_counsellor_acts_no_more_and_their_tokens_end(
    centre, bilan, read_content
):
    await centre.log_in()
    gone = await centre.new_counsellor()
    await centre.log_in(counsellor=gone)
    theirs = centre.token
    await centre.log_in()
    await centre.made(f"/v1/counsellors/{gone}/deactivation", {})
    headers = {"Authorization": f"Bearer {theirs}"}
    answer = await centre.http.get("/v1/records", headers=headers)
    assert await problem(answer) == (401, "token_invalid")
    form = {"grant_type": "client_credentials", "counsellor": gone}
    basic = (centre.client_id, centre.client_secret)
    drawn = await centre.http.post("/oauth2/token", data=form, auth=basic)
    assert (drawn.status_code, drawn.json()["error"]) == (401, "invalid_client")
    assigned = await centre.call(
        "POST", f"/v1/bilans/{bilan.id}/assignments", json={"counsellor": gone}
    )
    assert await problem(assigned) == (409, "counsellor_inactive")


async def test_qualifications_are_recorded_and_listed_by_cursor(centre, bilan):
    path = f"/v1/counsellors/{bilan.counsellor}/qualifications"
    ai = {"kind": "ai_training", "code": "ia-2026", "obtained_on": "2026-03-02"}
    test = {"kind": "test_certification", "code": "riasec", "obtained_on": "2025-01-10"}
    made = [await centre.made(path, q) for q in (ai, {**test, "expires_on": "2028-01-10"})]
    first = (await centre.call("GET", f"{path}?limit=1")).json()
    rest = (await centre.call("GET", f"{path}?limit=1&after={first['next']}")).json()
    assert [*first["items"], *rest["items"]] == made
    assert rest["next"] is None


async def test_a_qualification_does_not_end_before_it_was_obtained(centre, bilan):
    answer = await centre.call(
        "POST",
        f"/v1/counsellors/{bilan.counsellor}/qualifications",
        json={
            "kind": "ai_training",
            "code": "ia",
            "obtained_on": "2026-03-02",
            "expires_on": "2026-03-02",
        },
    )
    assert await problem(answer) == (422, "qualification_period")


async def test_counsellors_are_listed_by_cursor(centre):
    made = [await centre.made("/v1/counsellors", {}) for _ in range(3)]
    first = (await centre.call("GET", "/v1/counsellors?limit=2")).json()
    rest = (await centre.call("GET", f"/v1/counsellors?after={first['next']}")).json()
    assert [*first["items"], *rest["items"]] == made
