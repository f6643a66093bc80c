"""An age becomes a band of ten years, a place its département, an organisation its sector."""

from datetime import date

import pytest

from anonymizer.detection.gazetteer import gazetteer
from anonymizer.surrogates.ages import band_of_age, band_of_birth
from anonymizer.surrogates.departements import departement_of_address, departement_of_place
from anonymizer.surrogates.numbers import number_said
from anonymizer.surrogates.sectors import sector

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    "written",
    ["12/03/1981", "12.03.81", "12 - 3 - 1981", "12 | 03 | 1981", "1981-03-12", "1 er mars 1981", "1er mars 81",
     "12 mars 1981", "12 MARS\n1981", "mars 1981", "03/1981", "1981", "81", "12 août 1981", "3 févr. 1981",
     "le douze mars mille neuf cent quatre-vingt-un", "premier janvier dix-neuf cent quatre-vingts",
     "douze décembre quatre-vingt-un"],
)  # fmt: skip
def test_every_written_form_of_a_birth_date_gives_its_band(written):
    assert band_of_birth(written, TODAY) == "entre 40 et 49 ans"


@pytest.mark.parametrize(
    "written",
    [
        "31/02/1981",
        "12/13/1981",
        "2030-01-01",
        "1802",
        "le jour du marché",
        "mars",
        "12 mars",
        "",
        "20 mars 20",
        "né",
    ],
)
def test_what_cannot_be_a_birth_date_is_not_guessed(written):
    assert band_of_birth(written, TODAY) is None


@pytest.mark.parametrize(
    ("born", "band"),
    [
        ("24/11/1986", "entre 30 et 39 ans"), ("23/11/1986", "entre 40 et 49 ans"),
        ("24/11/2008", "moins de 18 ans"), ("23/11/2008", "entre 18 et 29 ans"),
        ("24/11/1956", "entre 60 et 69 ans"), ("23/11/1956", "70 ans ou plus"),
        ("12/03/05", "entre 18 et 29 ans"), ("29/02/1984", "entre 40 et 49 ans"),
    ],
)  # fmt: skip
def test_the_day_of_the_birthday_decides(born, band):
    assert band_of_birth(born, TODAY) == band


@pytest.mark.parametrize(
    ("written", "band"),
    [
        ("43 ans", "entre 40 et 49 ans"), ("43", "entre 40 et 49 ans"), ("52 a.", "entre 50 et 59 ans"),
        ("quarante-trois ans", "entre 40 et 49 ans"), ("soixante et onze ans", "70 ans ou plus"),
        ("QUATRE-VINGT-UN ANS", "70 ans ou plus"), ("nonante ans", "70 ans ou plus"),
        ("17 ans", "moins de 18 ans"), ("18 ans", "entre 18 et 29 ans"), ("29 ans", "entre 18 et 29 ans"),
        ("69 ans", "entre 60 et 69 ans"), ("199 ans", None), ("l'âge mûr", None), ("ans", None),
    ],
)  # fmt: skip
def test_an_age_gives_its_band(written, band):
    assert band_of_age(written) == band


def test_every_number_below_a_hundred_is_read_in_words():
    said = {
        "vingt et un": 21,
        "soixante-dix-sept": 77,
        "quatre-vingts": 80,
        "quatre-vingt-dix-neuf": 99,
    }
    said |= {"septante-deux": 72, "huitante et un": 81, "octante": 80, "seize": 16, "une": 1}
    said |= {"mil neuf cent soixante": 1960, "dix-neuf cent quatre": 1904, "deux mille trois": 2003}
    assert {words: number_said(words) for words in said} == said
    for words in ("douze trois", "cent mille cent cent", "et", "", "vingt vingt", "Martin"):
        assert number_said(words) is None


