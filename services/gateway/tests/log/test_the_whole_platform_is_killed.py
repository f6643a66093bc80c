"""kill -9 of all five services in one process, as an operator runs them: nothing acknowledged is lost.

A killed process leaves its pages with the kernel: none of this says anything about power loss.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo.scripted_model.deployment import deployments_content

pytestmark = [pytest.mark.full, pytest.mark.timeout(590)]
ROOT = Path(__file__).parents[4]
CV = ROOT / "demo" / "cv" / "gaelle-morvandeau.pdf"
_PARTS = 8
_KILLS = 25


@pytest.fixture
def platform(siege, tmp_path):
    """The one-process mode, on a port that it keeps."""
    port, data = siege.free_port(), tmp_path / "data"
    models = tmp_path / "deployments.json"
    models.write_text(json.dumps(deployments_content("http://127.0.0.1:9/v1")))
    deployments = ["--deployments", str(models)]
    arguments = ["serve", "--port", str(port), *deployments, "--data", str(data)]
    with siege.nursery("standalone.__main__") as born_in:
        one = siege.Member(
            born_in, arguments, {"GATEWAY_PORT": str(port)}, tmp_path / "platform.log", "standalone"
        )
        with siege.running([one]):
            yield one


def tenant(platform):
    """A centre's credentials, made through the operator's socket."""
    socket = Path(platform.arguments[-1]) / "operator.sock"
    made = subprocess.run(
        [sys.executable, "-m", "gateway", "tenant", "create", "--name", "Centre d’essai"],
        env={**os.environ, "GATEWAY_OPERATOR_SOCKET": str(socket)},
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    said = json.loads(made.stdout)
    return said["client_id"], said["client_secret"]


async def made(clients, path, body=None, **content):
    answer = await clients.ask("POST", path, **({"json": body} if body is not None else content))
    assert answer is not None, clients.odd
    return answer.json()


async def opened(siege, clients):
    """A bilan of a new counsellor, a document in it, and what its clients may ask for."""
    clients.counsellor = ""
    await clients.log_in()
    counsellor = (await made(clients, "/v1/counsellors", {}))["id"]
    notice = (await clients.ask("GET", "/v1/secrecy-notice")).json()
    accepted = {"notice_version": notice["version"]}
    await made(clients, f"/v1/counsellors/{counsellor}/secrecy-acceptances", accepted)
    person = (await made(clients, "/v1/beneficiaries", {"reference": "dossier 12"}))["id"]
    plan = {
        "beneficiary": person, "counsellor": counsellor, "funding": "CPF",
        "planned_minutes": 1440, "support_minutes": 840,
        "starts_on": "2026-11-02", "ends_on": "2027-01-29", "employer_siren": None,
    }  # fmt: skip
    bilan = (await made(clients, "/v1/bilans", plan))["id"]
    agreement = {"agreed_on": "2026-11-02", "method": "signed_document"}
    await made(clients, f"/v1/bilans/{bilan}/agreement", agreement)
    clients.counsellor = counsellor
    await clients.log_in()
    cv = {"data": {"bilan": bilan}, "files": {"file": ("cv.pdf", CV.read_bytes())}}
    document = (await made(clients, "/v1/documents", **cv))["id"]
    first = (await clients.ask("GET", "/v1/recipients")).json()["items"][0]
    recipient = {"recipients": [first["id"]], "jurisdictions": first["jurisdictions"]}
    return [
        siege.asks_for_consent(bilan, **recipient),
        siege.reads_records,
        siege.computes(bilan, document),
    ]


@pytest.mark.parametrize("part", range(1, _PARTS + 1), ids=[f"200-part{n}" for n in range(1, _PARTS + 1)])  # fmt: skip
async def test_two_hundred_times(platform, siege, ledger, told, part):
    kills, url = siege.Kills(), siege.address(platform)
    async with siege.http_client() as http:
        clients = siege.Clients(ledger, http, [url], ("", ""), "", [])
        await siege.settled(clients)
        clients.credentials = tenant(platform)
        clients.calls = await opened(siege, clients)
        async with clients.at_work():
            for _ in range(_KILLS):
                await siege.kill_once(clients, platform, kills, window=1.5)
            await clients.answered()
        await siege.settled(clients)
        evidence = await siege.gathered(clients)
    told(kills, clients, evidence)
    assert ledger.faults(evidence) == []
    assert clients.odd == []


@pytest.mark.parametrize("time", [f"first{part}-{n}" for part in (1, 2) for n in range(1, 6)])
async def test_killed_in_its_first_start_it_still_begins(platform, siege, ledger, time):
    """Keys, databases and the log are made in the first start: at any moment of it."""
    await asyncio.sleep(siege.moment(6))
    platform.kill()
    platform.start()
    async with siege.http_client() as http:
        clients = siege.Clients(ledger, http, [siege.address(platform)], ("", ""), "", [])
        await siege.settled(clients)
        clients.credentials = tenant(platform)
        await clients.log_in()
        evidence = await siege.gathered(clients)
    assert ledger.faults(evidence) == []
    assert len(evidence.leaves) >= 1
