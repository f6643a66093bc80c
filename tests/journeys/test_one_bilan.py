"""One bilan, end to end, as a newcomer plays it: the demo, on its own CV and on the shelf's."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
KEPT = {
    "synthesis.pdf", "synthesis.docx", "synthesis.html", "synthesis.json", "pseudonymised.txt",
    "sent-to-model.txt", "consent-receipt.json", "records.json", "checkpoint.txt", "summary.json",
}  # fmt: skip


def play(out: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "demo", "--out", str(out), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        timeout=170,
    )


@pytest.mark.journey
@pytest.mark.timeout(180)
def test_the_demo_holds_every_step_and_leaves_what_it_says(tmp_path):
    done = play(tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert {path.name for path in tmp_path.iterdir()} >= KEPT
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert len(summary["steps"]) == 7
    for step in summary["steps"]:
        assert step.keys() >= {"what", "milliseconds", "ids", "outcome"}
        assert step["held"], step
    assert (tmp_path / "synthesis.pdf").read_bytes().startswith(b"%PDF-")
    assert "démonstration, pas un modèle" in " ".join(done.stdout.lower().split())


@pytest.mark.journey
@pytest.mark.shelf
@pytest.mark.full
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "name",
    ["cv01.pdf", "cv02.pdf", "cv03.docx", "cv04.odt", "cv05.pdf", "cv06.docx"],
)
def test_a_cv_of_the_shelf_goes_through_the_demo(shelf, tmp_path, name):
    truth = json.loads((shelf / "cvs-fr" / f"{name[:4]}.truth.json").read_text())
    done = play(tmp_path, "--cv", str(shelf / "cvs-fr" / name))
    if truth["ocr_required"] and "ocr_unavailable" in done.stdout + done.stderr:
        assert "tesseract-ocr-fra" in done.stdout + done.stderr
        pytest.skip("no OCR on this machine: the demo said what to install")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    sent = (tmp_path / "sent-to-model.txt").read_text()
    assert truth["name"]["last"] not in sent
    assert truth["contact"]["email"] not in sent
    for hidden in truth["hidden_text"]:
        words = hidden if isinstance(hidden, str) else hidden["text"]
        assert words not in sent


@pytest.mark.journey
@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\x00\x01\x02" * 400, "type"),
        (b"%PDF-1.7\n%%EOF", "read"),
    ],
    ids=["empty", "no document", "broken PDF"],
)
@pytest.mark.full
def test_a_file_that_cannot_be_read_ends_the_demo_with_a_reason(tmp_path, content, says):
    cv = tmp_path / "cv.pdf"
    cv.write_bytes(content)
    done = play(tmp_path / "out", "--cv", str(cv))
    assert done.returncode == 1
    assert says in (done.stdout + done.stderr).lower()
    assert "Traceback" not in done.stdout + done.stderr
