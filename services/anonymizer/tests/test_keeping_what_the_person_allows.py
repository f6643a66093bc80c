"""A special statement is dropped, blocks the text, or stays by the person's explicit consent alone."""

import json

import pytest
from sqlalchemy import text as sql

from anonymizer.settings import Settings
from anonymizer.special.rules import (
    Action,
    Category,
    Handling,
    OffencesAreBlocked,
    SpecialPolicy,
    Statement,
)
from keel.identifiers import new_id
from keel.settings import SettingsRefused

HEALTH = "Mme Odile Perrichon a fait une dépression en 2019. Elle cherche un poste."
UNION = "Odile Perrichon est syndiquée à la CGT. Elle cherche un poste."
BELIEF = "Odile Perrichon est catholique pratiquante. Elle cherche un poste."


@pytest.fixture
def settings(settings: Settings) -> Settings:
    handled = {
        Category.HEALTH: Handling.KEEP,
        Category.UNION: Handling.BLOCK,
        Category.RELIGION: Handling.KEEP,
    }
    return settings.model_copy(update={"special_categories": handled})


@pytest.fixture
def allowed(anonymizer, monkeypatch):
    """Let the gateway vouch for explicit consents in every pass from now on."""

    def vouch(*data_categories: str) -> None:
        def headers(operation: str) -> dict[str, str]:
            of = {"tenant": anonymizer.tenant, "bilan": anonymizer.bilan}
            return anonymizer.mint("anonymizer", operation, data_categories=data_categories, **of)

        monkeypatch.setattr(anonymizer, "headers", headers)

    return vouch


async def test_without_consent_to_keep_is_to_drop(anonymizer):
    made = (await anonymizer.pseudonymise(HEALTH)).json()
    assert "dépression" not in made["texts"][0]["text"]
    assert made["special_categories"][0]["action"] == "removed"


async def test_with_consent_the_statement_stays_and_names_in_it_are_masked(anonymizer, allowed):
    allowed("special.health")
    made = (await anonymizer.pseudonymise(HEALTH)).json()
    text = made["texts"][0]["text"]
    assert text == "Mme [FEMME_1] a fait une dépression en 2019. Elle cherche un poste."
    assert made["special_categories"] == [{"text_id": "0", "category": "health", "action": "kept"}]
    assert made["persons_found"] is True
    assert (await anonymizer.restore(text))["value"] == HEALTH


async def test_consent_to_one_category_lets_no_other_stay(anonymizer, allowed):
    allowed("special.health", "cv")
    made = (await anonymizer.pseudonymise(BELIEF)).json()
    assert "catholique" not in made["texts"][0]["text"]
    assert made["special_categories"][0]["action"] == "removed"
    allowed("special.beliefs")
    made = (await anonymizer.pseudonymise(BELIEF)).json()
    assert "catholique" in made["texts"][0]["text"]


async def test_a_blocked_category_refuses_the_text_whatever_the_consent(anonymizer, allowed):
    allowed("special.other")
    answer = await anonymizer.pseudonymise("Bonjour.", UNION)
    assert (answer.status_code, answer.json()["code"]) == (422, "special_category_blocked")
    assert answer.json()["categories"] == ["union"]
    for written in ("Perrichon", "syndiqu", "CGT"):
        assert written not in answer.text
    taken = await anonymizer.take_in(UNION.encode())
    assert (taken.status_code, taken.json()["code"]) == (422, "special_category_blocked")
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        for table in ("vault_entries", "documents"):
            assert (await session.execute(sql(f"select * from {table}"))).all() == []  # noqa: S608 - ours


async def test_offences_are_blocked_under_their_own_name(anonymizer, allowed):
    allowed("special.health", "special.other", "special.beliefs")
    answer = await anonymizer.pseudonymise(f"{UNION} Elle sort de prison.")
    assert (answer.status_code, answer.json()["code"]) == (422, "criminal_data_blocked")


async def test_a_document_that_holds_kept_statements_is_of_that_category_from_then_on(
    anonymizer, allowed
):
    document = new_id("doc")
    allowed("special.health")
    made = (await anonymizer.take_in(HEALTH.encode(), document)).json()
    assert made["data_categories"] == ["cv", "special.health"]
    allowed()  # whatever is allowed later: it is what the text holds
    read = (await anonymizer.call("read_document", "GET", f"/documents/{document}")).json()
    assert read["data_categories"] == ["cv", "special.health"]
    found = (
        await anonymizer.call("read_findings", "GET", f"/documents/{document}/findings")
    ).json()
    assert [(s["category"], s["action"]) for s in found["special"]] == [("health", "kept")]
    plain = (await anonymizer.take_in(HEALTH.encode())).json()
    assert plain["data_categories"] == ["cv"]


async def test_without_a_bilan_nobody_allowed_anything(anonymizer):
    nobodys = anonymizer.of(bilan=None)
    made = (await nobodys.pseudonymise(HEALTH)).json()
    assert made["special_categories"][0]["action"] == "removed"


@pytest.mark.parametrize("handling", Handling)
@pytest.mark.parametrize("category", sorted(set(Category) - {Category.CRIMINAL}))
def test_what_becomes_of_a_statement(category, handling):
    policy, found = SpecialPolicy({category: handling}), [Statement(0, 5, category)]
    every = ("special.health", "special.beliefs", "special.other")
    without, allowed = (policy.decide(found, given)[0].action for given in ((), every))
    assert (without, allowed) == {
        Handling.DROP: (Action.REMOVED, Action.REMOVED),
        Handling.BLOCK: (Action.BLOCKED, Action.BLOCKED),
        Handling.KEEP: (Action.REMOVED, Action.KEPT),
    }[handling]


@pytest.mark.parametrize("handling", [Handling.DROP, Handling.KEEP])
def test_nobody_can_set_that_offences_pass(handling, monkeypatch, tmp_path):
    with pytest.raises(OffencesAreBlocked):
        SpecialPolicy({Category.CRIMINAL: handling})
    monkeypatch.setenv("ANONYMIZER_SPECIAL_CATEGORIES", json.dumps({"criminal": handling}))
    files = {"pass_jwks_file": tmp_path, "key_encryption_key_file": tmp_path}
    with pytest.raises(SettingsRefused, match=r"ANONYMIZER_SPECIAL_CATEGORIES.*only `block`"):
        Settings.read(database_url="sqlite+aiosqlite://", **files)
    assert SpecialPolicy({Category.CRIMINAL: Handling.BLOCK}) is not None
