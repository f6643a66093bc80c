"""A record costs the same however long the log is; `bench/log.py` measures how much that is."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import text

from gateway.log import store
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


_EARLIER = """INSERT INTO records (tenant, id, kind, occurred_at, log_generation, log_index)
SELECT $1, 'rec_' || lpad(n::text, 26, '0'), 'log.accessed', 0, 1, $2 + n
FROM generate_series(1, 5000) n"""


@pytest.mark.postgresql
@pytest.mark.parametrize("migrated", ["postgresql"], indirect=True)
async def test_a_place_costs_the_same_when_postgresql_knows_nothing_of_its_tenant(
    app, gateway_url, postgresql
):
    """Its statistics are from before the tenant came, which are 5,000 records ago."""
    known, new = new_id("tnt"), new_id("tnt")
    owner = await asyncpg.connect(
        postgresql.replace("+asyncpg", "") + "/" + gateway_url.rpartition("/")[2]
    )
    await owner.execute(_EARLIER, known, 10**6)
    await owner.execute("ANALYZE records")
    await owner.execute(_EARLIER, new, 2 * 10**6)
    await owner.close()
    facts = [Fact(Kind.LOG_ACCESSED, new, beneficiary=new_id("ben")) for _ in range(100)]
    await asyncio.gather(*(app.state.appends.append(fact) for fact in facts))
    async with app.state.database.begin() as session:
        waiting = [one for one in await store.take(session, limit=500) if one.tenant == new]
        await store.place(session, 1, 1, waiting)
        read = await (await session.connection()).execute(
            text(
                "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) "
                "FROM pg_stat_xact_user_tables WHERE relname = 'records'"
            )
        )
        assert len(waiting) <= read.scalar_one() <= 2 * len(waiting)
        again = {"generation": 1, "of": new, "records": [waiting[0].record], "places": [1]}
        explained = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {store._PLACE_ALL}")
        (plan,) = (await (await session.connection()).execute(explained, again)).scalar_one()
        assert "JIT" not in plan, "half a second of compiling, each time"
    assert len(waiting) == 100


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
