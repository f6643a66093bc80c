"""It starts, stops, starts again and has lost nothing; it refuses what would harm its data."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from demo.centre import Centre

pytestmark = [pytest.mark.journey, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
CV = ROOT / "demo" / "cv" / "gaelle-morvandeau.pdf"


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def serve(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "standalone", "serve", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        timeout=60,
    )


@pytest.mark.full  # `make test` kills it instead, which asks for more
def test_stopped_and_started_again_it_has_lost_nothing(new_platform, open_bilan, eventually):
    platform = new_platform().start()
    bilan = open_bilan(platform)
    document = bilan.centre.upload(bilan.id, CV.read_bytes())["id"]
    run = bilan.centre.run(
        "cv-analysis",
        {"bilan": bilan.id, "mode": "computed", "document": document},
        consent_token=None,
    )
    bilan.centre.review_run(run.id)
    text = bilan.centre.pseudonymised(document)
    assert platform.stop() == 0
    eventually(lambda: not platform.socket.exists())

    platform.start()
    again = Centre.at(platform.url, bilan.centre.credentials)
    again.act_for(bilan.counsellor)
    assert again.pseudonymised(document) == text
    assert {r["kind"] for r in again.records(bilan.beneficiary)} >= {"run.computed", "human.review"}
    again.close()
    assert platform.operator("log", "audit")[0]["verdict"] == "consistent"


def test_killed_in_the_middle_its_children_end_and_nothing_acknowledged_is_lost(
    new_platform, open_bilan, eventually
):
    platform = new_platform().start()
    bilan = open_bilan(platform)
    document = bilan.centre.upload(bilan.id, CV.read_bytes())["id"]
    children = platform.children()
    assert children, "a document is parsed in a process of its own"
    platform.stop(signal.SIGKILL)
    eventually(lambda: not any(is_alive(pid) for pid in children))

    platform.start()
    again = Centre.at(platform.url, bilan.centre.credentials)
    again.act_for(bilan.counsellor)
    assert again.bilan(bilan.id)["status"] == "open"
    assert again.pseudonymised(document)
    again.close()
    assert platform.operator("log", "audit")[0]["verdict"] == "consistent"


def test_a_second_process_on_the_same_data_is_refused_with_the_reason(shared_platform):
    second = serve("--port", "0", "--data", str(shared_platform.data))
    assert second.returncode == 2
    assert "Another platform already runs on" in second.stderr
    assert "Traceback" not in second.stderr
    assert httpx.get(f"{shared_platform.url}/livez").status_code == 200


def test_the_operators_socket_is_for_its_owner_alone(shared_platform):
    assert stat.S_IMODE(shared_platform.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared_platform.data.stat().st_mode) == 0o700
    before = shared_platform.operator("tenant", "list")
    shared_platform.operator("tenant", "create", "--name", "Un centre de plus")
    after = shared_platform.operator("tenant", "list")
    assert len(after) == len(before) + 1
    assert "Un centre de plus" in {t["name"] for t in after}


@pytest.mark.full
def test_the_first_tenant_is_made_once_and_its_call_works(new_platform, eventually):
    platform = new_platform("data", "--first-tenant", "Premier centre").start()
    eventually(lambda: "curl" in platform.log())
    lines = platform.log().splitlines()
    at = next(i for i, line in enumerate(lines) if "curl" in line)
    command = (lines[at].rstrip(" \\") + " " + lines[at + 1]).strip()
    answer = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602 - the line that a person would copy
    assert "access_token" in answer.stdout
    platform.stop()
    platform.start()
    assert len(platform.operator("tenant", "list")) == 1


def test_a_port_in_use_is_said_and_nothing_is_made(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = serve("--port", str(taken.getsockname()[1]), "--data", str(tmp_path / "data"))
    assert refused.returncode == 2
    assert "Choose another port" in refused.stderr


@pytest.mark.parametrize("folder", ["/proc/passerelle", "file/data"])
def test_a_folder_that_cannot_be_written_is_said(tmp_path, folder):
    (tmp_path / "file").write_text("")
    refused = serve("--port", "0", "--data", os.path.join(tmp_path, folder))  # noqa: PTH118 - absolute wins
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr


def test_a_wrong_deployments_file_stops_the_start(tmp_path):
    wrong = tmp_path / "deployments.json"
    wrong.write_text('{"deployments": [{"id": "x"}]}')
    refused = serve("--port", "0", "--data", str(tmp_path / "data"), "--deployments", str(wrong))
    assert refused.returncode == 2
    assert "Traceback" not in refused.stderr


def test_the_documentation_loads_nothing_from_elsewhere(shared_platform):
    page = httpx.get(f"{shared_platform.url}/docs")
    assert page.status_code == 200
    assert "http" not in page.text.replace("http-equiv", "")
    for name in ("swagger-ui-bundle.js", "swagger-ui.css", "start.js"):
        assert httpx.get(f"{shared_platform.url}/docs/{name}").status_code == 200
    document = httpx.get(f"{shared_platform.url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
