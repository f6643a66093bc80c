"""Before anything starts, what cannot work is said; what was started always ends."""

import json
import os
import subprocess
import sys
import time

import pytest

from demo import platform_process
from demo.centre import Refused
from demo.cv import DEFAULT, Cv, CvRefused
from demo.platform_process import NotStarted
from demo.process_memory import pss_of_tree


def demo(*arguments, **environment):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LLM_")}
    return subprocess.run(
        [sys.executable, "-m", "demo", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**kept, **environment},
    )


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["--cv", "nowhere.pdf"], {}, "nowhere.pdf cannot be read"),
        (["--cv", "."], {}, "cannot be read"),
        ([], {"LLM_BASE_URL": "http://127.0.0.1:9/v1", "LLM_MODEL": "m"}, "No model answers"),
        ([], {"LLM_BASE_URL": "https://api.example.org/v1", "LLM_MODEL": "m"}, "LLM_DEPLOYMENT"),
        (["--out", "/dev/null/out"], {}, "cannot be written"),
    ],
    ids=["no such CV", "a folder as CV", "dead model", "unknown processor", "no folder"],
)
def test_what_cannot_work_is_said_with_what_to_do(tmp_path, arguments, environment, said):
    done = demo("--out", str(tmp_path), *arguments, **environment)
    assert done.returncode == 1
    assert said in done.stdout
    assert "starts" not in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_the_repository_has_a_cv_of_its_own_and_knows_what_it_holds():
    cv = Cv.read(None)
    assert cv.content.startswith(b"%PDF-")
    assert "Gaëlle Morvandeau" in cv.identifiers
    assert {"RQTH", "CFDT"} <= set(cv.special_words)
    assert Cv.read(DEFAULT).about == cv.about


def test_its_social_security_number_has_a_valid_key():
    number = next(i for i in Cv.read(None).identifiers if i.isdigit() and len(i) == 15)
    assert 97 - int(number[:13]) % 97 == int(number[13:])


def test_nothing_is_presumed_of_another_cv(tmp_path):
    other = tmp_path / "cv.txt"
    other.write_text("Ada Noir")
    (tmp_path / "cv.about.json").write_text('{"identifiers": ["x"]}')
    assert Cv.read(other).identifiers == []


def test_a_cv_that_is_not_there_is_told(tmp_path):
    with pytest.raises(CvRefused, match="CV=path"):
        Cv.read(tmp_path / "none.pdf")


def programme(text):
    return ["-c", text]


@pytest.fixture
def as_command(monkeypatch):
    """Let a snippet stand for a module, so that any behaviour can be started."""

    def running(snippet, log):
        monkeypatch.setattr(platform_process, "_as_module", lambda _: programme(snippet))
        return platform_process._running(["x"], "the platform", log)

    return running


def test_a_program_is_ready_when_it_announces_its_address(tmp_path, as_command):
    snippet = "import json,time; print('noise', flush=True); print(json.dumps({'url': 'http://x'}), flush=True); time.sleep(60)"
    with as_command(snippet, tmp_path / "log") as started:
        assert started.url == "http://x"
        assert started.milliseconds > 0
        pid = started.pid
    assert not _lives(pid)


def test_what_a_program_started_ends_with_it(tmp_path, as_command):
    snippet = (
        "import json,subprocess,sys,time; c=subprocess.Popen([sys.executable,'-c','import time; time.sleep(60)']);"
        "print(json.dumps({'url': 'http://x', 'child': c.pid}), flush=True); time.sleep(60)"
    )
    with as_command(snippet, tmp_path / "log") as started:
        child = started.announced["child"]
        assert _lives(child)
    until = time.monotonic() + 5
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(child)


def test_a_program_ends_also_when_the_demo_is_interrupted(tmp_path, as_command):
    snippet = "import json,time; print(json.dumps({'url': 'http://x'}), flush=True); time.sleep(60)"
    with pytest.raises(KeyboardInterrupt), as_command(snippet, tmp_path / "log") as started:
        raise KeyboardInterrupt
    assert not _lives(started.pid)


def test_a_program_that_stops_early_is_told_in_its_own_words(tmp_path, as_command):
    snippet = "import sys; sys.exit('Port 80 is taken. Choose another one.')"
    with pytest.raises(NotStarted, match="Port 80 is taken"), as_command(snippet, tmp_path / "log"):
        pass


def test_a_problem_document_is_said_in_plain_words():
    document = {
        "code": "purpose_not_covered",
        "title": "Not covered",
        "detail": "Ask again.",
        "missing": ["drafting"],
        "errors": [{"at": "body.x", "why": "missing"}],
    }
    refusal = Refused(403, document)
    assert refusal.told == "Not covered. Ask again. Missing: drafting. body.x: missing."
    assert "403 purpose_not_covered" in str(refusal)


def test_memory_counts_a_process_and_its_children():
    own = pss_of_tree(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", "import sys; print(1, flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        child.stdout.readline()
        assert pss_of_tree(os.getpid()) > own / 2
        assert pss_of_tree(child.pid) > 1_000_000
    finally:
        child.communicate()
    assert pss_of_tree(2**22 + 1) is None


def test_the_about_file_names_the_cv_beside_it():
    about = json.loads(DEFAULT.with_suffix(".about.json").read_text())
    assert about["file"] == DEFAULT.name


def _lives(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
