"""In any order of events, nobody signs what nobody reviewed, and no AI passage becomes human."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keel.problems import Problem
from reports.problems import BlockNotEditable, ContentDiffers
from reports.synthesis.document import Content
from reports.synthesis.materials import DraftRequest
from reports.synthesis.rules import draft
from reports.versions import rules
from reports.versions.distance import changed_ratio, edit_distance

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)
BY = "usr_01K7ZC3M8T5R0Q9N4V2X6Y1A01"
REQUEST = json.loads((Path(__file__).parent / "sample_draft_request.json").read_text())
DRAFT = draft(DraftRequest.model_validate(REQUEST), AT)
PROSE = [b.id for b in DRAFT.blocks() if b.type in {"paragraph", "list"}]
AI = [b.id for b in DRAFT.blocks() if b.is_ai]

edits = st.tuples(st.just("edit"), st.sampled_from(PROSE), st.integers(0, 100))
reviews = st.tuples(
    st.just("review"),
    st.sampled_from(AI),
    st.sampled_from(["accepted", "accepted_modified", "rejected"]),
)


def apply(content: Content, event) -> Content:
    what, block_id, how = event
    try:
        block = rules.find(content, block_id)
    except Problem:
        return content
    if what == "review":
        after = rules.reviewed(block, how, reason="faithful", by=BY, at=AT)
    else:
        original = rules.find(DRAFT, block_id).text
        cut = len(original) * how // 100
        after = rules.edited(block, "~" * cut + original[cut:], original=original, by=BY, at=AT)
    return rules.replaced(content, block_id, lambda _: after)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(st.one_of(edits, reviews), max_size=40))
def test_in_any_order_of_events(events):
    content = DRAFT
    reviewed_texts: dict[str, str] = {}
    for event in events:
        content = apply(content, event)
        if event[0] == "review" and event[2] != "rejected":
            reviewed_texts |= {b.id: b.text for b in content.blocks() if b.id == event[1]}
    for block in content.blocks():
        assert not (
            block.id in AI and block.provenance.origin not in {"ai_generated", "ai_assisted"}
        )
        if block.id in AI:
            assert block.provenance.record_id
    try:
        rules.require_signable(content)
    except Problem:
        assert any(b.lacks_review for b in content.blocks()) or rules.missing_reviews(content) == []
    else:
        for block in content.blocks():
            if block.is_ai:
                assert block.provenance.review is not None
                assert reviewed_texts[block.id] == block.text


@given(before=st.text(max_size=30), after=st.text(max_size=30))
def test_the_edit_distance_is_levenshteins(before, after):
    row = list(range(len(after) + 1))
    for i, a in enumerate(before, 1):
        last, row = row, [i]
        for j, b in enumerate(after, 1):
            row.append(min(last[j] + 1, row[-1] + 1, last[j - 1] + (a != b)))
    assert edit_distance(before, after) == row[-1]
    assert 0 <= changed_ratio(before, after) <= 1


@pytest.mark.parametrize(
    ("share", "origin"),
    [
        pytest.param(29, "ai_generated", id="29 in 100"),
        pytest.param(30, "ai_assisted", id="30 in 100"),
        pytest.param(100, "ai_assisted", id="all"),
    ],
)
def test_thirty_in_a_hundred_changed_characters_make_it_assisted(share, origin):
    block = rules.find(DRAFT, AI[0]).model_copy(update={"text": "a" * 100})
    after = rules.edited(
        block, "b" * share + "a" * (100 - share), original=block.text, by=BY, at=AT
    )
    assert after.provenance.origin == origin
    assert after.provenance.digital_source_type.endswith(
        "compositeWithTrainedAlgorithmicMedia"
        if origin == "ai_assisted"
        else "/trainedAlgorithmicMedia"
    )


def test_what_a_rule_wrote_becomes_its_editors_own():
    block = next(
        b for b in DRAFT.blocks() if b.provenance.origin == "computed" and b.type == "list"
    )
    after = rules.edited(block, block.text + " et plus", original=block.text, by=BY, at=AT)
    assert after.provenance.origin == "human"


def test_tables_and_charts_are_not_rewritten():
    for block in DRAFT.blocks():
        if block.type in {"table", "chart"}:
            with pytest.raises(BlockNotEditable):
                rules.edited(block, "x", original="", by=BY, at=AT)


def test_restoring_may_change_surrogates_only():
    text = DRAFT.model_dump_json()
    rules.require_same_shape(
        DRAFT, Content.model_validate_json(text.replace("[LIEU_1]", "Carquefou"))
    )
    for change in (
        ("Logistique", "Finance"),
        ('"ai_generated"', '"human"'),
        ('"state":"missing"', '"state":"held"'),
    ):
        with pytest.raises(ContentDiffers):
            rules.require_same_shape(DRAFT, Content.model_validate_json(text.replace(*change)))


def test_the_digest_is_of_the_canonical_form():
    again = Content.model_validate_json(DRAFT.model_dump_json())
    assert rules.digest_of(again) == rules.digest_of(DRAFT)
    shorter = DRAFT.model_copy(update={"projects": []})
    assert rules.digest_of(shorter) != rules.digest_of(DRAFT)
