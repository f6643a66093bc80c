"""Nobody signs what nobody reviewed, and what is signed stays as it is (HTTP, both databases)."""

import hashlib
import json

import pytest


async def test_a_draft_says_where_each_passage_comes_from(desk, draft_request):
    report = await desk.draft(draft_request)
    blocks = [b for s in report["sections"] for b in s["blocks"]]
    assert {b["provenance"]["origin"] for b in blocks} == {"human", "computed", "ai_generated"}
    for block in blocks:
        if block["provenance"]["origin"].startswith("ai_"):
            assert block["provenance"]["record_id"].startswith("rec_")
            assert block["id"] in report["reviews_missing"]


async def test_a_signature_is_refused_while_a_passage_waits_for_its_review(
    desk, draft_request, restore
):
    report = await desk.draft(draft_request)
    waiting = report["reviews_missing"]
    for block in waiting[:-1]:
        await desk.review(report["id"], block)
    refused = await desk.sign(report["id"], restore(await desk.read(report["id"])))
    assert refused.status_code == 409
    assert refused.json()["code"] == "review_missing"
    assert refused.json()["blocks"] == [waiting[-1]]


async def test_a_signed_version_is_rendered_sealed_and_kept(desk, draft_request, restore):
    report = await desk.draft(draft_request)
    reviewed = await desk.review_all(report["id"])
    assert reviewed["status"] == "reviewed"
    answer = await desk.sign(report["id"], restore(reviewed))
    assert answer.status_code == 200, answer.text
    signed = answer.json()
    assert signed["status"] == "signed_off"
    assert {f["format"] for f in signed["files"]} == {"pdf", "docx", "html", "json"}
    for file in signed["files"]:
        given = await desk.file(report["id"], file["format"])
        assert hashlib.sha256(given.content).hexdigest() == file["sha256"]
        assert "Inès" not in given.headers["content-disposition"]
    data = json.loads((await desk.file(report["id"], "json")).content)
    assert data["cover"]["beneficiary_name"] == "Inès Belhadj-Moreau"
    assert "Carquefou" in json.dumps(data, ensure_ascii=False)
    assert "[LIEU_1]" in json.dumps(await desk.read(report["id"]), ensure_ascii=False)

    edited = await desk.edit(report["id"], "blk_projects2", "Autre chose.")
    assert (edited.status_code, edited.json()["code"]) == (409, "report_frozen")
    again = await desk.sign(report["id"], restore(reviewed))
    assert again.json()["code"] == "report_frozen"


async def test_what_is_signed_is_the_reviewed_draft_and_nothing_else(desk, draft_request, restore):
    report = await desk.draft(draft_request)
    reviewed = restore(await desk.review_all(report["id"]))

    def changed(change):
        content = json.loads(json.dumps(reviewed))
        change(content)
        return content

    def human_mark(content):
        content["sections"][0]["blocks"][0]["provenance"]["origin"] = "human"

    def other_words(content):
        content["sections"][0]["blocks"][0]["text"] += " Et bien plus."

    def one_less(content):
        content["sections"][4]["blocks"].pop()

    for change in (human_mark, other_words, one_less):
        refused = await desk.sign(report["id"], changed(change))
        assert refused.status_code == 409, change.__name__
        assert refused.json()["code"] == "content_differs"


async def test_a_rejected_passage_leaves_the_document(desk, draft_request):
    report = await desk.draft(draft_request)
    block = report["reviews_missing"][0]
    assert (await desk.review(report["id"], block, "rejected")).status_code == 200
    after = await desk.read(report["id"])
    assert block not in json.dumps(after["sections"])
    assert after["digest"] != report["digest"]
    assert (await desk.review(report["id"], block)).json()["code"] == "not_found"


async def test_many_small_edits_make_a_passage_assisted_never_human(desk, draft_request):
    report = await desk.draft(draft_request)
    block = report["reviews_missing"][0]
    text = next(b["text"] for s in report["sections"] for b in s["blocks"] if b["id"] == block)
    origins = []
    for share in (0.1, 0.2, 0.3, 0.5, 1.0):
        cut = int(len(text) * share)
        answer = await desk.edit(report["id"], block, "~" * cut + text[cut:])
        origins.append(answer.json()["provenance"]["origin"])
    assert origins[0] == "ai_generated"
    assert origins[-1] == "ai_assisted"
    assert "human" not in origins


async def test_of_two_edits_of_one_state_the_second_is_refused(desk, draft_request):
    report = await desk.draft(draft_request)
    block = report["reviews_missing"][0]
    made_on = [(await desk.call("GET", f"/reports/{report['id']}", "read_report")).headers["etag"]]
    first = await desk.edit(report["id"], block, "Mes mots.", made_on=made_on)
    second = await desk.edit(report["id"], block, "Les miens.", made_on=made_on)
    assert (first.status_code, second.status_code) == (200, 409)
    assert second.json()["code"] == "report_changed"
    assert (await desk.read(report["id"]))["digest"] != report["digest"]
    third = await desk.edit(report["id"], block, "Les nôtres.", made_on=[first.headers["etag"]])
    assert third.status_code == 200


