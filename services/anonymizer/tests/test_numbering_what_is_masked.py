"""One number for one person or thing, a letter for each further way of writing it."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.people import Gender
from anonymizer.surrogates.rules import MOST_FORMS, Masked, Secret, SurrogateType, letters, plan

PERSON, PLACE = SurrogateType.PERSON, SurrogateType.LOCATION


def people(*names: str) -> list[str]:
    secrets = [Secret(PERSON, name) for name in names]
    issued = Numbering({}).issue(secrets)
    return [str(issued[secret]) for secret in secrets]


@pytest.mark.parametrize(
    "form",
    ["Le Goff", "Jeanne", "LE GOFF Jeanne", "J. Le Goff", "Jeanne L.", "J. L. G.", "JG", "jeanne le goff",
     "Jeanne  Le\nGoff"],
)  # fmt: skip
def test_the_parts_of_a_name_have_the_number_of_the_whole(form):
    assert people("Jeanne Le Goff", form) == ["[FEMME_1]", "[FEMME_1b]"]


def test_the_fullest_name_has_no_letter_wherever_it_stands():
    assert people("Goff", "M. Petit", "Jeanne Le Goff") == [
        "[FEMME_1b]",
        "[PERSONNE_2]",
        "[FEMME_1]",
    ]


def test_two_people_of_one_surname_are_two_and_the_surname_alone_is_nobodys_guess():
    assert people("Jeanne Roux", "Paul Roux", "Roux") == ["[FEMME_1]", "[HOMME_2]", "[PERSONNE_3]"]


def test_a_title_says_whose_surname_it_is():
    text = "Jeanne Roux et Paul Roux. Mme Roux est venue."
    masked = [Masked(0, 11, "PERSON"), Masked(15, 24, "PERSON"), Masked(30, 34, "PERSON")]
    cut = plan(text, masked)
    said = cut.render(Numbering({}).issue(cut.secrets).__getitem__)
    assert said == "[FEMME_1] et [HOMME_2]. Mme [FEMME_1b] est venue."


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Camille Roux", "PERSONNE"),
        ("Roux", "PERSONNE"),
        ("ROUX Karima", "FEMME"),
        ("Mamadou Roux", "HOMME"),
    ],
)
def test_a_given_name_says_the_gender_where_it_is_clear(name, word):
    assert people(name) == [f"[{word}_1]"]


def test_a_title_says_the_gender_where_the_name_does_not():
    for text, word in (("Mme Roux", "FEMME"), ("Monsieur\nRoux", "HOMME"), ("Dr Roux", "PERSONNE")):
        cut = plan(text, [Masked(len(text) - 4, len(text), "PERSON")])
        assert f"[{word}_1]" in cut.render(Numbering({}).issue(cut.secrets).__getitem__)


def test_places_written_otherwise_are_one_place():
    names = ("Saint-Étienne", "SAINT-ETIENNE", "Lyon")
    secrets = [Secret(PLACE, name) for name in names]
    issued = Numbering({}).issue(secrets)
    assert [str(issued[s]) for s in secrets] == ["[LIEU_1]", "[LIEU_1b]", "[LIEU_2]"]


def test_what_was_issued_never_changes_and_later_texts_add_to_it():
    first = Numbering({})
    issued = first.issue([Secret(PERSON, "Roux"), Secret(PLACE, "Lyon")])
    later = Numbering(issued)
    new = later.issue(
        [Secret(PERSON, "Jeanne Roux"), Secret(PLACE, "LYON"), Secret(PERSON, "Roux")]
    )
    assert {str(s): secret.value for secret, s in new.items()} == {
        "[FEMME_1b]": "Jeanne Roux",
        "[LIEU_1b]": "LYON",
    }
    assert str(later[Secret(PERSON, "Roux")]) == "[PERSONNE_1]"


def test_letters_never_repeat():
    written = [letters(form) for form in range(MOST_FORMS)]
    assert (written[:3], written[25:28], written[-1]) == (["", "b", "c"], ["z", "aa", "ab"], "zz")
    assert len(set(written)) == MOST_FORMS


def test_a_thing_that_is_written_in_too_many_ways_goes_on_under_the_next_number():
    secrets = [Secret(PLACE, "Lyon" + " " * n) for n in range(2 * MOST_FORMS + 1)]
    issued = Numbering({}).issue(secrets)
    assert [issued[secrets[n]].name for n in (0, MOST_FORMS - 1, MOST_FORMS, -1)] == [
        "LIEU_1",
        "LIEU_1zz",
        "LIEU_2",
        "LIEU_3",
    ]


_NAMES = st.lists(
    st.lists(st.sampled_from(["Jeanne", "Paul", "J.", "P.", "Roux", "ROUX", "Le", "Goff", "JR", "-"]), max_size=4)
    .map(" ".join),
    max_size=12,
)  # fmt: skip


@given(_NAMES, _NAMES)
def test_every_form_has_a_surrogate_of_its_own_in_whatever_order_they_come(one, two):
    numbering = Numbering({})
    issued = numbering.issue(Secret(PERSON, name) for name in one)
    reopened = Numbering(issued)
    issued = issued | reopened.issue(Secret(PERSON, name, Gender.FEMININE) for name in two)
    assert {secret.value for secret in issued} == {*one, *two}
    assert len({surrogate.name for surrogate in issued.values()}) == len(issued)


def test_ten_thousand_names_are_numbered_in_seconds():
    names = [Secret(PERSON, f"{a} Roux{b}") for a in ("Jeanne", "Paul", "J.") for b in range(3400)]
    begun = time.perf_counter()
    Numbering({}).issue([*names, *(Secret(PERSON, f"Jeanne R{n}") for n in range(500))])
    assert time.perf_counter() - begun < 5
