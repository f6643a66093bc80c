"""Rules lay out facts; what nobody provided stays empty, and says so."""

import json
from datetime import UTC, datetime

import pytest

from reports.problems import UnreadableMaterial
from reports.synthesis.materials import DraftRequest
from reports.synthesis.rules import draft
from reports.synthesis.sections import PLAN

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def drafted(request):
    return draft(DraftRequest.model_validate(request), AT)


def section(content, key):
    return next(s for s in content.sections if s.key == key)


def only(request, *use_cases):
    request["materials"] = [m for m in request["materials"] if m["use_case"] in use_cases]
    return request


def test_every_section_of_the_plan_is_there_in_order(draft_request):
    content = drafted(draft_request)
    assert [s.key for s in content.sections] == [p.key for p in PLAN]


def test_without_any_run_the_document_invents_nothing(draft_request):
    draft_request.update(materials=[], interests=None, projects=[], action_plan=[])
    content = drafted(draft_request)
    filled = {s.key for s in content.sections if s.blocks}
    assert filled == {"circumstances", "follow_up"}
    assert all(s.empty_note for s in content.sections)
    assert content.charts == []
    assert {b.provenance.origin for b in content.blocks()} == {"human"}


def test_a_bilan_without_ai_has_no_ai_passage(draft_request):
    draft_request["materials"] = [m for m in draft_request["materials"] if m["mode"] == "computed"]
    content = drafted(draft_request)
    assert {b.provenance.origin for b in content.blocks()} == {"human", "computed"}
    assert len(content.charts) == 4


def test_what_a_model_worded_keeps_the_record_of_its_call(draft_request):
    records = {m["run"]: m["record_id"] for m in draft_request["materials"]}
    for block in drafted(draft_request).blocks():
        if block.is_ai:
            assert block.provenance.record_id == records[block.provenance.run]
            assert block.provenance.ai_text_sha256 == block.provenance.final_text_sha256


def test_a_curriculum_analysed_twice_is_printed_once(draft_request):
    runs = [m for m in draft_request["materials"] if m["use_case"] == "cv-analysis"]
    runs[1]["result"] |= runs[0]["result"]
    titles = [b.title for b in section(drafted(draft_request), "path").blocks if b.type == "table"]
    assert titles == ["Expériences", "Formation", "Langues"]


def test_a_skill_without_proof_says_so_and_no_level_is_ever_written(draft_request):
    for material in only(draft_request, "skills-inventory")["materials"]:
        material["result"]["skills"][0]["evidence"] = []
        material["result"]["skills"][0]["level"] = 4
    content = drafted(draft_request)
    table = next(b for b in section(content, "skills").blocks if b.type == "table")
    assert table.rows[0][2] == "preuve non relevée"
    assert '"level"' not in content.model_dump_json()


def test_gaps_are_sorted_by_state(draft_request):
    content = drafted(only(draft_request, "skills-gap"))
    [chart] = [c for c in content.charts if c.kind == "gap_bars"]
    states = [row.state for row in chart.rows]
    assert states == sorted(states, key=["held", "partial", "missing", "unknown"].index)


def test_two_published_points_are_no_trend(draft_request):
    for material in only(draft_request, "market-trends")["materials"]:
        material["result"]["series"][0]["points"] = [["2024", 1], ["2025", 2]]
    draft_request["interests"] = None
    assert drafted(draft_request).charts == []


def test_an_unpublished_value_stays_a_hole(draft_request):
    content = drafted(only(draft_request, "market-trends"))
    [chart] = [c for c in content.charts if c.kind == "vacancies_trend"]
    assert [row.note for row in chart.rows if row.value is None] == ["non publié"]


def test_a_number_is_written_as_the_french_do(draft_request):
    content = drafted(only(draft_request, "market-trends"))
    shown = json.dumps([b.rows for b in section(content, "market").blocks], ensure_ascii=False)
    assert "57,3\u00a0%" in shown


@pytest.mark.parametrize("name", ["experiences", "education", "languages"])
def test_a_result_of_another_shape_is_refused_with_its_place(draft_request, name):
    draft_request["materials"][0]["result"][name] = [3]
    with pytest.raises(UnreadableMaterial) as refusal:
        drafted(draft_request)
    assert refusal.value.members["at"].startswith(name)


def test_questions_for_the_counsellor_and_gaps_in_dates_stay_out_of_the_document(draft_request):
    run = draft_request["materials"][0]["result"]
    run["periods_without_information"] = [{"from": "2018-03", "to": "2018-09"}]
    content = drafted(draft_request).model_dump_json()
    assert "Quel budget avez-vous déjà suivi" not in content
    assert "2018-09" not in content


def test_a_computed_outline_does_not_say_again_what_its_runs_show(draft_request):
    computed = [m for m in draft_request["materials"] if m["mode"] == "computed"]
    outline = {
        **computed[0],
        "run": "run_01K7ZC3M8T5R0Q9N4V2X6Y1B99",
        "use_case": "synthesis-draft",
    }
    said = {"kind": "run", "source": computed[0]["run"], "quote": "Cheffe d’équipe, depuis 2019."}
    paragraph = {"text": said["quote"], "evidence": [said], "hypothesis": False}
    outline["result"] = {"sections": [{"key": "path", "paragraphs": [paragraph]}]}
    beside = drafted({**draft_request, "materials": [*computed, outline]})
    alone = drafted({**draft_request, "materials": [outline]})
    assert said["quote"] not in beside.model_dump_json()
    assert [b.text for b in section(alone, "path").blocks] == [said["quote"]]