async def test_an_edit_after_a_review_asks_for_another_review(desk, draft_request):
    report = await desk.draft(draft_request)
    block = report["reviews_missing"][0]
    await desk.review(report["id"], block)
    await desk.edit(report["id"], block, "Une phrase toute neuve.")
    assert block in (await desk.read(report["id"]))["reviews_missing"]


async def test_a_correction_and_its_review_are_one_act(desk, draft_request):
    report = await desk.draft(draft_request)
    block = report["reviews_missing"][0]
    answer = await desk.review(report["id"], block, "accepted_modified", text="Mes propres mots.")
    assert answer.json()["text"] == "Mes propres mots."
    assert answer.json()["provenance"]["origin"] == "ai_assisted"
    assert block not in (await desk.read(report["id"]))["reviews_missing"]


async def test_observations_are_kept_word_for_word_beside_the_signed_version(
    desk, draft_request, restore
):
    report = await desk.draft(draft_request)
    rid = report["id"]
    early = await desk.call("POST", f"/reports/{rid}/submission", "submit")
    assert early.json()["code"] == "wrong_status"
    await desk.sign(rid, restore(await desk.review_all(rid)))
    before = (await desk.file(rid, "pdf")).content
    await desk.call("POST", f"/reports/{rid}/submission", "submit")
    said = "Je ne suis pas d’accord avec la page 3 :\n  « trop » prudent."
    seen = await desk.call("POST", f"/reports/{rid}/observations", "observe", {"text": said})
    assert seen.json()["observations"][0]["text"] == said
    assert seen.json()["status"] == "observations_received"
    agreed = await desk.call("POST", f"/reports/{rid}/agreement", "agree")
    assert agreed.json()["status"] == "agreed"
    assert (await desk.file(rid, "pdf")).content == before


async def test_another_tenant_or_bilan_finds_nothing(desk, draft_request):
    report = await desk.draft(draft_request)
    path = f"/reports/{report['id']}"
    for who in (
        {"tenant": "tnt_01K7ZC3M8T5R0Q9N4V2X6Y1D99"},
        {"bilan": "bil_01K7ZC3M8T5R0Q9N4V2X6Y1D99"},
    ):
        answer = await desk.call("GET", path, "read_report", **who)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_without_a_pass_for_this_operation_nothing_is_done(desk, draft_request):
    headers = desk.mint("reports", "read_report", tenant="tnt_x", bilan="bil_x")
    answer = await desk.client.post("/reports", json=draft_request, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "pass_refused")


async def test_the_same_draft_twice_is_one_report_and_another_is_refused(desk, draft_request):
    first = await desk.draft(draft_request)
    again = await desk.call("POST", "/reports", "create_report", draft_request)
    assert (again.status_code, again.json()["digest"]) == (200, first["digest"])
    draft_request["projects"] = []
    other = await desk.call("POST", "/reports", "create_report", draft_request)
    assert (other.status_code, other.json()["code"]) == (409, "report_exists")


async def test_a_draft_file_is_marked_as_a_project_and_not_kept(desk, draft_request):
    report = await desk.draft(draft_request)
    page = (await desk.file(report["id"], "html")).text
    assert "ce document n’est pas signé" in page
    listed = await desk.call("GET", f"/reports/{report['id']}/files", "list_files")
    assert listed.json() == []


async def test_an_assisted_result_without_its_record_is_refused(desk, draft_request):
    for material in draft_request["materials"]:
        material["record_id"] = None
    answer = await desk.call("POST", "/reports", "create_report", draft_request)
    assert (answer.status_code, answer.json()["code"]) == (422, "record_missing")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(
            lambda r: r["circumstances"].update(hours=25),
            "invalid_request",
            id="over 24 hours (L6313-4)",
        ),
        pytest.param(
            lambda r: r["circumstances"].update(need="a\u0000b"), "invalid_request", id="a NUL"
        ),
        pytest.param(
            lambda r: r["materials"][0]["result"].update(experiences="aucune"),
            "unreadable_material",
            id="text where a list belongs",
        ),
        pytest.param(
            lambda r: r.update(materials=[]) or r["circumstances"].update(request=""),
            "invalid_request",
            id="no request",
        ),
    ],
)
async def test_a_draft_that_cannot_be_is_refused_with_its_reason(desk, draft_request, change, code):
    change(draft_request)
    answer = await desk.call("POST", "/reports", "create_report", draft_request)
    assert (answer.status_code, answer.json()["code"]) == (422, code)


async def test_an_empty_part_two_stands_in_the_way_of_a_signature(desk, draft_request):
    draft_request["materials"] = []
    report = await desk.draft(draft_request)
    refused = await desk.sign(report["id"], report)
    assert refused.json()["code"] == "mandatory_section_empty"
    assert refused.json()["sections"] == ["path", "skills"]
