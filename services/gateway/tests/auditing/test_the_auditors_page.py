"""What docs/verify.md tells an auditor to type works as it stands, and fails where it must."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tlog_scales.signing import Vkey

PAGE = (Path(__file__).parents[4] / "docs" / "verify.md").read_text()
BLOCKS = re.findall(r"^```sh(?: (\w+))?\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TYPED = "".join(block for tool, block in BLOCKS if not tool)
WITH_AICS = "".join(block for tool, block in BLOCKS if tool == "aics")


@pytest.fixture
def desk(live, tmp_path: Path) -> Path:
    """An auditor's folder: the key from elsewhere, receipts, a checkpoint that was kept."""
    (tmp_path / "passerelle.vkey").write_text(live.vkey + "\n")
    (tmp_path / "receipt.json").write_text(json.dumps(live.receipt))
    (tmp_path / "erased.json").write_text(json.dumps(live.erased))
    (tmp_path / "kept").write_text(live.kept[0])
    return tmp_path


@pytest.fixture
def typing(live, desk: Path):
    def run(commands: str, tools: Path = Path(sys.executable).parent):
        return subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", commands],
            cwd=desk,
            capture_output=True,
            text=True,
            check=False,
            env={"PATH": f"{tools}:{os.environ['PATH']}", "LOG": live.url},
        )

    return run


def test_every_command_of_the_page_works(live, typing):
    assert len(BLOCKS) >= 8
    done = typing(TYPED)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"signed {live.size} leaves" in done.stdout
    assert done.stdout.count("included at") == 3
    assert f"{live.size} leaves give the signed root" in done.stdout
    assert f"{live.size} leaves continue" in done.stdout
    assert "the log was cut" in done.stderr


def test_a_receipt_of_what_was_erased_says_nothing_and_still_proves(live):
    assert (live.erased["salt"], live.erased["record"]) == (None, None)
    assert live.receipt["record"]["body"]["n"] == 100


def _a_strangers(vkey: str) -> str:
    """The same name with another key, whose id is right for it."""
    name = vkey.partition("+")[0]
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    return Vkey(name, None, 1, public).serialize()


@pytest.mark.parametrize(
    "changed", ["a word of the record", "the salt", "the leaf", "the path", "the key"]
)
@pytest.mark.full
def test_what_was_changed_is_refused(live, desk, typing, changed):
    receipt = json.loads(json.dumps(live.receipt))
    if changed == "a word of the record":
        receipt["record"]["body"]["n"] += 1
    elif changed == "the salt":
        receipt["salt"] = receipt["salt"][:-2] + ("AA" if receipt["salt"][-2:] != "AA" else "BA")
    elif changed == "the leaf":
        receipt["leaf"] = receipt["leaf"][:20] + "A" + receipt["leaf"][21:]
    elif changed == "the path":
        lines = receipt["proof"].split("\n")
        lines[2], lines[3] = lines[3], lines[2]
        receipt["proof"] = "\n".join(lines)
    else:
        (desk / "passerelle.vkey").write_text(_a_strangers(live.vkey) + "\n")
    (desk / "receipt.json").write_text(json.dumps(receipt))
    assert typing(TYPED).returncode != 0


@pytest.mark.full
def test_the_commands_of_aics_tlog_work(typing, aics_python):
    assert typing(TYPED.partition("python inclusion.py leaf proof")[0]).returncode == 0
    done = typing(WITH_AICS, aics_python.parent)
    assert done.returncode == 0, done.stdout + done.stderr
