"""summary.json tells each step: what, milliseconds, ids, outcome; and whether it held."""

import io
import json
import os

import pytest

from demo.summary import FILES, NoFolder, NotHeld, Story, prepare
from demo.terminal import Terminal


@pytest.fixture
def story(tmp_path):
    return Story(Terminal(io.StringIO(), 80, has_colours=False), prepare(tmp_path / "out"))


def summary(story):
    return json.loads((story.out / "summary.json").read_text())


def test_a_step_that_held_is_told_with_its_claims(story):
    with story.step("First") as step:
        with story.act("did it", "doing_ms") as told:
            told.append("(well)")
        story.hold(True, "it is so")  # noqa: FBT003
        step.ids, step.outcome = {"bilan": "bil_1"}, "done"
    assert story.conclude(steps_planned=1)
    (step,) = summary(story)["steps"]
    assert (step["step"], step["what"], step["ids"], step["outcome"], step["held"]) == (
        1,
        "First",
        {"bilan": "bil_1"},
        "done",
        True,
    )
    assert step["claims"] == ["it is so"]
    assert isinstance(step["milliseconds"], int)
    assert set(step["measures"]) == {"doing_ms"}
    assert "did it (well)" in story.terminal.out.getvalue()


def test_a_claim_that_is_not_so_fails_the_step_and_the_whole(story):
    with pytest.raises(NotHeld, match="it is so"), story.step("First"):
        story.hold([], "it is so")
    assert not story.conclude(steps_planned=1)
    told = summary(story)
    assert told["verdict"] == "failed"
    assert told["steps"][0]["outcome"].startswith("failed: ")
    assert not told["steps"][0]["held"]


def test_a_journey_that_stops_early_has_not_held(story):
    with story.step("First"):
        pass
    assert not story.conclude(steps_planned=7)


def test_files_are_listed_with_their_digest(story):
    story.keep("pseudonymised.txt", "é")
    story.conclude(steps_planned=0)
    (file,) = summary(story)["files"]
    assert (file["name"], file["bytes"]) == ("pseudonymised.txt", 2)
    assert len(file["sha256"]) == 64


def test_results_of_an_earlier_demo_are_taken_away_and_nothing_else(tmp_path):
    for name in (*FILES, "notes.txt"):
        (tmp_path / name).touch()
    prepare(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(NoFolder, match="OUT="):
        prepare(tmp_path / "file" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(NoFolder, match="cannot be written"):
        prepare(tmp_path)
