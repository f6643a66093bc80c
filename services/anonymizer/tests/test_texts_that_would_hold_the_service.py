"""A text of one kind of sign, or of nothing but names, costs no more than its length."""

import time

import pytest
import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.nlp_engine import SpacyNlpEngine

from anonymizer.detection import patterns
from anonymizer.detection.runs import broken_blanks, broken_runs
from anonymizer.detection.service import Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load("md")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(" * 16_000, id="brackets", marks=pytest.mark.full),
        pytest.param("😀" * 8_000, id="emoji", marks=pytest.mark.full),
        pytest.param("\n" * 30_000, id="line ends"),
        pytest.param(" " * 30_000, id="spaces"),
        pytest.param("JEAN " * 4_000, id="names"),
        pytest.param("«" * 10_000, id="quotes", marks=pytest.mark.full),
        pytest.param("a," * 10_000, id="commas"),
        pytest.param("rue " + "a" * 500, id="a street of one long word"),
        pytest.param("É. " * 2_000, id="initials"),
        pytest.param('"' * 10_000, id="straight quotes"),
        pytest.param("d'" * 10_000, id="elisions"),
        pytest.param("A-" * 10_000, id="hyphens"),
    ],
)  # fmt: skip
def test_it_is_examined_within_seconds(detector, text):
    began = time.perf_counter()
    detector.statements(text, detector.find(text))
    assert time.perf_counter() - began < 20, "it took minutes before, or never ended"


class _Endless(patterns.PhoneRecognizer):
    """Doubles its time with each letter."""

    PATTERNS = (("endless", r"(?:(?:a|aa)+\s?)+[!?]x", 0.9),)


def test_a_form_that_takes_too_long_ends_the_reading_and_is_not_left_out(monkeypatch):
    monkeypatch.setattr(patterns, "_PATIENCE_SECONDS", 0.1)
    engine = SpacyNlpEngine(models=[{"lang_code": "fr", "model_name": "blank"}])
    engine.nlp = {"fr": spacy.blank("fr")}
    registry = RecognizerRegistry(recognizers=[_Endless()], supported_languages=["fr"])
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["fr"])
    assert analyzer.analyze("aa !x aa!x", language="fr")
    with pytest.raises(TimeoutError):
        analyzer.analyze("a" * 60 + "!", language="fr")


@pytest.mark.parametrize("text", ["x" * 300, "(" * 65, " \n" * 200, "Élodie à Nantes", ""])
def test_what_is_broken_up_keeps_its_length(text):
    assert len(broken_runs(text)) == len(broken_blanks(text)) == len(text)


def test_ordinary_writing_is_left_alone():
    text = "Élodie Martin\n\n12 rue des Lilas — 44000 Nantes\thttps://example.org/in/elodie"
    assert broken_runs(text) == broken_blanks(text) == text
