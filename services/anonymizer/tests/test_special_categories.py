"""Statements of special categories are found by clause; trades, denials and figures are not."""

import hashlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from anonymizer.detection.ner import language_of
from anonymizer.detection.rules import MODELS
from anonymizer.special.reader import SpecialReader
from anonymizer.special.rules import Action, Category, SpecialPolicy, Statement, blocked

HERE = Path(__file__).parent


@cache
def _reader(model: str) -> SpecialReader:
    return SpecialReader.load(language_of(MODELS[model]))


def special_statements(text: str) -> list[Statement]:
    return _reader("md").statements(text)


@pytest.mark.parametrize(
    ("category", "statement"),
    [
        ("health", "RQTH depuis 2024"), ("health", "Il a fait une dépression l'an dernier"),
        ("health", "Je suis en arrêt maladie"), ("health", "Il a eu un cancer en 2019"),
        ("health", "Mon handicap ne se voit pas"), ("religion", "Je suis catholique pratiquante"),
        ("religion", "Elle porte le voile"), ("religion", "Il fait le ramadan"),
        ("ethnic_origin", "Nationalité portugaise"), ("ethnic_origin", "Nationalité : portugaise"), ("ethnic_origin", "Elle est d'origine algérienne"),
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
        "Nationalité française", "Nationalité : française", "Nationalité :\nfrançaise", "Arabe (courant), anglais technique", "Surveillant pénitentiaire à la maison d'arrêt",
        "Je vous prie d'agréer mes salutations", "Êtes-vous en situation de handicap ?", "Casier judiciaire vierge",
    ],
)  # fmt: skip
def test_a_near_miss_is_left_alone(text):
    assert special_statements(text) == []


def test_offences_block_and_the_rest_is_removed():
    decide = SpecialPolicy().decide
    assert blocked(decide(special_statements("Il sort de prison."))) == {Category.CRIMINAL}
    (decided,) = decide(special_statements("RQTH depuis 2024"))
    assert decided.action is Action.REMOVED


def _left(text: str) -> str:
    """Return the text without its statements, the line breaks kept in sight."""
    for found in reversed(special_statements(text)):
        text = text[: found.start] + "…" + text[found.end :]
    return text


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        ("Permis B, véhicule\nReconnue travailleuse\nhandicapée depuis 2021 (RQTH)\n\nLOGICIELS", "Permis B, véhicule\n… (…)\n\nLOGICIELS"),
        ("Aviron en mer\nAnimatrice du catéchisme à la\nparoisse Saint-Aubin\nLecture", "Aviron en mer\n…\nLecture"),
        ("• Membre de la\nCGT depuis 2012\n• Lecture", "• …\n• Lecture"),
        ("– élue sur la liste\nCFDT du comité\n– tenue du stand", "…\n– tenue du stand"),
        ("Natation\nTravailleur\nHandicapé\n\nPermis B", "Natation\n…\n\nPermis B"),
        ("lecture\nnatation\nmembre de la\nparoisse\n", "lecture\nnatation\n…\n"),
        ("Lecture\nCatéchiste, paroisse\nSaint-Aubin\n\nPERMIS", "Lecture\n…\n\nPERMIS"),
        ("MEMBRE DE LA\nCFDT\n\nPERMIS", "…\n\nPERMIS"),
        ("Nationalité :\nportugaise\nPermis B", "…\nPermis B"),
        ("Reconnue travailleuse handi-\ncapée depuis 2021\nLecture", "…\nLecture"),
    ],
)  # fmt: skip
def test_a_statement_that_a_narrow_column_breaks_goes_whole(lines, left):
    assert _left(lines) == left


@pytest.mark.parametrize(
    "text",
    [
        "Lecture\nNatation\nCatéchiste\nCuisine\nVoyages",
        "CENTRES D'INTÉRÊT\ncatéchisme\n– cuisine du monde\n– voyages",
        "lecture\ncatéchisme\ncuisine\nvoyages",
        "Engagements :\ncatéchisme\n• voyages",
    ],
)
def test_the_lines_of_a_list_are_statements_of_their_own(text):
    (found,) = special_statements(text)
    assert text[found.start : found.end].lower() in ("catéchiste", "catéchisme")


def _written(file: str) -> list[tuple[str, str]]:
    """Sentences of a writer whom neither the lexicon nor the learned readers ever saw."""
    lines = (HERE / "voices" / file).read_text("utf-8").splitlines()
    pairs = (line.replace("⟦", "").replace("⟧", "").split("\t") for line in lines)
    return [(category, text) for category, text in pairs]


@pytest.mark.parametrize(
    ("file", "model", "found", "flagged"),
    [
        ("special_sentences.tsv", "md", 0.74, 0.14),
        ("special_sentences.tsv", "none", 0.55, 0.14),
        ("special_sentences_2.tsv", "md", 0.84, 0.10),
        ("special_sentences_2.tsv", "none", 0.60, 0.12),
    ],
)
def test_a_voice_that_nobody_trained_on(file, model, found, flagged):
    """Limits beside what was measured (docs/anonymizer.md); half of the sentences state nothing."""
    right = wrong = 0
    for category, text in _written(file):
        said = {statement.category for statement in _reader(model).statements(text)}
        right += category in said
        wrong += category == "none" and bool(said)
    total = len(_written(file)) // 2
    print(f"{model}: found {right}, flagged {wrong} of {total} each")  # noqa: T201 - the figures
    assert right / total >= found
    assert wrong / total <= flagged


def test_the_weights_are_those_of_the_sentences_in_the_repository():
    training = HERE.parent / "training"
    files = [*sorted(training.glob("special/*.tsv")), *sorted(training.glob("texts/*.jsonl"))]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).digest()
    with np.load(HERE.parent / "src/anonymizer/special/data/learned.npz") as held:
        assert held["training"].tobytes() == digest


def test_every_category_was_learned():
    files = sorted((HERE.parent / "training" / "special").glob("*.tsv"))
    said = {line.split("\t")[0] for path in files for line in path.read_text("utf-8").splitlines()}
    assert said == {*map(str, Category), "none"}
