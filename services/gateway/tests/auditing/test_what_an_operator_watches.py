"""What wants somebody's attention is a figure, and each rule that watches one names one that exists."""

import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import insert, text

from gateway.app import _look_at_the_edge
from gateway.records.rules import Fact, Kind
from gateway.tables import DueDestruction, DueRun
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.metrics import Metrics

ROOT = Path(__file__).parents[4]
RULES = ROOT / "deploy" / "monitoring" / "alerts.yml"
TESTS = ROOT / "deploy" / "monitoring" / "alerts_test.yml"
NAME = re.compile(r"\bpasserelle_[a-z_]+")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.fixture
async def figures(app):
    """Ask for the figures of a gateway: name and labels → value."""

    async def ask() -> dict[str, float]:
        metrics = Metrics(app.state.measures)
        metrics.requests.labels("gateway", "GET", "/livez", "200").inc()
        text = (await metrics.exposition()).decode()
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines}

    return ask


async def test_the_log_s_figures_are_those_of_the_log(app, centre, figures):
    while await app.state.sequencer.step():
        pass
    before = await figures()
    assert before["passerelle_log_waiting"] == 0
    assert before["passerelle_log_oldest_waiting_seconds"] == 0
    async with app.state.database.begin(centre.tenant) as session:
        for _ in range(3):
            await app.state.records.write(session, Fact(Kind.RUN_COMPUTED, centre.tenant))
    waiting = await figures()
    assert waiting["passerelle_log_waiting"] == 3
    assert 0 < waiting["passerelle_log_oldest_waiting_seconds"] < 60
    while await app.state.sequencer.step():
        pass
    after = await figures()
    assert after["passerelle_log_size"] == before["passerelle_log_size"] + 3
    assert after["passerelle_log_generation"] == 1
    assert abs(after["passerelle_log_checkpoint_timestamp_seconds"] - utc_now().timestamp()) < 90
    assert not any(name.startswith("passerelle_measure_failed") and v for name, v in after.items())


async def test_what_the_last_audit_found_is_seen_and_each_centre_is_told_once(app, centre, figures):
    while await app.state.sequencer.step():
        pass
    whole, edge = (
        f'passerelle_log_audit_damaged{{scope="{scope}"}}' for scope in ("whole", "edge")
    )
    assert whole not in await figures()
    await app.state.log.audit(records=False)
    assert "log_edge" in {part.name for part in app.state.work.beside}
    await _look_at_the_edge(app.state)
    seen = await figures()
    assert (seen[whole], seen[edge]) == (0, 0)
    at = 'passerelle_log_audit_timestamp_seconds{scope="edge"}'
    assert seen[at] == pytest.approx(utc_now().timestamp(), abs=60)
    async with app.state.database.begin() as session:
        blank = {"h": bytes(32)}
        await session.execute(text("UPDATE log_tiles SET hashes = :h WHERE level = 0"), blank)
    for _ in range(2):
        await _look_at_the_edge(app.state)
    seen = await figures()
    assert (seen[whole], seen[edge]) == (0, 1)
    page = (await centre.call("GET", "/v1/incidents?incident_class=chain_broken")).json()
    assert len(page["items"]) == 1


async def test_a_destruction_that_waits_is_seen_and_one_on_hold_is_none(app, figures):
    since = utc_now() - timedelta(hours=2)
    rows = [
        {
            "destruction": new_id("des"), "tenant": "tnt_x", "since": since - later, "failures": 0,
            "due_at": since, "waits": waits,
        }
        for later, waits in ((timedelta(), None), (timedelta(days=9), "held"))
    ]  # fmt: skip
    run = {"job": "due", "ran_at": since, "due": 1, "begun": 1, "restricted": 0, "failed": 0}
    async with app.state.database.begin() as session:
        await session.execute(insert(DueDestruction), rows)
        await session.execute(insert(DueRun), [run])
    seen = await figures()
    assert (seen["passerelle_destructions_waiting"], seen["passerelle_destructions_held"]) == (1, 1)
    assert seen["passerelle_destructions_oldest_seconds"] == pytest.approx(7200, abs=60)
    assert seen['passerelle_due_run_timestamp_seconds{job="due"}'] == pytest.approx(
        since.timestamp()
    )


async def test_a_part_that_fails_is_seen(app, figures):
    assert (await figures())['passerelle_work_down_seconds{part="sequencing"}'] == 0
    app.state.background._down_since["sequencing"] = 0.0
    assert (await figures())['passerelle_work_down_seconds{part="sequencing"}'] > 0


def test_every_figure_that_a_rule_names_is_one_of_ours():
    sources = [*(ROOT / "services").glob("*/src/**/*.py"), *(ROOT / "shared/src").glob("**/*.py")]
    told = set(NAME.findall("\n".join(path.read_text() for path in sources)))
    told |= {"passerelle_requests_total"}  # the library adds the suffix
    named = {name for rule in alerts() for name in NAME.findall(rule["expr"])}
    assert len(named) > 10
    assert named <= told


def test_every_rule_has_a_test_and_a_paragraph_that_says_what_to_do():
    page = (ROOT / "docs" / "operations" / "monitoring.md").read_text()
    tried = TESTS.read_text()
    for rule in alerts():
        assert (
            rule["annotations"]["runbook"]
            == f"docs/operations/monitoring.md#{rule['alert'].lower()}"
        )
        assert f"### {rule['alert']}\n" in page, rule["alert"]
        assert f"alertname: {rule['alert']}\n" in tried, rule["alert"]


@pytest.mark.parametrize("what", ["check", "test"])
def test_prometheus_understands_the_rules_and_they_fire(what):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    path = RULES if what == "check" else TESTS
    done = subprocess.run(
        [promtool, what, "rules", path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
