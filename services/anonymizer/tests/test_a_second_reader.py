"""An optional second reader of names: plugged in, given windows, refused when it is not there."""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anonymizer.detection.second_reader import Named, second_reader, windows
from anonymizer.detection.service import Detector
from anonymizer.settings import Settings
from keel.start import StartRefused

TEXT = "J'ai vu zorblax hier à la cantine."


class _KnowsOneName:
    """A double: it names `zorblax`, which no list, rule or model knows."""

    def read(self, text: str) -> list[Named]:
        at = text.find("zorblax")
        return [] if at < 0 else [Named(at, at + len("zorblax"), "PERSON", 0.9)]


def _masked(detector: Detector, text: str) -> set[str]:
    return {text[found.start : found.end] for found in detector.find(text)}


def test_what_a_second_reader_names_is_masked_beside_what_the_rules_find():
    assert "zorblax" not in _masked(Detector.load("none"), TEXT)
    found = _masked(Detector.load("none", _KnowsOneName()), f"{TEXT} Tél. 06 12 34 56 78")
    assert {"zorblax", "06 12 34 56 78"} <= found


def test_a_name_far_into_a_long_text_is_found_where_it_stands():
    text = "Une ligne de travail ordinaire.\n" * 200 + TEXT
    assert "zorblax" in _masked(Detector.load("none", _KnowsOneName()), text)


@given(st.text(), st.integers(1, 40))
def test_windows_hold_the_whole_text_in_order(text, size):
    cut = list(windows(text, size))
    assert "".join(part for _, part in cut) == text
    assert all(text[start : start + len(part)] == part for start, part in cut)
    assert all(0 < len(part) <= size for _, part in cut)


def test_gliner_is_asked_in_french_and_its_answers_are_ours(monkeypatch, tmp_path):
    asked: dict[str, Any] = {}

    class Model:
        def predict_entities(self, _: str, labels: list[str], threshold: float) -> list[Any]:
            asked.update(labels=labels, threshold=threshold)
            return [{"start": 8, "end": 15, "label": "nom de personne", "score": 0.8}]

    def from_pretrained(folder: str, **options: bool) -> Model:
        asked.update(folder=folder, **options)
        return Model()

    monkeypatch.setitem(
        sys.modules,
        "gliner",
        SimpleNamespace(GLiNER=SimpleNamespace(from_pretrained=from_pretrained)),
    )
    monkeypatch.delitem(sys.modules, "anonymizer.detection.gliner_reader", raising=False)
    assert second_reader("gliner", tmp_path).read(TEXT) == [Named(8, 15, "PERSON", 0.8)]
    assert asked["folder"] == str(tmp_path)
    assert asked["local_files_only"]
    assert asked["load_onnx_model"]
    monkeypatch.delitem(sys.modules, "anonymizer.detection.gliner_reader")


def test_the_labels_of_a_transformers_model_become_ours(monkeypatch, tmp_path):
    said = [
        {"entity_group": "PER", "start": 8, "end": 15, "score": 0.97},
        {"entity_group": "MISC", "start": 0, "end": 3, "score": 0.9},
    ]

    class Loader:
        @staticmethod
        def from_pretrained(folder: Path, *, local_files_only: bool) -> Path:
            assert local_files_only
            return folder

    double = SimpleNamespace(
        AutoModelForTokenClassification=Loader,
        AutoTokenizer=Loader,
        pipeline=lambda *_, **__: lambda _text: said,
    )
    monkeypatch.setitem(sys.modules, "transformers", double)
    monkeypatch.delitem(sys.modules, "anonymizer.detection.transformers_reader", raising=False)
    assert second_reader("transformers", tmp_path).read(TEXT) == [Named(8, 15, "PERSON", 0.97)]
    monkeypatch.delitem(sys.modules, "anonymizer.detection.transformers_reader")


@pytest.mark.parametrize("kind", ["gliner", "transformers"])
def test_a_reader_whose_package_is_not_installed_is_refused_at_start(kind, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, kind, None)
    monkeypatch.delitem(sys.modules, f"anonymizer.detection.{kind}_reader", raising=False)
    with pytest.raises(StartRefused, match=kind):
        second_reader(kind, tmp_path)


def test_a_reader_without_its_model_folder_is_refused_at_start(tmp_path):
    with pytest.raises(StartRefused, match="does not exist"):
        second_reader("gliner", tmp_path / "nowhere")


def test_the_settings_name_a_reader_and_its_folder_together(monkeypatch, tmp_path):
    monkeypatch.setenv("ANONYMIZER_DATABASE_URL", "sqlite+aiosqlite://")
    monkeypatch.setenv("ANONYMIZER_KEY_ENCRYPTION_KEY_FILE", str(tmp_path / "kek"))
    monkeypatch.setenv("ANONYMIZER_PASS_JWKS_FILE", str(tmp_path / "jwks"))
    monkeypatch.setenv("ANONYMIZER_SECOND_READER", "gliner")
    with pytest.raises(ValueError, match="set together"):
        Settings()
    monkeypatch.setenv("ANONYMIZER_SECOND_READER_MODEL", str(tmp_path))
    settings = Settings()
    assert settings.second == ("gliner", tmp_path)
    said = settings.said_of_policy()
    (tmp_path / "model.onnx").write_bytes(b"another")
    assert "gliner" in said
    assert said != settings.said_of_policy()
