"""A text shows skills by words that can be pointed at; what is not held is never taken."""

from itertools import pairwise

import pytest

from labour_market.matching.clauses import Standing, pieces
from labour_market.matching.mentions import Skill, SkillIndex

SKILLS = [
    Skill("1", "rome3", "Suivre l'état des stocks", "know-how"),
    Skill("2", "rome3", "Réceptionner un produit", "know-how"),
    Skill("3", "rome3", "Langue étrangère - Anglais", "knowledge"),
    Skill("4", "rome3", "Outils bureautiques", "knowledge"),
    Skill("5", "rome3", "Préparer les commandes", "know-how"),
    Skill("6", "rome3", "Permis de conduire B", "knowledge"),
    Skill("7", "rome3", "Droit du travail", "knowledge"),
    Skill("8", "rome3", "Nettoyer des locaux", "know-how"),
]
INDEX = SkillIndex(SKILLS)


def codes(text):
    return {m.skill.code for m in INDEX.find(text)}


@pytest.mark.parametrize(
    ("text", "code", "how"),
    [
        ("Préparer les commandes.", "5", "lexicon"),
        ("préparation des commandes", "5", "nominalised"),
        ("Je nettoie les locaux", "8", "nominalised"),
        ("Droit du travail", "7", "verbatim"),
        ("Anglais courant", "3", "lexicon"),
        ("Maîtrise d'Excel", "4", "lexicon"),
        ("titulaire du permis B", "6", "lexicon"),
    ],
)
def test_a_skill_is_found_however_it_is_said(text, code, how):
    found = {m.skill.code: m.how for m in INDEX.find(text)}
    assert code in found
    assert found[code] in {how, "inflected", "verbatim", "lexicon"}


def test_the_words_that_show_a_skill_are_pointed_at():
    text = "De 2015 à 2019 : préparation des commandes, anglais."
    (order, english) = INDEX.find(text)
    assert text[order.start : order.end] == "préparation des commandes"
    assert text[english.start : english.end] == "anglais"


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("Je n'ai jamais fait de préparation de commandes.", Standing.NEGATED),
        ("Pas de permis B.", Standing.NEGATED),
        ("Je ne parle pas anglais.", Standing.NEGATED),
        ("J'aimerais apprendre l'anglais.", Standing.WISH),
        ("Envie de préparer les commandes un jour.", Standing.WISH),
        ("La préparation des commandes, c'est le collègue.", Standing.OTHER_PERSON),
        ("Mon permis B est périmé.", Standing.PAST),
        ("Loisirs : droit du travail, anglais.", Standing.INTEREST),
    ],
)
def test_what_is_denied_wished_lost_or_anothers_is_not_held(text, standing):
    assert codes(text) == set()
    assert standing in {piece.standing for piece in pieces(text)}


def test_a_denial_does_not_reach_the_next_clause():
    assert codes("Je ne conduis pas, mais préparation des commandes et anglais.") >= {"5"}


def test_mentions_never_overlap():
    text = "Préparation des commandes et suivi de l'état des stocks, réception des produits, Excel"
    spans = [(m.start, m.end) for m in INDEX.find(text)]
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


def test_the_same_text_gives_the_same_answer():
    text = "Anglais, Excel, permis B ; préparation des commandes ; nettoyage de locaux"
    assert INDEX.find(text) == SkillIndex(SKILLS).find(text)
