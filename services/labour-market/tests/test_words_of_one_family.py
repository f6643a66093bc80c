"""Words meet by family: gender, number, and a verb with its noun."""

import pytest

from labour_market.matching.morphology import fold, stem, tokens

FAMILIES = [
    ("vendeur", "vendeuse"), ("conducteur", "conductrice"), ("infirmier", "infirmière"),
    ("technicien", "technicienne"), ("boulanger", "boulangère"), ("assistant", "assistante"),
    ("gérer", "gestion"), ("entretenir", "entretien"), ("conduire", "conduite"),
    ("préparer", "préparation"), ("nettoyer", "nettoyage"), ("livrer", "livraison"),
    ("accueillir", "accueil"), ("suivre", "suivi"), ("stocks", "stock"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), FAMILIES, ids=lambda w: w)
def test_two_words_of_a_family_have_one_stem(one, other):
    assert stem(fold(one)) == stem(fold(other))


@pytest.mark.parametrize(
    ("one", "other"), [("secrétaire", "secteur"), ("cuisine", "cuir"), ("maçon", "machine")]
)
def test_words_that_only_look_alike_stay_apart(one, other):
    assert stem(fold(one)) != stem(fold(other))


def test_offsets_point_into_the_text_as_it_was_written():
    text = "Géré l’œnothèque, été compris"
    assert [text[t.start : t.end] for t in tokens(text)] == [
        "Géré",
        "l",
        "œnothèque",
        "été",
        "compris",
    ]
