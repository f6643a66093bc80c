"""A text of one kind of sign, or of nothing but names, costs no more than its length."""

import time

import pytest

from anonymizer.detection.runs import broken_blanks, broken_runs
from anonymizer.detection.service import Detector


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector.load("md")


@pytest.mark.parametrize(
    "text",
    ["(" * 16_000, "😀" * 8_000, "\n" * 30_000, " " * 30_000, "JEAN " * 4_000, "«" * 10_000, "a," * 10_000],
    ids=["brackets", "emoji", "line ends", "spaces", "names", "quotes", "commas"],
)  # fmt: skip
def test_it_is_examined_within_seconds(detector, text):
    began = time.perf_counter()
    detector.statements(text, detector.find(text))
    assert time.perf_counter() - began < 20, "it took minutes before, or never ended"


@pytest.mark.parametrize("text", ["x" * 300, "(" * 65, " \n" * 200, "Élodie à Nantes", ""])
def test_what_is_broken_up_keeps_its_length(text):
    assert len(broken_runs(text)) == len(broken_blanks(text)) == len(text)


def test_ordinary_writing_is_left_alone():
    text = "Élodie Martin\n\n12 rue des Lilas — 44000 Nantes\thttps://example.org/in/elodie"
    assert broken_runs(text) == broken_blanks(text) == text
