"""A policy says by label what becomes of what is found; what names somebody by itself is never kept."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy import text as sql

from anonymizer.detection.examiner import Examination
from anonymizer.detection.rules import LABELS, Finding
from anonymizer.detection.ruleset import ruleset
from anonymizer.problems import PolicyNotAllowed
from anonymizer.restoration.rules import restore
from anonymizer.settings import Settings
from anonymizer.special.rules import Action, Category, Decided
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.policy import Label, Policy, Treatment, allowed
from anonymizer.surrogates.treating import DROPPED, Cut
from keel.identifiers import new_id
from keel.settings import SettingsRefused

TODAY = datetime(2026, 11, 23, tzinfo=UTC).date()
QUASI = {Label.DATE_OF_BIRTH, Label.AGE, Label.LOCATION, Label.ORGANISATION}
TEXT = "Mme Odile Perrichon, 43 ans, née le 12/03/1983, habite à Limoges. Tél. 06 39 98 11 22."


def rendered(text: str, label: str, value: str, treatment: str) -> tuple[str, list[str]]:
    """Return the text as it leaves, and what the vault is told."""
    start = text.index(value)
    found = Examination(text, (Finding(start, start + len(value), label, "test", 1.0),), ())
    cut = Cut.of(found, Policy({Label(label): Treatment(treatment)}), TODAY).plan
    issued = Numbering({}).issue(cut.secrets)
    return cut.render(issued.__getitem__), [secret.value for secret in cut.secrets]


def test_the_labels_of_a_policy_are_those_of_the_detector():
    assert tuple(Label) == LABELS


@pytest.mark.parametrize("label", Label)
def test_each_label_has_its_treatments_and_every_other_is_refused(label):
    if label in QUASI:
        expected = set(Treatment)
    else:
        expected = {Treatment.SURROGATE, Treatment.DROP}
        expected |= {Treatment.GENERALISE} if label is Label.ADDRESS else set()
    assert set(allowed(label)) == expected
    for treatment in Treatment:
        if treatment in expected:
            assert Policy({label: treatment}).of(label) is treatment
        else:
            with pytest.raises(PolicyNotAllowed, match="choose `surrogate`"):
                Policy({label: treatment})


@pytest.mark.parametrize(
    ("label", "value", "treatment", "leaves", "told"),
    [
        ("AGE", "43 ans", "surrogate", "Elle a [AGE_1].", ["43 ans"]),
        ("AGE", "43 ans", "generalise", "Elle a [entre 40 et 49 ans].", []),
        ("AGE", "43 ans", "keep", "Elle a 43 ans.", []),
        ("AGE", "43 ans", "drop", f"Elle a {DROPPED}.", []),
    ],
)
def test_only_what_gets_a_surrogate_reaches_the_vault(label, value, treatment, leaves, told):
    assert rendered("Elle a 43 ans.", label, value, treatment) == (leaves, told)


@pytest.mark.parametrize(
    ("label", "text", "value", "reads"),
    [("DATE_OF_BIRTH", "Née le 12/03/1981", "12/03/1981", "Née le [entre 40 et 49 ans]"),
     ("AGE", "âgée de 43 ans", "43 ans", "âgée de [entre 40 et 49 ans]"),
     ("LOCATION", "à Rennes", "Rennes", "à [Ille-et-Vilaine]"),
     ("ORGANISATION", "au CHU de Nantes", "CHU de Nantes", "au [établissement de santé]")],
)  # fmt: skip
def test_what_is_made_wider_stands_in_brackets_like_every_mark(label, text, value, reads):
    assert rendered(text, label, value, "generalise") == (reads, [])


@pytest.mark.parametrize(
    ("label", "text", "value"),
    [("DATE_OF_BIRTH", "née le 31/02/1981", "31/02/1981"), ("LOCATION", "à Saint-Denis", "Saint-Denis"),
     ("ADDRESS", "12 rue de Paris", "12 rue de Paris"), ("AGE", "âge : mûr", "mûr")],
)  # fmt: skip
def test_what_cannot_be_made_wider_gets_a_surrogate(label, text, value):
    leaves, told = rendered(text, label, value, "generalise")
    assert value not in leaves
    assert told == [value]


@pytest.mark.parametrize(
    ("found", "statement", "leaves"),
    [
        ((0, 21), (10, 15), "[LIEU_1] [mention retirée] [LIEU_2]"),
        ((0, 12), (10, 15), "[LIEU_1] [mention retirée] fghij"),
        ((11, 21), (10, 15), "123456789 [mention retirée] [LIEU_1]"),
        ((11, 14), (10, 15), "123456789 [mention retirée] fghij"),
    ],
)
def test_what_sticks_out_of_a_removed_statement_is_masked_all_the_same(found, statement, leaves):
    text = "123456789 abcde fghij"
    findings = (Finding(*found, "LOCATION", "test", 1.0),)
    removed = (Decided(*statement, Category.HEALTH, Action.REMOVED),)
    cut = Cut.of(Examination(text, findings, removed), Policy(), TODAY).plan
    assert cut.render(Numbering({}).issue(cut.secrets).__getitem__) == leaves


def test_what_is_shown_instead_is_never_read_as_a_surrogate():
    for shown in (DROPPED, "[entre 40 et 49 ans]", "[Côte-d'Or]", "[établissement de santé]"):
        assert restore(shown, {}) == (shown, [])


def test_a_look_alike_in_a_kept_value_is_masked_all_the_same():
    leaves, told = rendered("chez [PERSONNE_1]", "ORGANISATION", "[PERSONNE_1]", "keep")
    assert told == ["[PERSONNE_1]"]
    assert leaves == "chez [IDENTIFIANT_1]"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"policy": {Label.AGE: Treatment.GENERALISE}})


async def test_a_request_overrides_the_operators_policy_label_by_label(anonymizer):
    plain = (await anonymizer.pseudonymise(TEXT)).json()["texts"][0]["text"]
    assert "[entre 40 et 49 ans]" in plain
    assert "[LIEU_1]" in plain
    asked = {
        "LOCATION": "generalise",
        "PHONE": "drop",
        "AGE": "keep",
        "DATE_OF_BIRTH": "generalise",
    }
    made = (await anonymizer.pseudonymise(TEXT, policy=asked)).json()
    text = made["texts"][0]["text"]
    assert "43 ans" in text
    assert "habite à [Haute-Vienne]" in text
    assert f"Tél. {DROPPED}" in text
    assert "1983" not in text
    assert made["entity_counts"]["PHONE"] == 1
    assert "AGE" not in made["entity_counts"]
    restored = (await anonymizer.restore(text))["value"]
    assert "Odile Perrichon" in restored
    assert "06 39" not in restored


async def test_nothing_of_what_was_dropped_or_widened_is_stored(anonymizer):
    asked = dict.fromkeys(("PERSON", "PHONE", "AGE", "DATE_OF_BIRTH"), "drop")
    await anonymizer.pseudonymise(TEXT, policy=asked | {"LOCATION": "generalise"})
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        assert (await session.execute(sql("select * from vault_entries"))).all() == []


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"PERSON": "keep"}, "policy_not_allowed"), ({"EMAIL": "generalise"}, "policy_not_allowed"),
     ({"ADDRESS": "keep"}, "policy_not_allowed"), ({"AGE": "round"}, "invalid_request"), ({"NOSE": "drop"}, "invalid_request")],
)  # fmt: skip
async def test_a_policy_that_is_not_allowed_is_refused_and_says_what_is(anonymizer, asked, code):
    answer = await anonymizer.pseudonymise(TEXT, policy=asked)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    if code == "policy_not_allowed":
        assert "choose `surrogate`" in answer.json()["detail"]


async def test_a_document_follows_the_operators_policy_and_says_what_became_of_each_value(
    anonymizer,
):
    document = new_id("doc")
    made = await anonymizer.take_in(b"Mme Odile Perrichon, 43 ans, cherche un poste.", document)
    assert made.status_code == 201, made.text
    path = f"/documents/{document}"
    read = await anonymizer.call("read_pseudonymised", "GET", f"{path}/pseudonymised")
    assert "[entre 40 et 49 ans]" in read.json()["text"]
    found = (await anonymizer.call("read_findings", "GET", f"{path}/findings")).json()["masked"]
    became = {f["label"]: (f["treatment"], f["surrogate"]) for f in found}
    assert became["AGE"] == ("generalise", "[entre 40 et 49 ans]")
    assert became["PERSON"] == ("surrogate", "[FEMME_1]")


@pytest.mark.parametrize(
    "written", ['{"PERSON": "keep"}', '{"AGE": "round"}', '{"NOSE": "drop"}', "AGE=drop", "[]"]
)
def test_an_operators_policy_that_is_not_allowed_stops_the_start(monkeypatch, tmp_path, written):
    monkeypatch.setenv("ANONYMIZER_POLICY", written)
    files = {"pass_jwks_file": tmp_path, "key_encryption_key_file": tmp_path}
    with pytest.raises(SettingsRefused, match="ANONYMIZER_POLICY"):
        Settings.read(database_url="sqlite+aiosqlite://", **files)


def test_what_the_operator_sets_is_part_of_the_version_of_the_rules():
    plain, set_so = ruleset("none"), ruleset("none", '{"AGE": "generalise"}')
    assert plain.version != set_so.version
    assert plain.profile == set_so.profile


def test_an_operators_policy_is_json_by_label(monkeypatch, tmp_path):
    monkeypatch.setenv("ANONYMIZER_POLICY", json.dumps({"AGE": "generalise"}))
    files = {"pass_jwks_file": tmp_path, "key_encryption_key_file": tmp_path}
    read = Settings.read(database_url="sqlite+aiosqlite://", **files)
    assert read.policy == {Label.AGE: Treatment.GENERALISE}
