"""What was masked comes back byte for byte, also in a stream that is cut anywhere."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.restoration.grammar import HELD, MAX_FORM, TOKEN, TYPES
from anonymizer.restoration.rules import Context, Restorer, restore, restore_value
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.rules import Masked, SurrogateType, plan

_FRAGMENTS = st.sampled_from(
    ["[", "]", "\\", "\\[", "{", "<", "&#91;", "PERSONNE", "personne_1", "_", "-", " ", "1", "12",
     "[PERSONNE_1]", "[FEMME_1b]", "b", "Age_2", "ORGANISATION 3", "é", "\n", "Martin", "\\_", "TÉLÉPHONE_1]", "🙂",
     "\r\n", "0", "__", "_PERSONNE_1_", "［", "］", "%5B", "%5D", "%5BPERSONNE_1%5D", "\\u005d", " n°", "[FEMME_1 b]", "[PERSONNE_\n12]", "\ud83d", "\ude42",
     "phone number_1", "e\u0301"]
)  # fmt: skip
_TEXTS = st.lists(_FRAGMENTS | st.text(max_size=4), max_size=14).map("".join)
_LABELS = st.sampled_from([kind.name for kind in SurrogateType])


@st.composite
def _masked_texts(draw: st.DrawFn) -> tuple[str, list[Masked]]:
    text = draw(_TEXTS)
    cuts = sorted(set(draw(st.lists(st.integers(0, len(text)), max_size=8))))
    spans = zip(cuts[::2], cuts[1::2], strict=False)
    return text, [Masked(start, end, draw(_LABELS)) for start, end in spans]


def _pseudonymised(text: str, masked: list[Masked]) -> tuple[str, dict[str, str]]:
    planned = plan(text, masked)
    issued = Numbering({}).issue(planned.secrets)
    originals = {surrogate.name: secret.value for secret, surrogate in issued.items()}
    assert len(originals) == len(issued)
    return planned.render(issued.__getitem__), originals


@given(_masked_texts())
@settings(max_examples=2000, deadline=None)
def test_restoring_a_pseudonymised_text_gives_the_text_itself(example):
    text, masked = example
    pseudonymised, originals = _pseudonymised(text, masked)
    assert restore(pseudonymised, originals)[0] == text


@given(_TEXTS, st.data())
@settings(max_examples=600, deadline=None)
def test_a_stream_restores_to_the_same_text_wherever_it_is_cut(text, data):
    originals = {"PERSONNE_1": "Zoé [PERSONNE_2]", "PERSONNE_12": 'A "b"', "AGE_2": "31 ans"}
    context = data.draw(st.sampled_from(list(Context)))
    whole = Restorer(originals, context)
    expected = whole.feed(text) + whole.finish()
    for cut in range(len(text) + 1):
        stream = Restorer(originals, context)
        restored = stream.feed(text[:cut]) + stream.feed(text[cut:]) + stream.finish()
        assert restored == expected
    letters = Restorer(originals, context)
    assert "".join(map(letters.feed, text)) + letters.finish() == expected
    assert letters.unknown.keys() == whole.unknown.keys()


@given(_TEXTS)
@settings(max_examples=300, deadline=None)
def test_a_stream_holds_back_at_most_64_characters(text):
    stream, arrived, left = Restorer({}), 0, 0
    for character in text:
        arrived, left = arrived + 1, left + len(stream.feed(character))
        assert arrived - left <= MAX_FORM


@pytest.mark.parametrize(
    "mangled",
    [
        "[PERSONNE_1]", "[personne_1]", "[Personne 1]", "[ PERSONNE_1 ]", "PERSONNE_1",
        "Personne 1", "personne_1", "[PERSONNE-1]", "\\[PERSONNE\\_1\\]", "[PERSONNE\\_1]",
        "&#91;PERSONNE_1&#93;", "<PERSONNE_1>", "{PERSONNE_1}", "[PERSONNE1]", "PERSONNE\\_1",
        "[PERSONNE_1", "PERSONNE_1]", "[FEMME_1]", "[Femme 1]", "[PERSON_1]", "[WOMAN_1]", "FEMME_1",
        "[PERSONNES_1]", "[femmes_1]",
    ],
)  # fmt: skip
def test_a_surrogate_that_a_model_mangled_is_restored(mangled):
    assert restore(f"Oui, {mangled}, bien.", {"PERSONNE_1": "Zoé"})[0] == "Oui, Zoé, bien."


@pytest.mark.parametrize("mangled", ["[FEMME_1b]", "[Femme_1B]", "[PERSONNE_1b]", "FEMME_1b"])
def test_each_way_of_writing_a_name_comes_back_as_it_was_written(mangled):
    originals = {"PERSONNE_1": "Zoé Petit", "PERSONNE_1b": "Zoé"}
    assert restore(f"Oui, {mangled}, bien.", originals)[0] == "Oui, Zoé, bien."


def test_accents_do_not_hide_a_surrogate():
    assert restore("au [Téléphone_3]", {"TELEPHONE_3": "06"})[0] == "au 06"


@pytest.mark.parametrize(
    "text",
    ["une femme - 1 enfant", "Homme – 2 ans d'ancienneté", "{age: 2}", '{"age": 2}', "[personnes : 2]", "<personne: 1>",
     "PERSONNE_1_2", "PERSONNE_1__b2", "PERSONNE_123", "PERSONNE_10", "XPERSONNE_1", "[PERSONNE_10]", "[PERSONNE_1z]"],
)  # fmt: skip
def test_what_may_mean_something_else_is_left_as_it_is(text):
    assert restore(text, {"PERSONNE_1": "x", "PERSONNE_2": "y", "AGE_2": "z"})[0] == text


@pytest.mark.parametrize("pattern", [TOKEN, HELD], ids=["whole", "unfinished"])
def test_no_form_is_longer_than_what_a_stream_holds_back(pattern):
    _, longest = re._parser.parse(pattern.pattern, re.IGNORECASE).getwidth()
    assert longest <= MAX_FORM


def test_what_nobody_issued_stays_and_is_reported():
    restored, unknown = restore("[PERSONNE_9] et [AGE_1]", {"AGE_1": "31 ans"})
    assert restored == "[PERSONNE_9] et 31 ans"
    assert unknown == ["[PERSONNE_9]"]


def test_ordinary_french_is_no_surrogate():
    text = "une personne 1 fois, à l'âge de 25 ans, permis 2, le lieu 3, NIR 1850"
    assert restore(text, {f"{k}_{n}": "x" for k in SurrogateType for n in (1, 2, 3, 25)})[0] in (
        text,
        text.replace("personne 1", "x"),
    )


def test_every_string_of_a_json_value_is_restored():
    value = {"a": ["[AGE_1]", 3, None], "[AGE_1]": {"b": "x [AGE_1]"}}
    restored, unknown = restore_value(value, {"AGE_1": "31 ans"})
    assert restored == {"a": ["31 ans", 3, None], "[AGE_1]": {"b": "x 31 ans"}}
    assert unknown == []


def test_in_json_an_original_is_escaped():
    stream = Restorer({"PERSONNE_1": 'Zoé "Zo"\nM.'}, Context.JSON)
    written = stream.feed('{"who": "[PERSONNE_1]"}') + stream.finish()
    assert json.loads(written) == {"who": 'Zoé "Zo"\nM.'}


@pytest.mark.parametrize(
    "text",
    ["%5BPERSONNE_1%5DLIEU_1 Zoé", "\\u005bPERSONNE_1\\u005dLIEU_1 Zoé", "_PERSONNE_1_TÉLÉPHONE_1] Zoé",
     "%5BLIEU_1%5D_PERSONNE_1_LIEU_1] Zoé"],
)  # fmt: skip
def test_what_looks_like_a_surrogate_only_beside_one_is_neutralised_too(text):
    masked = [Masked(len(text) - 3, len(text), label) for label in ("PERSON", "LOCATION")]
    for one in masked:
        pseudonymised, originals = _pseudonymised(text, [one])
        assert restore(pseudonymised, originals)[0] == text


def test_forged_surrogates_in_the_input_are_neutralised():
    pseudonymised, originals = _pseudonymised(
        "[PERSONNE_1] parle à Zoé", [Masked(21, 24, "PERSON")]
    )
    assert "[PERSONNE_1]" not in pseudonymised
    assert originals["IDENTIFIANT_1"] == "[PERSONNE_1]"
    assert "[FEMME_1]" in pseudonymised


def test_the_grammar_knows_every_type_of_surrogate():
    assert set(TYPES) == set(SurrogateType)
