"""A request that comes again gets the first answer; another one under its key is refused (section 6)."""

import asyncio

GRANT = {
    "purpose": "analysis",
    "data_categories": ["cv"],
    "recipients": ["rcp_local-llm"],
    "jurisdictions": ["FR"],
}


async def test_the_same_request_is_answered_once(centre):
    key = {"Idempotency-Key": "once"}
    first = await centre.call("POST", "/v1/counsellors", json={}, headers=key)
    again = await centre.call("POST", "/v1/counsellors", json={}, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


async def test_another_request_under_the_same_key_is_a_conflict(centre):
    key = {"Idempotency-Key": "once"}
    await centre.call("POST", "/v1/counsellors", json={}, headers=key)
    other = await centre.call("POST", "/v1/counsellors", json={"reference": "b"}, headers=key)
    assert other.status_code == 409
    assert other.json()["code"] == "idempotency_conflict"


async def test_a_post_that_creates_needs_a_key(centre):
    answer = await centre.call("POST", "/v1/counsellors", json={}, headers={"Idempotency-Key": ""})
    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_needed"


async def test_a_refused_request_can_be_corrected_under_its_key(centre):
    key = {"Idempotency-Key": "mended"}
    wrong = await centre.call("POST", "/v1/counsellors", json={"reference": ""}, headers=key)
    assert wrong.status_code == 422
    mended = await centre.call("POST", "/v1/counsellors", json={}, headers=key)
    assert mended.status_code == 201


async def test_two_at_once_create_one_thing(centre):
    key = {"Idempotency-Key": "race"}
    answers = await asyncio.gather(
        *(centre.call("POST", "/v1/counsellors", json={}, headers=key) for _ in range(5))
    )
    made = {a.json()["id"] for a in answers if a.status_code == 201}
    assert len(made) == 1
    assert {a.status_code for a in answers} <= {201, 409}


async def test_a_replay_does_not_repeat_a_secret(centre, bilan):
    key = {"Idempotency-Key": "consent"}
    body = {"bilan": bilan.id, "grants": [GRANT]}
    first = await centre.call("POST", "/v1/consents", json=body, headers=key)
    again = await centre.call("POST", "/v1/consents", json=body, headers=key)
    assert first.json()["ceremony_url"]
    assert again.json()["id"] == first.json()["id"]
    assert again.json().get("ceremony_url") is None


async def test_a_file_sent_again_is_one_document_whatever_its_boundary(centre, bilan):
    key = {"Idempotency-Key": "file"}
    answers = [
        await centre.call(
            "POST",
            "/v1/documents",
            data={"bilan": bilan.id},
            files={"file": ("cv.txt", b"un CV")},
            headers=key,
        )
        for _ in range(2)
    ]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    other = await centre.call(
        "POST",
        "/v1/documents",
        data={"bilan": bilan.id},
        files={"file": ("cv.txt", b"un autre")},
        headers=key,
    )
    assert other.status_code == 409


async def test_a_replay_needs_the_scope_of_its_route(centre):
    key = {"Idempotency-Key": "scoped"}
    assert (await centre.call("POST", "/v1/counsellors", json={}, headers=key)).status_code == 201
    await centre.log_in(scope="market")
    again = await centre.call("POST", "/v1/counsellors", json={}, headers=key)
    assert again.status_code == 403
    assert again.json()["code"] == "scope_insufficient"


async def test_a_colleague_does_not_get_another_counsellors_answer(centre, bilan):
    key = {"Idempotency-Key": "mine"}
    upload = {"data": {"bilan": bilan.id}, "files": {"file": ("cv.txt", b"un CV")}}
    assert (await centre.call("POST", "/v1/documents", **upload, headers=key)).status_code == 201
    await centre.log_in()
    colleague = (await centre.made("/v1/counsellors", {}))["id"]
    await centre.log_in(counsellor=colleague)
    again = await centre.call("POST", "/v1/documents", **upload, headers=key)
    assert again.status_code == 409
