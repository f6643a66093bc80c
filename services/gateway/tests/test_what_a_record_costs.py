"""A record costs the same however long the log is; `bench/log.py` measures how much that is."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.records.rules import Fact, Kind
from keel.identifiers import new_id

_BENCH = Path(__file__).parents[3] / "bench" / "log.py"
_STEPS = 100


@pytest.fixture
def steps(app):
    """Count what SQLite's own machine does, in hundreds of its instructions."""

    async def of(work) -> int:
        count = 0

        def one() -> int:
            nonlocal count
            count += 1
            return 0

        async with app.state.database.engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
        await driver.set_progress_handler(one, _STEPS)
        await work()
        await driver.set_progress_handler(None, _STEPS)
        return count

    return of


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_neither_appending_nor_sequencing_does_more_in_a_longer_log(app, steps):
    tenants = [new_id("tnt") for _ in range(2)]
    people = [new_id("ben") for _ in range(5)]

    async def append(count: int) -> None:
        facts = (
            Fact(Kind.LOG_ACCESSED, tenants[i % 2], beneficiary=people[i % 5]) for i in range(count)
        )
        await asyncio.gather(*(app.state.appends.append(fact) for fact in facts))

    async def sequence() -> None:
        while await app.state.sequencer.step():
            pass

    await append(300)
    await sequence()
    appended, sequenced = await steps(lambda: append(200)), await steps(sequence)
    assert appended > 20
    assert sequenced > 20
    await append(3000)
    await sequence()
    assert await steps(lambda: append(200)) < 1.2 * appended
    assert await steps(sequence) < 1.2 * sequenced


@pytest.mark.full
def test_the_bench_measures_and_prints(tmp_path):
    told = tmp_path / "figures.json"
    small = ["--seconds", "0.2", "--sizes", "60", "120", "--window", "40", "--rounds", "1"]
    done = subprocess.run(
        [sys.executable, str(_BENCH), "--on", "sqlite", "--clients", "8", *small,
         "--folder", str(tmp_path), "--json", str(told)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line in ("a second", "lag p99 s", "sequence µs", "consistent", "power cut", "SHA-256/s"):
        assert line in done.stdout
    figures = json.loads(told.read_text())["sqlite"]
    assert figures["rate, append"] > 10
    assert len(figures["cost at 120"]) == 4
    assert figures["audit"]["verdict"] == "consistent"
