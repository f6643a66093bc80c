"""The house keeps its own rules: lint, format, types, import contracts, locks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
SERVICES = ["gateway", "anonymizer", "llm-router", "labour-market", "reports"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"], ["lint-imports"]],
    ids=["lint", "format", "types", "imports"],
)
def test_the_tree_is_clean(command):
    done = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def pins(path: Path) -> set[tuple[str, str]]:
    found = re.findall(r"^([a-z0-9_.-]+)==(\S+)", path.read_text(), re.MULTILINE)
    assert len(found) >= 2, path
    return set(found)


def locks() -> list[Path]:
    return [
        ROOT / "requirements.lock",
        ROOT / "bootstrap.lock",
        ROOT / "tests" / "aics.lock",
        *(ROOT / "services").glob("*/requirements.lock"),
    ]


@pytest.mark.parametrize("lock", locks(), ids=lambda p: p.parent.name)
def test_a_lock_pins_by_hash_and_names_no_host(lock):
    text = lock.read_text()
    assert not re.search(r"https?://|file://|index-url|find-links", text)
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pins(lock))


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_ships_the_versions_that_were_tested(service):
    assert pins(ROOT / "services" / service / "requirements.lock") <= pins(
        ROOT / "requirements.lock"
    )


def test_the_top_of_the_tree_has_what_a_newcomer_looks_for():
    for name in ("README.md", "Makefile", "LICENSE", "CHANGELOG.md", ".ci/run"):
        assert (ROOT / name).is_file(), name
    assert "make test" in (ROOT / ".ci/run").read_text()


def test_make_alone_prints_what_it_can_do():
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    for target in ("setup", "demo", "serve", "test", "verify", "bench", "check", "lock", "openapi"):
        assert f"make {target} " in done.stdout
