"""I-4: marks and reports are told as they were found, and the end of a record's life as it is set."""

from datetime import UTC, date, datetime

import pytest

from gateway.records.rules import Actor, Fact, Kind, Retention, erase_after, record_of
from gateway.reports.facts import of_review, of_signed
from gateway.runs import marks
from gateway.runs.facts import Sources, of_document, of_end

RECORD = "rec_01J00000000000000000000000"
MARKED = {"ai": True, "label": "x", "digital_source_type": "trainedAlgorithmicMedia",
          "record": RECORD, "recipient": "rcp_a", "model": "m"}  # fmt: skip
ANSWER = {"envelope": {"marking": MARKED}}


def test_a_mark_is_verified_only_where_it_stands_and_names_its_record():
    head = marks.headers(ANSWER["envelope"])
    whole = marks.found(ANSWER, head, RECORD, layer="response_body")
    assert [(m["technique"], m["verified"]) for m in whole["marking_applied"]] == [
        ("json_field", True),
        ("http_header", True),
    ]
    streamed = marks.found(ANSWER, {}, RECORD, layer="event_stream")
    assert [m["layer"] for m in streamed["marking_applied"]] == ["event_stream"]
    other = marks.found(ANSWER, head, "rec_other", layer="response_body")
    assert not any(m["verified"] for m in other["marking_applied"])
    assert "marking_applied" not in marks.found({"envelope": {}}, {}, RECORD, layer="x")


def _signed(origin, review=None, *, marked=True):
    mark = {"technique": "json_field", "layer": "json_document", "version": "1", "verified": True}
    return {
        "sections": [{"key": "path", "blocks": [
            {"provenance": {"origin": origin, "review": review}}]}],
        "files": [{"marks": [mark] if marked else []}],
        "inputs": [{"record_id": RECORD}],
        "version": 2,
        "signed_at": "2026-11-23T10:00:00.5Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("origin", "review", "source", "label", "contribution"),
    [
        ("ai_generated", {"by": "x"}, "compositeWithTrainedAlgorithmicMedia",
         "ai_assisted_human_reviewed", "ia_relue"),
        ("ai_assisted", None, "compositeWithTrainedAlgorithmicMedia", "ai_generated",
         "ia_non_relue"),
        ("human", None, "digitalCreation", "none", "humain"),
    ],
)  # fmt: skip
def test_a_signed_report_tells_who_wrote_each_section(origin, review, source, label, contribution):
    said = of_signed(_signed(origin, review))
    assert (said["digital_source_type"], said["visible_label"]) == (source, label)
    assert said["sections"] == [{"section_id": "path", "contribution": contribution}]
    assert (said["rests_on"], said["released_at"]) == ([RECORD], "2026-11-23T10:00:00Z")
    assert "marking_applied" not in of_signed(_signed(origin, review, marked=False))


def test_how_much_of_a_passage_was_changed_is_what_the_reports_service_measured():
    def block(ratio):
        edits = None if ratio is None else {"chars_changed_ratio": ratio}
        return {"provenance": {"edits": edits}}

    assert [of_review(block(r), "accepted") for r in (None, 0.126, 1.0)] == [
        {"edit_ratio": 0},
        {"edit_ratio": 13},
        {"edit_ratio": 100},
    ]
    assert of_review(block(0.5), "rejected") == {}


def test_no_upstream_writes_words_into_a_record():
    """I-1: what is not of the shape of a code is left out, or is `other`."""
    last = {"usage": {}, "finish_reason": "Anne is ill", "model_returned": "Anne Martin, 40 ans",
            "schema_id": "a b", "schema_valid": True, "repaired": False,
            "evidence_coverage": None,
            "guardrails": [{"name": "she said", "version": "1", "fired": True}]}  # fmt: skip
    said = of_end(last, None)
    assert said["finish_reason"] == "other"
    assert said["guardrail_results"] == []
    assert not {"model_returned", "output_schema_id", "ended_at"} & set(said)


def test_reference_data_are_those_that_were_cited():
    sources = Sources()
    sources.market({"items": [{"source": {"key": "bmo2025", "release": "r1",
                                          "retrieved_on": "2025-04",
                                          "licence": "Licence Ouverte 2.0 (Etalab)"}}]})  # fmt: skip
    said = sources.facts()
    assert said["reference_data"] == [{"dataset": "bmo2025", "version": "r1",
                                       "retrieved_at": "2025-04", "licence": "etalab-2.0"}]  # fmt: skip
    assert said["input_sources"] == ["reference_data"]
    assert Sources().facts() == {}
    sources.pseudonymised |= {True, False}
    assert sources.facts()["pseudonymisation_applied"] is False


@pytest.mark.parametrize(
    ("found", "action"),
    [
        ([], "none_found"),
        (["removed"], "removed"),
        (["removed", "blocked"], "blocked"),
        (["?"], None),
    ],
)
def test_what_became_of_special_categories_is_what_the_anonymizer_says(found, action):
    special = [{"category": "union", "action": one} for one in found]
    said = of_document({"entity_counts": {}, "special_categories": special})
    assert said.get("special_categories_action") == action
    assert said["special_categories_detected"] == (["syndicat"] if found else [])


@pytest.mark.parametrize(
    ("kept", "until"),
    [("std_12m", date(2027, 8, 31)), ("min_6m", date(2027, 2, 28)),
     ("control_36m", date(2029, 8, 31)), ("legal_hold", None)],
)  # fmt: skip
def test_a_record_says_until_when_it_is_kept(kept, until):
    """I-14: in calendar months, from the day on which it was written; I-11: in UTC."""
    at = datetime(2026, 8, 31, 23, 59, tzinfo=UTC)
    assert erase_after(at, kept) == until
    fact = Fact(Kind.LOG_ACCESSED, "tnt_x", {})
    body = record_of(fact, record_id=RECORD, occurred_at=at, kept=Retention(kept))["body"]
    assert (body["retention_class"], body.get("erase_after")) == (kept, until and str(until))


def test_who_acted_is_told_or_left_out():
    def actor(**who):
        fact = Fact(Kind.CONSENT_REVOKED, "tnt_x", {}, **who)
        at = datetime(2026, 11, 23, tzinfo=UTC)
        return record_of(fact, record_id=RECORD, occurred_at=at)["body"].get("actor_type")

    assert [actor(), actor(client="c"), actor(client="c", counsellor="u"),
            actor(actor=Actor.SYSTEM), actor(client="c", actor=Actor.BENEFICIARY)] == [
        None, "integrateur", "conseiller", "systeme", "beneficiaire",
    ]  # fmt: skip
