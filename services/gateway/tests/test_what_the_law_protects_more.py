"""Special categories need a separate act each, else they stay out (GDPR art. 9; LR-C09, LR-C10)."""

import pytest

from gateway.consents import notice
from gateway.consents.rules import Decision
from gateway.consents.vocabulary import vocabulary

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

SPECIAL = [c for c, entry in vocabulary().data_categories.items() if entry["special"]]
WITH_HEALTH = ["cv", "special.health", "special.beliefs"]
YES, NO = Decision.GRANTED, Decision.REFUSED


@pytest.fixture
async def asked_explicitly(ask):
    answer = await ask("analysis", "drafting", data_categories=WITH_HEALTH, explicit=True)
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def text_of(app, centre):
    async def read(consent):
        async with app.state.database.begin(centre.tenant) as session:
            row = await app.state.consents.find(session, centre.tenant, consent["id"])
            return row.notice_text, row.grants

    return read


def allowed(consent):
    return {g["purpose"]: g["data_categories"] for g in consent["grants"]}


@pytest.mark.parametrize("category", SPECIAL)
async def test_is_not_asked_for_by_the_way(ask, category):
    answer = await ask("analysis", data_categories=["cv", category])
    assert (answer.status_code, answer.json()["code"]) == (422, "explicit_consent_needed")


async def test_offences_cannot_be_asked_for_at_all(ask):
    answer = await ask("analysis", data_categories=["cv", "criminal"], explicit=True)
    assert (answer.status_code, answer.json()["code"]) == (422, "vocabulary_unknown")


async def test_the_notice_has_a_paragraph_for_each_category_and_a_question_for_each_purpose(
    asked_explicitly, text_of
):
    text, grants = await text_of(asked_explicitly)
    words = vocabulary()
    for category in ("special.health", "special.beliefs"):
        assert text.count(words.data_categories[category]["explicit_notice"]) == 1
    questions = notice.explicit_questions(grants)
    assert [(q.purpose, q.category) for q in questions] == [
        (purpose, category)
        for purpose in ("analysis", "drafting")
        for category in ("special.health", "special.beliefs")
    ]
    for question in questions:
        assert f"{question.purpose_label} : a{question.question[1:]}" in text
    assert "article 9, 2, a" in text


async def test_a_notice_without_special_categories_asks_nothing_of_the_kind(ask, text_of):
    text, grants = await text_of((await ask("analysis")).json())
    assert notice.explicit_questions(grants) == []
    assert "article 9" not in text


async def test_without_the_separate_act_the_rest_is_authorised_without_the_category(
    asked_explicitly, decide
):
    given = await decide(asked_explicitly, analysis="granted", drafting="granted")
    assert given["status"] == "authorised"
    assert allowed(given) == {"analysis": ["cv"], "drafting": ["cv"]}


async def test_each_act_counts_for_its_purpose_and_its_category_alone(asked_explicitly, decide):
    acts = {"analysis": {"special.health": YES, "special.beliefs": NO}}
    given = await decide(
        asked_explicitly, {"explicit": acts}, analysis="granted", drafting="granted"
    )
    assert allowed(given) == {"analysis": ["cv", "special.health"], "drafting": ["cv"]}


async def test_an_act_on_a_refused_purpose_gives_nothing(asked_explicitly, decide, centre):
    acts = {"drafting": {"special.health": YES}}
    given = await decide(
        asked_explicitly, {"explicit": acts}, analysis="granted", drafting="refused"
    )
    assert {g["purpose"]: g["decision"] for g in given["grants"]}["drafting"] == "refused"
    narrower = {"data_categories": ["special.health"]}
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token", json=narrower)
    assert (answer.status_code, answer.json()["code"]) == (403, "category_not_covered")


async def test_a_purpose_of_which_nothing_is_left_is_refused(ask, decide):
    asked = (await ask("analysis", data_categories=["special.health"], explicit=True)).json()
    assert (await decide(asked, analysis="granted"))["status"] == "rejected"


async def test_the_evidence_keeps_every_separate_act(app, centre, asked_explicitly, decide):
    acts = {"analysis": {"special.health": YES}}
    given = await decide(asked_explicitly, {"explicit": acts}, analysis="granted")
    async with app.state.database.begin(centre.tenant) as session:
        row = await app.state.consents.find(session, centre.tenant, given["id"])
        evidence = await app.state.consents.evidence_of(session, row)
    kept = {(d["purpose"], d["category"]): d["decision"] for d in evidence["explicit_decisions"]}
    assert kept.pop(("analysis", "special.health")) == "granted"
    assert set(kept.values()) == {"refused"}
    assert len(kept) == 3
