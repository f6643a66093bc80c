"""A quote is a proof when it stands in the inputs word for word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.attempts.evidence import proved, sources
from llm_router.catalogue.service import UseCases

CV = (
    "[PERSONNE_1]\nAssistante de gestion chez [ORGANISATION_1], [LIEU_1]\n"
    "Suivi des factures fournisseurs et clients.\n"
    "Préparation des éléments variables de paie pour 34 salariés.\n"
)
SCHEMA = {
    "properties": {
        "cv": {"x-quotable": True},
        "materials": {"x-quotable": ["text"]},
        "candidates": {},
    }
}


def prove(*quotes, **inputs):
    claim = {"text": "x", "evidence": [{"quote": q} for q in quotes]}
    return proved({"claims": [claim]}, sources(inputs or {"cv": CV}, SCHEMA)).output["claims"][0]


def test_a_verbatim_quote_gets_its_place():
    claim = prove("Suivi des factures")
    start = CV.index("Suivi des factures")
    assert claim["evidence"] == [
        {
            "kind": "span",
            "source": "cv",
            "pointer": "",
            "start": start,
            "end": start + 18,
            "quote": "Suivi des factures",
        }
    ]
    assert claim["hypothesis"] is False


FOUND = {
    "white space folded": ("Suivi  des\nfactures", "Suivi des factures"),
    "across a line end": (
        "fournisseurs et clients. Préparation",
        "fournisseurs et clients.\nPréparation",
    ),
    "surrogates as they are": (
        "chez [ORGANISATION_1], [LIEU_1]",
        "chez [ORGANISATION_1], [LIEU_1]",
    ),
    "space around": ("  34 salariés ", "34 salariés"),
}


@pytest.mark.parametrize(("quote", "original"), FOUND.values(), ids=FOUND.keys())
def test_what_is_found_is_shown_as_the_input_has_it(quote, original):
    assert [e["quote"] for e in prove(quote)["evidence"]] == [original]


def test_retyped_apostrophes_do_not_hide_a_quote():
    assert prove("l'accueil", cv="Chargée de l’accueil")["evidence"][0]["quote"] == "l’accueil"


def test_a_quote_of_disarmed_text_finds_the_text_as_it_came():
    assert prove("‹b›gras‹/b›", cv="du <b>gras</b> ici")["evidence"][0]["quote"] == "<b>gras</b>"


NOT_FOUND = {
    "invented": "A dirigé une équipe de 12 personnes",
    "a mangled surrogate": "chez [organisation 1]",
    "another case": "SUIVI DES FACTURES",
    "part of a word": "actures fournisseurs",
    "two places sewn together": "Suivi des factures … rapprochements bancaires",
    "nothing": "",
    "too short to prove anything": "de",
}


@pytest.mark.parametrize("quote", NOT_FOUND.values(), ids=NOT_FOUND.keys())
def test_what_is_not_there_is_a_hypothesis(quote):
    claim = prove(quote)
    assert claim["evidence"] == []
    assert claim["hypothesis"] is True


def test_a_false_quote_beside_a_true_one_is_left_out():
    assert len(prove("Suivi des factures", "inventé de toutes pièces")["evidence"]) == 1


def test_a_model_cannot_declare_itself_proved():
    answer = {"claims": [{"text": "x", "evidence": [], "hypothesis": False}]}
    assert proved(answer, []).output["claims"][0]["hypothesis"] is True


def test_quotes_from_json_inputs_say_where_and_only_from_texts_that_may_be_quoted():
    inputs = {
        "materials": [{"key": "path", "text": "A tenu la caisse."}],
        "candidates": [{"label": "Boulanger"}],
    }
    assert prove("tenu la caisse", **inputs)["evidence"][0] == {
        "kind": "span",
        "source": "materials",
        "pointer": "/0/text",
        "start": 2,
        "end": 16,
        "quote": "tenu la caisse",
    }
    assert prove("path", "Boulanger", **inputs)["hypothesis"] is True


def test_coverage_is_the_share_of_claims_with_a_proof():
    claims = [
        {"evidence": [{"quote": "34 salariés"}]},
        {"evidence": []},
        {"evidence": [{"quote": "faux"}]},
    ]
    result = proved({"claims": claims}, sources({"cv": CV}, SCHEMA))
    assert (result.claims, result.unproved, result.coverage) == (3, 2, 33)
    assert proved({"open_questions": []}, []).coverage is None


@given(st.text(max_size=200), st.text(max_size=30))
def test_whatever_is_quoted_the_place_holds_the_quote(text, quote):
    for evidence in prove(quote, cv=text)["evidence"]:
        assert text[evidence["start"] : evidence["end"]] == evidence["quote"]


@given(st.text(alphabet="abé ’\n\t[]_1<{", min_size=12, max_size=80))
def test_every_whole_text_proves_itself(text):
    if len(" ".join(text.split())) >= 3:
        assert prove(text, cv=f"avant\n{text}\naprès")["hypothesis"] is False


def test_every_assisted_use_case_has_something_to_quote():
    for use_case in UseCases.packaged().every():
        if use_case.assistance:
            members = use_case.assistance.inputs.document["properties"].values()
            assert any("x-quotable" in m for m in members)
