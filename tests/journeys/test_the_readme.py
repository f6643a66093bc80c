"""What the README tells a newcomer to type works as it stands."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
MAKE = {"make demo\n", "make test\n"}
pytestmark = pytest.mark.journey


def test_the_two_commands_come_first():
    assert BLOCKS[:2] == ["make demo\n", "make test\n"]


@pytest.mark.timeout(170)
def test_the_integrators_and_the_operators_commands_work(new_platform):
    platform = new_platform("data", "--first-tenant", "Premier centre").start()
    tenant = platform.operator("tenant", "create", "--name", "Un intégrateur")[0]
    typed = "".join(block for block in BLOCKS if block not in MAKE)
    assert typed.count("\n") > 20
    done = subprocess.run(
        [
            "bash",
            "-eu",
            "-o",
            "pipefail",
            "-c",
            typed.replace("var/data/operator.sock", str(platform.socket)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PASSERELLE": platform.url,
            "CLIENT_ID": tenant["client_id"],
            "CLIENT_SECRET": tenant["client_secret"],
        },
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    assert '"verdict": "consistent"' in done.stdout
    assert "ben_" in done.stdout


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_a_link_leads_somewhere(path):
    assert (ROOT / path).exists()