@pytest.mark.parametrize(
    ("place", "departement"),
    [
        ("Brest", "Finistère"), ("BREST", "Finistère"), ("29200 Brest", "Finistère"), ("Paris 15e", "Paris"),
        ("Lyon 3ème arrondissement", "Rhône"), ("St-Malo", "Ille-et-Vilaine"), ("Le Havre", "Seine-Maritime"),
        ("Rennes Cedex 7", "Ille-et-Vilaine"), ("Fort-de-France", "Martinique"), ("Finistère", "Finistère"),
        ("20200 Bastia", "Haute-Corse"), ("20000 Ajaccio", "Corse-du-Sud"), ("97400 Saint-Denis", "La Réunion"),
        ("97133 Gustavia", "Saint-Barthélemy"), ("98800 Nouméa", "Nouvelle-Calédonie"),
        ("01200 Bellegarde", None), ("Saint-Denis", None), ("Vienne", None), ("Trifouillis", None), ("Londres", None),
        ("Berne", None), ("VENISE", None), ("Liège", None), ("Le Caire", None), ("Rome", None), ("Milan", None),
        ("Barcelone", None), ("Tunis", None), ("Oran", None), ("Florence", None), ("Laval", "Mayenne"),
        ("56240 Berne", "Morbihan"),
    ],
)  # fmt: skip
def test_a_place_gives_its_departement_or_nothing(place, departement):
    assert departement_of_place(place, 0, len(place)) == departement


@pytest.mark.parametrize(
    ("text", "departement"),
    [("93200 Saint-Denis", "Seine-Saint-Denis"), ("à Saint-Denis (974)", "La Réunion"),
     ("à Saint-Denis 97400", "La Réunion"), ("à Saint-Denis (2026)", None), ("12 500 Saint-Denis", None)],
)  # fmt: skip
def test_the_code_beside_a_place_tells_which_one_is_meant(text, departement):
    start = text.index("Saint-Denis")
    assert departement_of_place(text, start, start + len("Saint-Denis")) == departement


@pytest.mark.parametrize(
    ("address", "departement"),
    [("3 rue du Pont, 35000 Rennes", "Ille-et-Vilaine"), ("8 allée des Ifs\n29 000 Quimper", "Finistère"),
     ("8 allée des Ifs, Quimper", "Finistère"), ("CS 12345, 44000 Nantes", "Loire-Atlantique"),
     ("12 rue de la Paix, Bruges", None), ("12 rue de la Paix, 33520 Bruges", "Gironde"),
     ("12 rue de Paris", None), ("12 rue de Paris, 99999 Nulle-Part", None)],
)  # fmt: skip
def test_an_address_gives_the_departement_of_its_town_and_never_of_its_street(address, departement):
    assert departement_of_address(address) == departement


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Lycée Jean-Moulin", "établissement scolaire"), ("CHU de Nantes", "établissement de santé"),
        ("Clinique des Ormeaux", "établissement de santé"), ("EHPAD Les Tilleuls", "établissement médico-social"),
        ("Mairie de Brest", "collectivité"), ("Garage Bretel", "garage automobile"), ("GRETA du Finistère", "organisme de formation"),
        ("Association Les Amis", "association"), ("Menuiserie Valdor", "entreprise du bâtiment"), ("Dupont SARL", "entreprise"),
        ("Hôtel de Ville", "collectivité"), ("Hôtel-de-Ville de Brest", "collectivité"), ("Hôtel-Dieu", "établissement de santé"),
        ("Hôtel de la Plage", "hôtel ou restaurant"), ("Bar-le-Duc Habitat", "entreprise"), ("Bar du Port", "hôtel ou restaurant"),
        ("Les Restaurants du Cœur", "association"), ("Croix-Rouge", "association"), ("Château-Thierry Conseil", "entreprise"),
    ],
)  # fmt: skip
def test_an_organisation_gives_its_sector(name, said):
    assert sector(name) == said


def test_the_list_of_communes_says_their_departements():
    assert gazetteer().departements_of("La Rochelle") == ("17", "70")
    assert gazetteer().departements_of("Quimper") == ("29",)
    assert gazetteer().departements_of("Nulle-Part") == ()
