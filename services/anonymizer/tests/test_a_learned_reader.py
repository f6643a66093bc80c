"""The network that reads identifiers: its weights, what it adds to the rules, and unseen voices."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from anonymizer.detection.learned import SUREST, TAGS, UNLIKELY, Reading
from anonymizer.detection.ner import language_of
from anonymizer.detection.rules import LABELS, MODELS, Finding
from anonymizer.detection.service import Detector

HERE = Path(__file__).parent
DIRECT = frozenset(LABELS) - {"DATE_OF_BIRTH", "AGE", "LOCATION", "ORGANISATION"}


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load("md")


def _reading(text: str, likely: dict[str, tuple[str, float]]) -> Reading:
    """A reading in which the words of `likely` have that tag with that probability."""
    document = language_of(MODELS["none"]).make_doc(text)
    probabilities = np.zeros((len(document), len(TAGS)), np.float32)
    probabilities[:, 0] = 1
    for word in document:
        tag, chance = likely.get(word.text, ("O", 1.0))
        probabilities[word.i] = 0
        probabilities[word.i, 0] = 1 - chance
        probabilities[word.i, TAGS.index(tag)] += chance
    return Reading(document, probabilities)


def _spans(reading: Reading) -> list[tuple[str, str]]:
    text = reading.document.text
    return [(found.label, text[found.start : found.end]) for found in reading.findings(text)]


def test_words_in_a_row_are_one_finding_until_another_begins():
    text = "avec Awa Ndiaye Paul Roy hier"
    likely = {"Awa": ("B-PERSON", 0.9), "Ndiaye": ("I-PERSON", 0.8)}
    likely |= {"Paul": ("B-PERSON", 0.9), "Roy": ("I-PERSON", 0.9)}
    assert _spans(_reading(text, likely)) == [("PERSON", "Awa Ndiaye"), ("PERSON", "Paul Roy")]


def test_a_name_goes_on_over_the_end_of_a_line():
    likely = {"Awa": ("B-PERSON", 0.9), "Ndiaye": ("I-PERSON", 0.8)}
    assert _spans(_reading("Awa\nNdiaye", likely)) == [("PERSON", "Awa\nNdiaye")]


def test_the_score_is_by_the_least_likely_word_and_below_a_strong_rules():
    likely = {"Awa": ("B-PERSON", 0.9), "Ndiaye": ("I-PERSON", 0.75)}
    (found,) = _reading("Awa Ndiaye", likely).findings("Awa Ndiaye")
    assert found.score == pytest.approx(0.75 * SUREST)
    assert SUREST < 0.85


@pytest.mark.parametrize("label", ["NIR", "AGE", "DATE_OF_BIRTH", "PHONE", "IBAN"])
def test_what_is_counted_has_a_number_in_figures_or_in_words(label):
    assert _spans(_reading("matricule perdu", {"matricule": (f"B-{label}", 0.9)})) == []
    assert _spans(_reading("dit vingt", {"vingt": (f"B-{label}", 0.9)})) == [(label, "vingt")]


@pytest.mark.parametrize("label", sorted(UNLIKELY))
def test_what_a_weak_rule_alone_found_is_doubted_where_the_network_is_sure(label):
    weak = Finding(0, 7, label, "fr_ner", 0.6)
    assert _reading("Relance des clients", {}).doubts(weak)
    assert not _reading("Relance des clients", {"Relance": ("B-PERSON", 0.3)}).doubts(weak)
    assert not _reading("Relance des clients", {}).doubts(Finding(0, 7, label, "titled", 0.9))


@pytest.mark.parametrize("label", sorted(DIRECT - {"PERSON"}))
def test_a_checked_number_is_never_doubted(label):
    assert not _reading("06 12", {}).doubts(Finding(0, 5, label, "form", 0.6))


def test_an_empty_text_holds_nothing(detector):
    assert detector.find("") == []
    assert detector.find(" \n\t ") == []


def test_reading_is_the_same_in_every_thread(detector):
    text = "Compte rendu : vu ce jour soizic le bihan, 43 ans, ex-conserverie à Concarneau."
    alone = detector.find(text)
    assert alone
    with ThreadPoolExecutor(4) as threads:
        assert all(found == alone for found in threads.map(detector.find, [text] * 40))


def test_the_words_of_texts_are_forgotten_again(detector):
    """Without that, memory grows by every new word of every text, for ever."""
    known = detector.words.language.vocab.strings
    sizes = []
    for number in range(2_000):
        detector.find(f"Vu zorb{number}lax et mirk{number}ou ce jour.")
        sizes.append(len(known))
    assert max(sizes) - min(sizes) < 1_000, "of 4,000 new words"


def test_the_weights_are_those_of_the_texts_in_the_repository():
    files = sorted((HERE.parent / "training" / "texts").glob("*.jsonl"))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files)).digest()
    with np.load(HERE.parent / "src/anonymizer/detection/data/learned.npz") as held:
        assert held["training"].tobytes() == digest


def test_no_unseen_text_is_among_those_that_were_learned():
    def lines(folder: Path) -> set[str]:
        files = folder.glob("*.jsonl")
        return {
            json.loads(line)["text"] for f in files for line in f.read_text("utf-8").splitlines()
        }

    assert not lines(HERE / "voices") & lines(HERE.parent / "training" / "texts")
