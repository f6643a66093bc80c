"""Structured values and conversations are masked string by string, read together, and come back exactly."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text as sql

from anonymizer.detection.examiner import Examination
from anonymizer.detection.rules import Finding
from anonymizer.restoration.rules import restore_value
from anonymizer.surrogates.chat import chat_leaves
from anonymizer.surrogates.json_text import literals, normalised
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.pages import Page, labelled
from anonymizer.surrogates.policy import Label, Policy, Treatment
from anonymizer.surrogates.treating import Cut
from anonymizer.surrogates.values import leaves, replaced
from keel.identifiers import new_id

TODAY = datetime(2026, 11, 23, tzinfo=UTC).date()
FORM = {
    "beneficiary": {"first_name": "Odile", "last_name": "Perrichon", "age": 43, "adult": True, "notes": None},
    "contacts": [{"tel": "06 39 98 11 22", "kind": "mobile"}],
    "notes": "Le dossier de Mme Perrichon avance.\nElle habite à Limoges.",
}  # fmt: skip
CHAT = [
    {"role": "system", "content": "Tu aides une conseillère."},
    {"role": "user", "name": "Odile", "content": "Je suis Odile Perrichon, 06 39 98 11 22."},
    {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "type": "function",
         "function": {"name": "find_offers", "arguments": '{"ville": "Limoges",  "nom":"Odile Perrichon", "rayon": 20}'}}]},
    {"role": "tool", "tool_call_id": "call_1", "content": "3 offres pour Odile Perrichon"},
    {"role": "user", "content": [{"type": "text", "text": "Écrivez à odile.perrichon@example.org"}]},
]  # fmt: skip


async def masked(anonymizer, form: str, value, **more):
    key = "value" if form == "values" else "messages"
    operation = "pseudonymise_value" if form == "values" else "pseudonymise_messages"
    path = f"/pseudonymisations/{form}"
    return await anonymizer.call(operation, "POST", path, json={key: value, **more})


_WORDS = st.sampled_from(
    [
        "Odile",
        " ",
        "\n",
        "é",
        "\\",
        '"',
        "😀",
        "[PERSONNE_1]",
        "\u00a0",
        "{",
        "LIEU 2",
        "\t",
        "ß",
        "/",
        "~",
        ":",
        "x",
        "né",
    ]
)
_STRINGS = st.lists(_WORDS, max_size=6).map("".join)
_NAMES = st.sampled_from(["nom", "a/b", "~", "", "ville", "é"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | _STRINGS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=8,
)


def round_trip(value, every, data, expected=None) -> None:
    """Mask stretches that `data` draws on the page, whatever they cut, and restore."""
    page = Page.of(every)
    edges = sorted(data.draw(st.sets(st.integers(0, len(page.text)), max_size=8)))
    labels = st.sampled_from(["PERSON", "LOCATION", "EMAIL"])
    spans = zip(edges[::2], edges[1::2], strict=False)
    findings = tuple(Finding(s, e, data.draw(labels), "drawn", 0.9) for s, e in spans)
    cuts = {
        leaf.pointer: Cut.of(found, Policy(), TODAY).plan
        for leaf, found in page.examined(Examination(page.text, findings, ()))
    }
    issued = Numbering({}).issue([s for plan in cuts.values() for s in plan.secrets])
    texts = {pointer: plan.render(issued.__getitem__) for pointer, plan in cuts.items()}
    originals = {surrogate.name: secret.value for secret, surrogate in issued.items()}
    assert restore_value(replaced(value, texts), originals) == (expected or value, [])
    if expected is not None:
        found = (s.value for s in issued if s.type != "IDENTIFIANT")
        assert [json.loads(f'"{value}"') for value in found] == [
            s.value for s in issued if s.type != "IDENTIFIANT"
        ]


@given(_VALUES, st.data())
def test_whatever_is_masked_in_a_value_comes_back(value, data):
    every = list(leaves(value))
    known = data.draw(st.sets(st.sampled_from([leaf.pointer for leaf in every]))) if every else ()
    round_trip(value, labelled(every, dict.fromkeys(known, Label.PERSON)), data)


@given(_VALUES, st.booleans(), st.sampled_from([None, 1]), st.data())
def test_what_is_masked_in_arguments_is_sealed_as_read_and_comes_back_without_needless_escapes(
    value, ascii_only, indent, data
):
    def calling(arguments: str):
        call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
        return [{"role": "assistant", "content": None, "tool_calls": [call]}]

    messages = calling(json.dumps({"v": value}, ensure_ascii=ascii_only, indent=indent))
    expected = calling(json.dumps({"v": value}, ensure_ascii=False, indent=indent))
    round_trip(messages, list(chat_leaves(messages)), data, expected)


def test_a_name_that_arguments_escape_comes_back_in_prose_as_it_is_read():
    assert normalised(r'{"a": "Ren\u00e9\/\ud83d\ude00 \ud83d \n"}') == (
        '{"a": "René/😀 \\ud83d \\n"}'
    )


@pytest.mark.parametrize(
    "value",
    [185057800608436, 612345678, 33612345678, 185057800608436.0, [{"nir": 185057800608436}]],
)
async def test_a_number_that_identifies_somebody_is_refused_and_never_repeated(anonymizer, value):
    call = {"id": "c", "type": "function"}
    call["function"] = {"name": "f", "arguments": json.dumps({"x": value})}
    for form, sent in (
        ("values", {"x": value}),
        ("messages", [{"role": "assistant", "tool_calls": [call]}]),
        ("messages", [{"role": "user", "content": "x", "metadata": {"x": value}}]),
    ):
        answer = await masked(anonymizer, form, sent)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
        assert "as a string" in answer.json()["detail"]
        assert "0608436" not in answer.text
        assert "2345678" not in answer.text


async def test_ids_and_functions_as_software_writes_them_stay(anonymizer):
    ids = ["call_abc123", "D681PevKs", "toolu_01A09q90qw90lq917835lq9", "functions.get_weather:0",
           "chatcmpl-tool-550e8400-e29b-41d4-a716-446655440000", "kTbWqzRmP"]  # fmt: skip
    names = ["find_offers", "searchJobs", "get_weather_paris", "FindOffers", "create_cv", "f"]
    said = [
        {"role": "tool", "tool_call_id": id_, "name": name, "content": "x", "score": 12345.5}
        for id_, name in zip(ids, names, strict=True)
    ]
    answer = await masked(anonymizer, "messages", said)
    assert answer.status_code == 200, answer.text
    assert answer.json()["messages"] == said


@given(_VALUES, st.booleans())
def test_the_strings_of_a_json_text_are_those_of_its_value(value, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    read = [literal.text for literal in literals(text)]
    assert read == [leaf.text for leaf in leaves(value)]
    for literal in literals(text):
        assert len(literal.places) == len(literal.text) + 1
        assert json.loads('"' + text[literal.places[0] : literal.places[-1]] + '"') == literal.text


def test_what_is_found_across_two_strings_is_masked_in_both():
    page = Page.of(leaves({"a": "Odile", "b": "Perrichon"}))
    everywhere = Examination(page.text, (Finding(0, len(page.text), "PERSON", "x", 1.0),), ())
    found = {leaf.pointer: e.findings for leaf, e in page.examined(everywhere)}
    assert [(f.start, f.end) for f in found["/a"]] == [(0, 5)]
    assert [(f.start, f.end) for f in found["/b"]] == [(0, 9)]


async def test_a_value_keeps_its_shape_and_comes_back(anonymizer):
    answer = await masked(anonymizer, "values", FORM)
    assert answer.status_code == 200, answer.text
    made = answer.json()
    person = made["value"]["beneficiary"]
    assert person["age"] == 43
    assert person["adult"] is True
    assert list(made["value"]) == list(FORM)
    text = json.dumps(made["value"], ensure_ascii=False)
    for secret in ("Perrichon", "06 39", "Limoges"):
        assert secret not in text
    assert made["persons_found"] is True
    assert (await anonymizer.restore(made["value"])) == {"value": FORM, "unknown": []}


async def test_one_person_has_one_number_in_every_string(anonymizer):
    said = {"a": "Mme Odile Perrichon arrive.", "b": ["Odile Perrichon", "Mme Perrichon repart."]}
    made = (await masked(anonymizer, "values", said)).json()["value"]
    assert made["a"] == "Mme [FEMME_1] arrive."
    assert made["b"][0] == "[FEMME_1]"
    assert made["b"][1] == "Mme [FEMME_1b] repart."


async def test_a_string_that_the_caller_knows_is_masked_whole_and_wherever_it_stands(anonymizer):
    said = {"p/q": {"last_name": " zorglubine 75 "}, "notes": "le dossier de Zorglubine 75 avance"}
    stranger = anonymizer.of(bilan=new_id("bil"))
    plain = (await masked(stranger, "values", said)).json()["value"]
    assert "75" in json.dumps(plain)
    labels = {"/p~1q/last_name": "PERSON"}
    made = (await masked(anonymizer, "values", said, labels=labels)).json()["value"]
    assert made["p/q"]["last_name"] == " [PERSONNE_1] "
    assert made["notes"] == "le dossier de [PERSONNE_1b] avance"
    assert (await anonymizer.restore(made))["value"] == said


async def test_a_known_string_is_masked_whole_beside_a_removed_statement_too(anonymizer):
    said = {"x": "zorgluv brumeval. RQTH depuis 2021"}
    made = (await masked(anonymizer, "values", said, labels={"/x": "PERSON"})).json()["value"]
    assert made["x"] == "[PERSONNE_1]. [mention retirée]"


@pytest.mark.parametrize("treatment", ["keep", "generalise"])
async def test_a_known_string_that_stays_to_be_seen_hides_what_else_is_found_in_it(
    anonymizer, treatment
):
    firm = "Cabinet Martin, 06 39 98 11 22, odile.perrichon@example.org"
    said = {"firm": firm, "notes": f"Elle est de {firm}. Mme Odile Perrichon."}
    policy = {"ORGANISATION": treatment}
    made = await masked(anonymizer, "values", said, labels={"/firm": "ORGANISATION"}, policy=policy)
    text = json.dumps(made.json()["value"])
    for secret in ("06 39", "perrichon", "Perrichon"):
        assert secret not in text
    assert made.json()["value"]["firm"].startswith("Cabinet Martin, [TEL") is (treatment == "keep")


@pytest.mark.parametrize("treatment", ["keep", "generalise"])
@settings(deadline=None)  # the lists of names are read once
@given(data=st.data())
def test_a_label_shows_no_more_of_a_string_than_the_detector_would(treatment, data):
    every = labelled(leaves({"a": "Cabinet Odile, 06 39"}), {"/a": Label.ORGANISATION})
    page = Page.of(every)
    start = data.draw(st.integers(4, len(page.text) - 3))
    end = data.draw(st.integers(start + 1, len(page.text) - 2))
    found = Finding(start, end, data.draw(st.sampled_from(["PERSON", "PHONE"])), "drawn", 0.4)
    policy = Policy({Label.ORGANISATION: Treatment(treatment)})
    examination = Examination(page.text, (found,), ())
    ((_, known),) = page.examined(examination, policy.shown)
    unknown = replace(page, leaves=(), passages=(replace(page.passages[0], leaf=every[0]),))
    hidden = {i for f in known.findings if f.label != "ORGANISATION" for i in range(f.start, f.end)}
    for _, left, right in unknown._within(start, end):
        told = (i for i in range(left, right) if known.text[i].isalnum())
        assert hidden.issuperset(told)


def test_a_known_string_in_which_its_own_kind_is_found_is_made_wider_as_a_whole():
    page = Page.of(labelled(leaves({"a": "Clinique Odile"}), {"/a": Label.ORGANISATION}))
    part = Finding(page.text.index("Odile"), len(page.text) - 2, "ORGANISATION", "drawn", 0.9)
    found = Examination(page.text, (part,), ())
    ((_, known),) = page.examined(found, frozenset({Label.ORGANISATION}))
    assert [(f.start, f.end, f.rule) for f in known.findings] == [(0, 14, "caller")]


async def test_a_name_that_the_caller_knows_is_masked_by_its_words_where_they_are_names(anonymizer):
    said = {"x": "zorgluv brumeval", "notes": "on a vu la brumeval, Brumeval"}
    made = (await masked(anonymizer, "values", said, labels={"/x": "PERSON"})).json()["value"]
    assert made["notes"] == "on a vu la brumeval, [PERSONNE_1b]"


@pytest.mark.parametrize(
    "pointer", ["/nowhere", "/beneficiary/age", "/beneficiary", "beneficiary/last_name"]
)
async def test_a_label_that_names_no_string_is_refused(anonymizer, pointer):
    answer = await masked(anonymizer, "values", FORM, labels={pointer: "PERSON"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "labels" in answer.json()["detail"]


async def test_a_conversation_is_masked_where_people_wrote_and_comes_back(anonymizer):
    answer = await masked(anonymizer, "messages", CHAT)
    assert answer.status_code == 200, answer.text
    made = answer.json()["messages"]
    text = json.dumps(made, ensure_ascii=False)
    for secret in ("Odile", "Perrichon", "06 39", "Limoges", "odile."):
        assert secret not in text
    call = made[2]["tool_calls"][0]
    assert (call["id"], call["type"], call["function"]["name"]) == (
        "call_1",
        "function",
        "find_offers",
    )
    arguments = json.loads(call["function"]["arguments"])
    assert list(arguments) == ["ville", "nom", "rayon"]
    assert arguments["rayon"] == 20
    assert [m["role"] for m in made] == [m["role"] for m in CHAT]
    assert (await anonymizer.restore(made)) == {"value": CHAT, "unknown": []}


async def test_a_member_that_nobody_knows_is_masked_like_any_text(anonymizer):
    said = [{"role": "user", "content": "Bonjour", "metadata": {"note": "Mme Odile Perrichon"}}]
    made = (await masked(anonymizer, "messages", said)).json()["messages"]
    assert made[0]["metadata"]["note"] == "Mme [FEMME_1]"


async def test_arguments_that_are_no_json_are_masked_like_any_text(anonymizer):
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "f", "arguments": "{nom: Mme Odile Perrichon"},
    }
    made = (
        await masked(anonymizer, "messages", [{"role": "assistant", "tool_calls": [call]}])
    ).json()
    assert "Perrichon" not in json.dumps(made)


@pytest.mark.parametrize(
    "message",
    [
        {"role": "Mme Odile Perrichon", "content": "x"}, {"content": "x"},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
        {"role": "tool", "tool_call_id": "Odile Perrichon", "content": "x"},
        {"role": "tool", "name": "Odile Perrichon", "content": "x"},
        {"role": "tool", "name": "Jean.Dupont", "content": "x"}, {"role": "tool", "name": "JeanDupont", "content": "x"},
        {"role": "tool", "tool_call_id": "jean_dupont", "content": "x"}, {"role": "tool", "tool_call_id": "0612345678", "content": "x"},
        {"role": "tool", "tool_call_id": "06-12-34-56-78", "content": "x"}, {"role": "tool", "tool_call_id": 185057800608436, "content": "x"},
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": {"name": "à Limoges", "arguments": "{}"}}]},
    ],
)  # fmt: skip
async def test_what_could_hide_somebody_in_the_protocol_is_refused(anonymizer, message):
    answer = await masked(anonymizer, "messages", [message])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "Perrichon" not in answer.text


async def test_offences_and_policies_are_as_for_texts(anonymizer):
    answer = await masked(anonymizer, "values", {"a": "Bonjour", "b": "Il sort de prison."})
    assert (answer.status_code, answer.json()["code"]) == (422, "criminal_data_blocked")
    made = (
        await masked(
            anonymizer, "values", ["âge : 43 ans", "RQTH depuis 2021"], policy={"AGE": "generalise"}
        )
    ).json()
    assert made["value"] == ["âge : [entre 40 et 49 ans]", "[mention retirée]"]
    assert made["special_categories"] == [
        {"pointer": "/1", "category": "health", "action": "removed"}
    ]


@pytest.mark.parametrize(
    ("form", "value", "status", "code"),
    [
        ("values", ["a" * 150_000, "b" * 60_000], 413, "too_large"),
        ("messages", [{"role": "user", "content": "a" * 210_000}], 413, "too_large"),
        ("values", json.loads("[" * 70 + "]" * 70), 422, "invalid_request"),
    ],
    ids=["a value", "a conversation", "too deep"],
)
async def test_too_much_is_refused_and_nothing_stored(anonymizer, form, value, status, code):
    answer = await masked(anonymizer, form, value)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"]
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        assert (await session.execute(sql("select * from vault_entries"))).all() == []


async def test_a_text_over_the_limit_is_refused_and_nothing_stored(anonymizer):
    answer = await anonymizer.pseudonymise("Mme Odile Perrichon", "x" * 200_001)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.json()["errors"] == [{"at": "body.texts.1.text", "why": "string_too_long"}]
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        assert (await session.execute(sql("select * from vault_entries"))).all() == []


async def test_an_explanation_says_where_why_and_what_and_never_the_words(anonymizer):
    text = "Mme Odile Perrichon, 43 ans, tél. 06 39 98 11 22."
    plain = (await anonymizer.pseudonymise(text)).json()
    assert plain["explanations"] is None
    made = (await anonymizer.pseudonymise(text, explain=True, policy={"AGE": "keep"})).json()
    spans = {span["label"]: span for span in made["explanations"]}
    assert set(spans) == {"PERSON", "AGE", "PHONE"}
    assert text[spans["PHONE"]["start"] : spans["PHONE"]["end"]] == "06 39 98 11 22"
    assert spans["PHONE"]["rule"].startswith("fr_phone")
    assert spans["PHONE"]["score"] > 0.5
    assert spans["AGE"]["treatment"] == "keep"
    assert spans["PHONE"]["treatment"] == "surrogate"
    assert all(span["text_id"] == "0" for span in spans.values())
    assert "Perrichon" not in json.dumps(made["explanations"])


async def test_an_explanation_of_a_value_has_the_offsets_of_each_string(anonymizer):
    said = {"a": "Bonjour", "b": {"tel": "06 39 98 11 22"}}
    made = (await masked(anonymizer, "values", said, explain=True)).json()
    (span,) = made["explanations"]
    assert (span["pointer"], span["start"], span["end"], span["label"]) == (
        "/b/tel",
        0,
        14,
        "PHONE",
    )
