"""Statements of special categories are found by clause; trades, denials and figures are not."""

import pytest

from anonymizer.special.rules import Action, blocked, special_statements


@pytest.mark.parametrize(
    ("category", "statement"),
    [
        ("health", "RQTH depuis 2024"), ("health", "Il a fait une dépression l'an dernier"),
        ("health", "Je suis en arrêt maladie"), ("health", "Il a eu un cancer en 2019"),
        ("health", "Mon handicap ne se voit pas"), ("religion", "Je suis catholique pratiquante"),
        ("religion", "Elle porte le voile"), ("religion", "Il fait le ramadan"),
        ("ethnic_origin", "Nationalité portugaise"), ("ethnic_origin", "Elle est d'origine algérienne"),
        ("politics", "Il milite au parti socialiste"), ("union", "Il est délégué syndical CGT"),
        ("union", "Je suis syndiquée"), ("sexual_orientation", "Il est homosexuel"),
        ("criminal", "J'ai été condamné pour vol"), ("criminal", "Il est sous bracelet électronique"),
    ],
)  # fmt: skip
def test_a_statement_is_found(category, statement):
    text = f"Bonjour. {statement}. Je cherche un poste."
    (found,) = special_statements(text)
    assert found.category == category
    assert text[found.start : found.end] == statement


@pytest.mark.parametrize(
    "text",
    [
        "Infirmière en oncologie pendant dix ans", "Animatrice handicap au sein d'une association",
        "Accompagnement de personnes handicapées en ESAT", "Je n'ai aucun problème de santé",
        "Il n'est pas syndiqué", "Le handicap de ce secteur, c'est son image",
        "J'ai confiance en l'avenir et foi en mes capacités", "Soudeuse TIG confirmée", "Négociation avec les syndicats, gestion des relations sociales",
        "Nationalité française", "Arabe (courant), anglais technique", "Surveillant pénitentiaire à la maison d'arrêt",
        "Je vous prie d'agréer mes salutations", "Êtes-vous en situation de handicap ?", "Casier judiciaire vierge",
    ],
)  # fmt: skip
def test_a_near_miss_is_left_alone(text):
    assert special_statements(text) == []


def test_offences_block_and_the_rest_is_removed():
    assert blocked(special_statements("Il sort de prison."))
    (statement,) = special_statements("RQTH depuis 2024")
    assert statement.action is Action.REMOVED
