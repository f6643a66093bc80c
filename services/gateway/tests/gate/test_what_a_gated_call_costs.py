"""What the gateway itself costs, at sixteen calls at once, with doubles that answer at once.

The gate: its transaction, without the durable commit, as processor time (on a machine with two
cores the clock on the wall would measure the queue); and the commit, by the clock on the wall.
A run: everything between the caller and the model, over HTTP, with its inside calls.
"""

import asyncio
import statistics
import time

import psutil
import pytest

from gateway.gate.service import Attempt
from gateway.tables import Bilan
from keel.database import SettledSession

pytestmark = [pytest.mark.full, pytest.mark.timeout(580)]
_AT_ONCE = 16
_ROUNDS = 60
_RUNS = 320


def p99(values):
    return sorted(values)[int(len(values) * 0.99)]


@pytest.fixture
def commits(monkeypatch):
    """Seconds that each commit takes."""
    taken, commit = [], SettledSession.commit

    async def timed(session):
        began = time.perf_counter()
        await commit(session)
        taken.append(time.perf_counter() - began)

    monkeypatch.setattr(SettledSession, "commit", timed)
    return taken


async def test_the_gate(app, assisted, beside, commits, capsys):
    subjects = await beside("test_revocation_under_load").people(app, assisted, _AT_ONCE)
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, assisted.centre.token)
        bilans = [await session.get(Bilan, (caller.tenant, s.bilan)) for s in subjects]
    claims = []
    for subject in subjects:
        drawn = await assisted.centre.call("POST", f"/v1/consents/{subject.consent}/token")
        claims.append(app.state.consents.read_token(drawn.json()["consent_token"], caller))
    attempt = Attempt(
        "local", "rcp_local-llm", frozenset({"FR"}), "analysis", frozenset({"cv"}), {}
    )
    costs = []
    commits.clear()
    for number in range(_ROUNDS + 5):
        if number == 5:  # warm
            commits.clear()
            costs.clear()
        began = time.process_time()
        calls = (
            app.state.gate.dispatch(caller, b, c, attempt)
            for b, c in zip(bilans, claims, strict=True)
        )
        await asyncio.gather(*calls)
        costs.append((time.process_time() - began) / _AT_ONCE)
    at_once = sorted(commits)
    # One at a time too: among sixteen in one event loop a commit is timed with its neighbours.
    commits.clear()
    for _ in range(20):
        for bilan, claim in zip(bilans, claims, strict=True):
            await app.state.gate.dispatch(caller, bilan, claim, attempt)
    with capsys.disabled():
        print(  # noqa: T201 - a figure
            f"\n  gate on {app.state.database.engine.dialect.name}: {len(costs) * _AT_ONCE} calls, "
            f"own cost p50 {1000 * statistics.median(costs):.2f} ms; {len(commits)} commits, "
            f"p50 {1000 * statistics.median(commits):.2f} ms, p99 {1000 * p99(commits):.2f} ms; "
            f"{len(at_once)} of sixteen at once: p50 {1000 * statistics.median(at_once):.2f} ms, "
            f"p99 {1000 * p99(at_once):.2f} ms"
        )
    assert statistics.median(costs) < 0.005
    assert p99(commits) < 0.050
    assert p99(at_once) < 0.050


async def test_a_whole_run(app, gateway_url, keys_dir, assisted, beside, tmp_path, capsys):
    load_test = beside("test_revocation_under_load")
    subjects = await load_test.people(app, assisted, _AT_ONCE)
    taken = []
    async with load_test.loaded(app, gateway_url, keys_dir, assisted, tmp_path, replicas=1) as load:
        tokens = {s.consent: await load.draw(s) for s in subjects}

        async def work(subject, runs):
            for _ in range(runs):
                began = time.perf_counter()
                answer = await load.run(subject, tokens[subject.consent])
                assert answer.status_code == 201, answer.text
                taken.append(time.perf_counter() - began)

        await asyncio.gather(*(work(s, 2) for s in subjects))
        taken.clear()
        known = len(await load.script())
        process = psutil.Process(load.pids[0])
        began = sum(process.cpu_times()[:2])
        await asyncio.gather(*(work(s, _RUNS // _AT_ONCE) for s in subjects))
        spent = sum(process.cpu_times()[:2]) - began
        inside = len(await load.script(known=known))
    with capsys.disabled():
        print(  # noqa: T201 - a figure
            f"\n  run on {gateway_url.partition('+')[0]}: {len(taken)} runs, {inside / len(taken):.1f} inside calls "
            f"each; gateway's own cost {1000 * spent / len(taken):.1f} ms a run, {1000 * spent / inside:.1f} ms "
            f"an inside call; wall p50 {1000 * statistics.median(taken):.0f} ms"
        )
    assert inside == 7 * len(taken)
