"""The committed OpenAPI document is that of the service, and the commands do what they say."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from anonymizer.app import create_app, document
from keel.commands import render_document

ROOT = Path(__file__).parents[1]


def _run(*arguments: str, lines: str = "") -> list[dict]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        [sys.executable, "-m", "anonymizer", *arguments],
        input=lines, capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_committed_document_is_current():
    assert (ROOT / "openapi.json").read_text("utf-8") == render_document(document())


def test_it_is_printed_without_a_model():
    probe = (
        "import sys; from anonymizer.doors import SERVICE; SERVICE.document();"
        "print(sorted({'spacy', 'presidio_analyzer', 'thinc'} & set(sys.modules)))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    printed = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=environment
    ).stdout
    assert printed.strip() == "[]"


async def test_it_is_not_ready_before_the_model_is_loaded(settings):
    app = create_app(settings)
    assert await app.state.readiness["model"]() is False


def test_the_doors_detect_pseudonymise_and_restore(tmp_path):
    space = str(tmp_path / "space.json")
    text = "Mme Odile Perrichon, 06 39 98 12 34"
    line = json.dumps({"id": "a", "text": text}) + "\n"
    (found,) = _run("detect", "--model", "none", "--explain", lines=line)
    assert {entity["label"] for entity in found["entities"]} == {"PERSON", "PHONE"}
    assert all("rule" in entity for entity in found["entities"])
    (masked,) = _run("pseudonymise", "--model", "none", "--space", space, lines=line)
    assert masked["text"] == "Mme [FEMME_1], [TELEPHONE_1]"
    (restored,) = _run("restore", "--space", space, lines=json.dumps(masked))
    assert restored["text"] == text
    (plausible,) = _run(
        "pseudonymise", "--model", "none", "--space", space, "--plausible", lines=line
    )
    assert not {"Odile", "Perrichon", "[FEMME_1]"} & set(plausible["text"].split())
    (restored,) = _run("restore", "--space", space, lines=json.dumps(plausible))
    assert restored["text"] == text
    chunks = json.dumps({"id": "a", "chunks": list(masked["text"])})
    (streamed,) = _run("restore", "--space", space, "--stream", lines=chunks)
    assert "".join(streamed["chunks"]) == text


def test_the_door_pseudonymises_by_a_policy_in_a_file(tmp_path):
    policy = tmp_path / "policy.json"
    policy.write_text('{"PHONE": "drop"}', "utf-8")
    line = json.dumps({"id": "a", "text": "Mme Odile Perrichon, 06 39 98 12 34"})
    door = (
        "pseudonymise",
        "--model",
        "none",
        "--space",
        str(tmp_path / "s"),
        "--policy",
        str(policy),
    )
    (masked,) = _run(*door, lines=line)
    assert masked["text"] == "Mme [FEMME_1], [donnée retirée]"
    policy.write_text('{"PHONE": "keep"}', "utf-8")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        _run(*door, lines=line)
    assert refused.value.returncode == 2
    assert "choose `surrogate` or `drop`" in refused.value.stderr


def test_the_doors_extract_and_outline(tmp_path):
    cv = tmp_path / "cv.txt"
    cv.write_text("Vendeuse\n\nExpériences\n2019 - 2024 : Vendeuse, Maison Roux, Pau\n", "utf-8")
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(b"%PDF-1.4")
    read, refused = _run("extract", str(cv), str(broken))
    assert read["hidden_text"] == []
    assert refused["problem"]["code"] == "unreadable_document"
    (outline,) = _run("outline", str(cv))
    assert outline["experiences"][0]["title"] == "Vendeuse"
