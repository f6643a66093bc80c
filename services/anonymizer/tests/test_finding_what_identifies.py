"""French identifying details are found in all the forms in which people write them."""

import re
import socket

import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from anonymizer.detection.engine import french_recognizers
from anonymizer.detection.rules import Finding, Hints, resolved


def _found(detector, text: str, hints: Hints | None = None) -> list[tuple[str, str]]:
    return [(f.label, text[f.start : f.end]) for f in detector.find(text, hints)]


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("PHONE", "06 12 34 56 78"), ("PHONE", "06.12.34.56.78"), ("PHONE", "+33 6 12 34 56 78"),
        ("PHONE", "+33 (0)6 12 34 56 78"), ("PHONE", "0033612345678"), ("PHONE", "0692 12 34 56"),
        ("PHONE", "+262 692 12 34 56"), ("PHONE", "+594 694 12 34 56"), ("PHONE", "06 12 34\n56 78"),
        ("PHONE", "zéro six douze trente-quatre cinquante-six soixante-dix-huit"),
        ("EMAIL", "zoe.martin@example.org"), ("EMAIL", "zoe.martin@\nexample.org"),
        ("EMAIL", "zoe point martin arobase example point org"),
        ("NIR", "2 85 07 59 350 123 44"), ("NIR", "285075935012344"),
        ("NIR", "1 85 11 2A 033 204 76"), ("IBAN", "FR76 3000 6000 0112 3456 7890 189"),
        ("ADDRESS", "12 bis rue du Moulin-Neuf, 35000 Rennes"), ("ADDRESS", "3, allée des Pins\n97400 Saint-Denis"),
        ("PLATE", "AB-123-CD"), ("URL", "https://www.linkedin.com/in/zoe-martin"), ("URL", "github.com/zmartin"),
    ],
)  # fmt: skip
def test_a_detail_is_found_whole(detector, label, written):
    assert (label, written) in _found(detector, f"Voici : {written} ; merci.")


@pytest.mark.parametrize(
    ("label", "text", "value"),
    [
        ("DATE_OF_BIRTH", "née le 14/02/1989 à Lyon", "14/02/1989"),
        ("DATE_OF_BIRTH", "Date de naissance : 3 mars 1975", "3 mars 1975"),
        ("AGE", "Il a 47 ans et deux enfants", "47 ans"),
        ("AGE", "j'ai quarante-deux ans", "quarante-deux ans"),
        ("DRIVING_LICENCE", "Permis B n° 940368200417", "940368200417"),
        ("ID_DOC", "CNI n° 0609 7720 0418", "0609 7720 0418"),
        ("FRANCE_TRAVAIL_ID", "identifiant France Travail : 1234567A", "1234567A"),
        ("PERSON", "Madame Le Goff arrive demain.", "Le Goff"),
        ("PERSON", "Bénéficiaire : DIALLO Aïssatou", "DIALLO Aïssatou"),
        ("ORGANISATION", "vendeuse chez Boulangerie Perrin depuis 2019", "Boulangerie Perrin"),
        (
            "ORGANISATION",
            "BEP au Lycée professionnel Marie-Laurent",
            "Lycée professionnel Marie-Laurent",
        ),
        ("LOCATION", "Elle habite à Limoges depuis peu.", "Limoges"),
    ],
)
def test_the_words_around_tell_what_it_is(detector, label, text, value):
    assert (label, value) in _found(detector, text)


@pytest.mark.parametrize(
    "text",
    [
        "Assistante de direction bilingue, maîtrise d'Excel et de SAP",
        "BTS Assistant de manager, CACES R489, habilitation B2V",
        "de septembre 2011 à février 2016, puis depuis mars 2019",
        "dix-huit ans d'expérience, budget de 45 500 €, +12 % de ventes",
        "Titre RNCP35030, ROME M1502, anglais C1, espagnol B1",
        "inscrit à France Travail, financement CPF, Transitions Pro",
        "EXPÉRIENCES PROFESSIONNELLES\nFORMATION\nCENTRES D'INTÉRÊT",
    ],
)
def test_what_a_career_is_told_with_is_not_masked(detector, text):
    assert _found(detector, text) == []


_CV = "Zoé Garrec\nAssistante de gestion\n\nPARCOURS\n\nSecrétaire\t2008 – 2011\n"


def _found_in_cv(detector, lines: str) -> list[tuple[str, str]]:
    named, *found = _found(detector, _CV + lines)
    assert named == ("PERSON", "Zoé Garrec")
    return found


@pytest.mark.parametrize(
    "item",
    [
        "– Devis, commandes et livraisons pour 140 clients.",
        "– Devis et factures des chantiers",
        "Relance clients • Devis, factures • Saisie des achats",
        "– Relance des impayés\n– Devis, relances\n– Devis et bons de commande",
    ],
)
def test_a_noun_at_the_head_of_a_list_item_is_nobody(detector, item):
    assert _found_in_cv(detector, item) == []


@pytest.mark.parametrize(
    "item",
    [
        "– Lefebvre, mon ancienne collègue",
        "– Lefebvre et sa fille",
        "• Lefebvre de la comptabilité\nHier j'ai appelé Lefebvre pour le stage.",
    ],
)
def test_a_surname_at_the_head_of_a_list_item_is_masked(detector, item):
    found = [(f.start, f.end) for f in detector.find(item) if f.label == "PERSON"]
    at = [match.span() for match in re.finditer("Lefebvre", item)]
    assert found == at


