"""A title finds its occupation whatever its gender, spelling or abbreviation, or we abstain."""

import pytest

from labour_market.matching.titles import Title, TitleIndex, plain, variants

NAMES = [
    Title("N1101", "Cariste", principal=True),
    Title("N4101", "Conducteur / Conductrice de poids lourd", principal=True),
    Title("M1855", "Développeur / Développeuse web", principal=True),
    Title("M1203", "Comptable", principal=True),
    Title("M1501", "Assistant / Assistante Ressources Humaines (RH)", principal=True),
    Title("K2205", "Agent / Agente de propreté de locaux", principal=True),
    Title("D1106", "Vendeur / Vendeuse en boulangerie"),
    Title("D1214", "Vendeur / Vendeuse en boulangerie"),
]
INDEX = TitleIndex(NAMES, {t.code: t.label for t in NAMES})


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("CARISTE (H/F)", "N1101"),
        ("conductrice poids lourd", "N4101"),
        ("chauffeur PL", "N4101"),
        ("Développeur·se web", "M1855"),
        ("dév web junior CDI", "M1855"),
        ("comptabel", "M1203"),
        ("assistante RH", "M1501"),
        ("technicienne de surface", "K2205"),
        ("Comptable chez [ORGANISATION_1]", "M1203"),
    ],
)
def test_a_title_as_people_write_it_finds_its_occupation(title, code):
    assert INDEX.read(title).candidates[0].code == code


@pytest.mark.parametrize("title", ["demandeur d'emploi", "étudiante", "RSA", "", "12", "zzz qqq"])
def test_what_names_no_occupation_gets_no_answer(title):
    assert INDEX.read(title).abstained


def test_both_genders_read_the_same():
    for one, other in (("vendeur", "vendeuse"), ("développeur web", "développeuse web")):
        assert INDEX.read(one).candidates == INDEX.read(other).candidates


def test_two_exact_answers_share_the_certainty():
    first, second = INDEX.read("vendeuse en boulangerie").candidates[:2]
    assert first.probability == second.probability < 0.5


def test_probabilities_never_rise_along_the_list():
    for title in ("vendeur", "assistant", "agent de propreté", "conducteur"):
        chances = [c.probability for c in INDEX.read(title).candidates]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1.001


def test_an_official_label_is_read_in_both_genders_and_by_its_acronym():
    assert variants("Directeur / Directrice des Ressources Humaines (DRH)") == [
        "Directeur des Ressources Humaines",
        "Directrice des Ressources Humaines",
        "DRH",
    ]


def test_contract_rank_and_gender_marks_are_not_the_work():
    assert plain("Serveur/se confirmé(e) H/F - CDD") == "serveur"
