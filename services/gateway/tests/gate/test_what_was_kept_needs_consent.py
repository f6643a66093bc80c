"""A special statement stays in a text by explicit consent alone, and a model reads it by that alone."""

import pytest

from gateway.consents.rules import Decision

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

HEALTH = ["cv", "special.health"]
KEPT = {
    "data_categories": HEALTH,
    "entity_counts": {"PERSON": 1},
    "special_categories": [
        {"category": "health", "action": "kept"},
        {"category": "union", "action": "removed"},
    ],
}
ROLE = {"title": "Soudeuse", "employer": None, "start": "2019", "end": "2024", "current": False}


@pytest.fixture
def kept(inside, beside, monkeypatch):
    """The anonymizer kept a statement of the document, as the person allowed."""
    answer = inside._answer

    def told(path, body):
        found = answer(path, body)
        if path.startswith("/use-cases/synthesis-draft"):
            return {**found, "id": "synthesis-draft", "purpose": "drafting"}
        if path.endswith("/outline"):
            return {**found, "experiences": [ROLE]}
        return KEPT if path.startswith("/documents/") and "special_categories" in found else found

    monkeypatch.setattr(inside, "_answer", told)
    monkeypatch.setitem(beside("inside").OUTPUT, "experiences", [ROLE])


@pytest.fixture
def allow(ask, decide, assisted):
    """Let the person allow purposes, health explicitly for those said, and draw the token."""

    async def allowing(*purposes: str, health: tuple[str, ...] = ()):
        asked = (await ask(*purposes, data_categories=HEALTH, explicit=True)).json()
        acts = {purpose: {"special.health": Decision.GRANTED} for purpose in health}
        await decide(asked, {"explicit": acts}, **dict.fromkeys(purposes, "granted"))
        assisted.consent = asked["id"]
        await assisted.draw()

    return allowing


async def handed_in(centre, bilan, inside):
    """What the passes of an intake and of a free text say may stay."""
    files = {"file": ("cv.txt", b"CV")}
    answer = await centre.call("POST", "/v1/documents", data={"bilan": bilan.id}, files=files)
    assert answer.status_code == 201, answer.text
    text = {"bilan": bilan.id, "texts": [{"id": "a", "text": "Bonjour"}]}
    assert (await centre.call("POST", "/v1/pseudonymisations", json=text)).status_code == 200
    calls = inside.received[-2:]
    assert [call["op"] for call in calls] == ["intake_document", "pseudonymise"]
    return [call["categories"] for call in calls]


async def test_the_pass_names_what_the_person_allowed_explicitly(
    centre, bilan, inside, assisted, allow
):
    assert await handed_in(centre, bilan, inside) == [[], []]
    await allow("analysis", "drafting")
    assert await handed_in(centre, bilan, inside) == [[], []]
    await allow("analysis", "drafting", health=("drafting",))
    assert await handed_in(centre, bilan, inside) == [["special.health"]] * 2


async def test_a_withdrawal_and_an_objection_take_it_from_the_next_pass(
    centre, bilan, inside, assisted, allow
):
    await allow("analysis", health=("analysis",))
    objection = {"kind": "objection", "ground": "particular_situation"}
    await assisted.withdraw()
    assert await handed_in(centre, bilan, inside) == [[], []]
    await allow("analysis", health=("analysis",))
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    stopped = await centre.call("POST", path, json=objection)
    assert stopped.status_code == 201, stopped.text
    assert await handed_in(centre, bilan, inside) == [[], []]


async def test_other_operations_carry_no_such_word(assisted, allow, inside, kept):
    await allow("analysis", health=("analysis",))
    begun = len(inside.received)
    assert (await assisted.run()).status_code == 201
    others = [c for c in inside.received[begun:] if c["op"] != "attempt"]
    assert others
    assert all(call["categories"] == [] for call in others)


async def test_no_model_reads_what_was_kept_without_consent_to_it(assisted, allow, inside, kept):
    await allow("analysis")
    refused = await assisted.run()
    assert (refused.status_code, refused.json()["code"]) == (403, "category_not_covered")
    assert refused.json()["missing"] == ["special.health"]
    assert inside.attempts == []


async def test_with_consent_it_is_read_and_the_record_says_on_what_ground(assisted, allow, kept):
    await allow("analysis", health=("analysis",))
    assert (await assisted.run()).status_code == 201
    (dispatch,) = await assisted.records("ai.dispatch")
    said = dispatch.said["body"]
    assert said["special_categories_action"] == "kept_with_9_2_a"
    assert said["special_categories_detected"] == ["sante", "syndicat"]
    assert said["special_category_basis"] == "9.2.a"
    assert said["input_categories"] == HEALTH


async def test_once_it_is_withdrawn_the_kept_text_reaches_no_model(assisted, allow, inside, kept):
    await allow("analysis", health=("analysis",))
    assert (await assisted.run()).status_code == 201
    await allow("analysis")
    refused = await assisted.run()
    assert (refused.status_code, refused.json()["code"]) == (403, "category_not_covered")
    assert len(inside.attempts) == 1


@pytest.mark.parametrize("mode", ["computed", "assisted"])
async def test_a_draft_that_rests_on_it_needs_the_same_consent(
    centre, bilan, assisted, allow, inside, kept, mode
):
    """Whatever way the earlier run went: what the document held may stand in what came of it."""
    await allow("analysis", "drafting", health=("analysis",))
    run = (await assisted.run(mode=mode)).json()["id"]
    before = len(inside.attempts)
    review = {"decision": "accepted", "reason": "verified"}
    reviewed = await centre.call("POST", f"/v1/runs/{run}/review", json=review)
    assert reviewed.status_code == 201, reviewed.text
    draft = {"bilan": bilan.id, "mode": "assisted", "runs": [run]}
    path = "/v1/use-cases/synthesis-draft/runs"
    refused = await centre.call("POST", path, json=draft, headers=assisted.headers())
    assert (refused.status_code, refused.json()["code"]) == (403, "category_not_covered")
    assert refused.json()["missing"] == ["special.health"]
    assert len(inside.attempts) == before


async def test_a_category_that_the_gateway_has_no_word_for_stops_the_run(
    assisted, inside, monkeypatch
):
    answer = inside._answer
    new = [{"category": "genetic", "action": "removed"}]
    monkeypatch.setattr(
        inside,
        "_answer",
        lambda path, body: (
            answer(path, body) | {"special_categories": new}
            if path.startswith("/documents/")
            else answer(path, body)
        ),
    )
    failed = await assisted.run()
    assert (failed.status_code, failed.json()["code"]) == (500, "internal")
    assert inside.attempts == []