@pytest.mark.parametrize(
    ("heading", "town"),
    [
        ("À CÔTÉ", None), ("À PART", None), ("PAR MONTS ET VAUX", None),
        ("AU GRAND LARGE", None), ("AU QUOTIDIEN", None),
        ("BASÉE À NANTES", "NANTES"), ("DISPONIBLE À QUIMPERLÉ", "QUIMPERLÉ"),
    ],
)  # fmt: skip
def test_a_heading_in_capitals_holds_a_place_only_if_the_lists_know_it(detector, heading, town):
    found = _found_in_cv(detector, f"{heading}\n\nLecture")
    assert found == ([] if town is None else [("LOCATION", town)])


@pytest.mark.parametrize(
    ("line", "masked"),
    [
        ("2001\tBaccalauréat technologique STG", []),
        ("2001\tBaccalauréat STT, lycée Anne-Guérin", ["lycée Anne-Guérin"]),
        ("Mention Complémentaire Vendeur Conseil, Rennes", ["Rennes"]),
        ("Bachelor Marketing Digital, Rennes", ["Rennes"]),
        ("Diplôme d'État Aide Médico-Psychologique, Rennes", ["Rennes"]),
        ("Titre professionnel Agent Magasinier, Rennes", ["Rennes"]),
        ("BTS Lycée Anne Guérin", ["Lycée Anne Guérin"]),
        ("Master Ressources Humaines, IAE Rennes", ["IAE Rennes"]),
    ],
)
def test_a_diploma_is_kept_and_only_its_school_is_masked(detector, line, masked):
    assert [written for _, written in _found_in_cv(detector, line)] == masked


def test_a_wrong_key_is_no_nir_unless_the_text_calls_it_so(detector):
    assert ("NIR", "2 85 07 59 350 123 44") in _found(detector, "n° sécu 2 85 07 59 350 123 44")


def test_a_name_found_once_is_masked_everywhere(detector):
    text = "Mme Éléonore Vasquier arrive.\nELEONORE VASQUIER repart ; écrire à evasquier@example.org. E. V. signe."
    masked = " ".join(written for _, written in _found(detector, text))
    assert "ELEONORE VASQUIER" in masked
    assert "E. V." in masked


def test_text_without_capitals_is_read_too(detector):
    found = _found(
        detector, "alors je m'appelle sylvie moreau et j'habite à limoges depuis dix ans"
    )
    assert ("PERSON", "sylvie moreau") in found
    assert ("LOCATION", "limoges") in found


def test_hints_are_masked_in_every_form(detector):
    hints = Hints(first_name="Zélie", last_name="Kerbrat", employer="Ondine")
    found = _found(detector, "zelie kerbrat a quitté Ondine ; KERBRAT Zélie cherche.", hints)
    assert {written for _, written in found} == {"zelie kerbrat", "Ondine", "KERBRAT Zélie"}


@pytest.mark.parametrize(
    "text",
    [
        "En CDI du 04/01/2010 à aujourd'hui, puis du 01/09/2009 à juin 2015.",
        "J'ai 15 ans d'expérience et 25 ans de service.",
        "Maître d'Hôtel puis Professeur des Écoles.",
    ],
)
def test_a_time_in_a_trade_and_the_trade_itself_identify_nobody(detector, text):
    assert _found(detector, text) == []


def test_a_given_name_that_is_a_country_is_a_name_after_a_title(detector):
    assert ("PERSON", "France") in _found(detector, "Mme France m'a formée à la caisse.")


def test_a_plate_with_hyphens_of_another_kind_is_one(detector):
    found = _found(detector, "Ma voiture FG\u2011456\u2011HJ est garée devant.")
    assert ("PLATE", "FG\u2011456\u2011HJ") in found


def test_half_a_character_stops_nothing(detector):
    text = "\ud800 Mme Dupuis, 06 12 34 56 78 \udc00"
    assert {"Dupuis", "06 12 34 56 78"} <= {written for _, written in _found(detector, text)}
    assert detector.statements(text, detector.find(text)) == []


def test_hints_are_masked_however_many_names_the_text_holds(detector):
    names = "\n".join(
        f"Mme {a}{b}ravel" for a in "BCDFGHJKLM" for b in "abcdefghijklmnopqrstuvwxyz"
    )
    text = f"{names}\nla candidate zorblax attend."
    found = detector.find(text, Hints(last_name="Zorblax"))
    assert "zorblax" in {text[one.start : one.end] for one in found}


def test_findings_never_overlap_and_lose_no_character():
    weak = Finding(0, 20, "ORGANISATION", "a", 0.6)
    strong = Finding(5, 10, "EMAIL", "b", 1.0)
    text = "abcdefghijklmnopqrstuvwxyz"
    kept = resolved([weak, strong], text)
    assert [(f.start, f.end) for f in kept] == [(0, 5), (5, 10), (10, 20)]


def test_the_recognisers_work_in_a_stock_analyzer_engine():
    engine = SpacyNlpEngine(models=[{"lang_code": "fr", "model_name": "blank"}])
    engine.nlp = {"fr": spacy.blank("fr")}
    registry = RecognizerRegistry(recognizers=french_recognizers(), supported_languages=["fr"])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["fr"])
    text = "Mme Dupuis, 06 12 34 56 78, zoe@example.org, NIR 2 85 07 59 350 123 44, 3 rue du Bac, 75007 Paris"
    found = {(r.entity_type, text[r.start : r.end]) for r in analyzer.analyze(text, language="fr")}
    assert ("PHONE", "06 12 34 56 78") in found
    assert ("EMAIL", "zoe@example.org") in found
    assert ("NIR", "2 85 07 59 350 123 44") in found
    assert ("ADDRESS", "3 rue du Bac, 75007 Paris") in found
    assert ("PERSON", "Dupuis") in found


def test_detection_opens_no_socket_and_looks_no_name_up(detector, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("detection went to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert detector.find("zoe@example.org, www.example.org, Mme Dupuis")
