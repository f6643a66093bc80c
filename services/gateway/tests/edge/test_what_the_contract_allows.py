"""A contract's number a month is never passed, by however many processes; what is left is not lost."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import httpx
import pytest

import gateway.__main__ as command
from gateway.operators.api import operator_app
from gateway.problems import ClientRefused, QuotaExceeded, RunCancelled
from gateway.quotas import store
from gateway.quotas.rules import QuotaKind, end_of, period_of
from gateway.quotas.service import Quotas
from keel.commands import main
from keel.database import Database

RUNS, DOCUMENTS = QuotaKind.ASSISTED_RUNS, QuotaKind.DOCUMENTS
NOVEMBER = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
async def process(gateway_url: str, app) -> AsyncIterator[Callable[[], Quotas]]:
    """One more process on the same database; on SQLite, where there is one, its own memory."""
    opened = []

    def create(**given) -> Quotas:
        database = app.state.database
        if not database.is_sqlite:
            database = Database(gateway_url)
            opened.append(database)
        return Quotas(database, now=lambda: NOVEMBER, **given)

    yield create
    for database in opened:
        await database.close()


async def spent(quotas: Quotas, tenant: str, times: int) -> int:
    count = 0
    for _ in range(times):
        with contextlib.suppress(QuotaExceeded):
            await quotas.spend(tenant, RUNS)
            count += 1
        await asyncio.sleep(0)
    return count


async def rows(quotas: Quotas, tenant: str) -> dict:
    return {u.kind: (u.used, u.reserved, u.limit) for u in await quotas.read(tenant)}


@pytest.mark.parametrize("limit", [0, 7, 137])
async def test_processes_that_race_never_pass_the_contract(process, centre, limit):
    quotas = [process() for _ in range(3)]
    await quotas[0].set_limits(centre.tenant, {RUNS: limit})
    counts = await asyncio.gather(*(spent(q, centre.tenant, 60) for q in (*quotas, *quotas)))
    assert sum(counts) <= limit
    # Whoever ran dry may have left blocks in the others' hands: given back, they are used.
    for each in quotas:
        await each.close()
    last = process()
    assert sum(counts) + await spent(last, centre.tenant, limit) == limit
    for each in quotas:
        await each.report()
    assert (await rows(last, centre.tenant))[RUNS] == (limit, limit, limit)


async def test_near_the_end_no_process_holds_what_another_could_use(process, centre):
    one, other = process(), process()
    await one.set_limits(centre.tenant, {RUNS: 9})
    assert await spent(one, centre.tenant, 1) == 1
    assert await spent(other, centre.tenant, 20) == 8


async def test_a_large_contract_costs_a_row_a_block(process, centre):
    quotas = process()
    await quotas.set_limits(centre.tenant, {RUNS: 1000})
    await spent(quotas, centre.tenant, 3)
    assert (await rows(quotas, centre.tenant))[RUNS] == (3, 20, 1000)
    await quotas.close()
    assert (await rows(quotas, centre.tenant))[RUNS] == (3, 3, 1000)
    await spent(quotas, centre.tenant, 1)
    assert (await rows(quotas, centre.tenant))[RUNS] == (4, 23, 1000)


async def test_without_a_contract_it_is_counted_all_the_same(process, centre):
    quotas = process()
    assert await spent(quotas, centre.tenant, 25) == 25
    used, _, limit = (await rows(quotas, centre.tenant))[RUNS]
    assert (used, limit) == (25, None)


async def test_a_lowered_contract_holds_from_the_next_block_on(process, centre):
    quotas = process(block=5)
    await quotas.set_limits(centre.tenant, {RUNS: 1000})
    await spent(quotas, centre.tenant, 7)
    await quotas.set_limits(centre.tenant, {RUNS: 8})
    assert await spent(quotas, centre.tenant, 20) == 3  # what the process already held
    await quotas.set_limits(centre.tenant, {RUNS: 12})
    assert await spent(quotas, centre.tenant, 20) == 2


async def test_a_new_month_begins_anew_and_the_old_one_gets_its_rest_back(app, centre):
    at = [datetime(2026, 12, 31, 23, 59, tzinfo=UTC)]
    quotas = Quotas(app.state.database, now=lambda: at[0])
    await quotas.set_limits(centre.tenant, {RUNS: 1000})
    await spent(quotas, centre.tenant, 3)
    at[0] = datetime(2027, 1, 1, tzinfo=UTC)
    await spent(quotas, centre.tenant, 1)
    assert (await rows(quotas, centre.tenant))[RUNS] == (1, 20, 1000)
    at[0] = datetime(2026, 12, 31, tzinfo=UTC)
    assert (await rows(quotas, centre.tenant))[RUNS] == (3, 3, 1000)


async def test_what_was_refused_before_it_was_done_does_not_count(process, centre):
    quotas = process()
    for refusal in (ClientRefused, RunCancelled, RuntimeError):
        with contextlib.suppress(refusal):
            async with quotas.one(centre.tenant, RUNS):
                raise refusal
    assert (await rows(quotas, centre.tenant))[RUNS][0] == 2


async def test_what_is_given_back_around_a_report_is_counted_once(process, centre, monkeypatch):
    quotas = process()
    period = await quotas.spend(centre.tenant, RUNS)
    await quotas.spend(centre.tenant, RUNS)
    written = store.report

    async def given_back_meanwhile(*given, **named):
        await written(*given, **named)
        quotas.give_back(centre.tenant, RUNS, period)

    monkeypatch.setattr(store, "report", given_back_meanwhile)
    await quotas.report()
    monkeypatch.undo()
    assert (await rows(quotas, centre.tenant))[RUNS][0] == 1
    quotas.give_back(centre.tenant, RUNS, period)  # of what was reported before
    assert (await rows(quotas, centre.tenant))[RUNS][0] == 0
    await quotas.close()
    assert (await rows(quotas, centre.tenant))[RUNS] == (0, 0, None)


async def test_what_is_given_back_while_a_block_is_reserved_is_counted_once(
    process, centre, monkeypatch
):
    quotas = process(block=1)
    period = await quotas.spend(centre.tenant, RUNS)
    reserved = store.reserve

    async def given_back_meanwhile(*given):
        quotas.give_back(centre.tenant, RUNS, period)
        return await reserved(*given)

    monkeypatch.setattr(store, "reserve", given_back_meanwhile)
    await quotas.spend(centre.tenant, RUNS)
    monkeypatch.undo()
    await quotas.close()
    assert (await rows(quotas, centre.tenant))[RUNS] == (1, 1, None)


async def test_one_tenants_contract_is_nobody_elses(process, centre, new_centre):
    another = await new_centre()
    quotas = process()
    await quotas.set_limits(centre.tenant, {RUNS: 1})
    assert await spent(quotas, centre.tenant, 3) == 1
    assert await spent(quotas, another.tenant, 3) == 3
    assert (await rows(quotas, another.tenant))[RUNS][2] is None


async def test_a_document_over_the_contract_is_refused_and_nothing_of_it_kept(app, centre, bilan):
    await app.state.quotas.set_limits(centre.tenant, {DOCUMENTS: 1})

    async def upload():
        return await centre.call(
            "POST", "/v1/documents", data={"bilan": bilan.id}, files={"file": ("cv.txt", b"un CV")}
        )

    first, second = await upload(), await upload()
    assert first.status_code == 201
    assert '"documents";q=1' in first.headers["ratelimit-policy"]
    assert '"documents";r=0;t=' in first.headers["ratelimit"]
    assert second.status_code == 429
    refused = second.json()
    assert (refused["code"], refused["quota"]) == ("quota_exceeded", "documents")
    assert "Ask your operator" in refused["detail"]
    assert int(second.headers["retry-after"]) >= 1
    await app.state.quotas.set_limits(centre.tenant, {DOCUMENTS: 2})
    assert (await upload()).status_code == 201


async def test_usage_is_told(app, centre, bilan):
    await app.state.quotas.set_limits(centre.tenant, {RUNS: 500})
    answer = await centre.call("GET", "/v1/usage")
    assert answer.status_code == 200
    items = {item["kind"]: item for item in answer.json()["items"]}
    assert set(items) == {"assisted_runs", "documents"}
    assert items["assisted_runs"]["limit"] == 500
    assert items["assisted_runs"]["used"] == items["assisted_runs"]["reserved"] == 0
    assert items["documents"]["limit"] is None
    await centre.log_in(scope="people")
    assert (await centre.call("GET", "/v1/usage")).status_code == 403


def test_months_are_of_utc():
    assert period_of(datetime.fromisoformat("2026-12-01T00:30:00+01:00")) == "2026-11"
    assert end_of("2026-11") == datetime(2026, 12, 1, tzinfo=UTC)
    assert end_of("2026-12") == datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture
async def operator(app):
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        yield client


async def test_an_operator_says_what_the_contract_allows(app, centre, operator):
    route = f"/tenants/{centre.tenant}/quotas"
    said = await operator.put(route, json={"assisted_runs": 500})
    assert {u["kind"]: u["limit"] for u in said.json()} == {"assisted_runs": 500, "documents": None}
    said = await operator.put(route, json={"documents": 40})
    assert {u["kind"]: u["limit"] for u in said.json()} == {"assisted_runs": 500, "documents": 40}
    said = await operator.put(route, json={"assisted_runs": None})
    assert {u["kind"]: u["limit"] for u in said.json()} == {"assisted_runs": None, "documents": 40}
    assert (await operator.put(route, json={"assisted_runs": -1})).status_code == 422
    assert (await operator.put("/tenants/tnt_x/quotas", json={})).status_code == 404


def test_the_verb_works_on_the_database_too(keys_dir, migrated, monkeypatch, capsys):
    monkeypatch.setenv("GATEWAY_DATABASE_URL", migrated("gateway"))
    monkeypatch.setenv("GATEWAY_KEYS_DIR", str(keys_dir))
    assert main(command.SERVICE, ["tenant", "create", "--name", "Centre"]) == 0
    tenant = json.loads(capsys.readouterr().out)["tenant"]
    verb = ["tenant", "quota", "--tenant", tenant]
    assert main(command.SERVICE, [*verb, "--assisted-runs", "500", "--documents", "none"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {u["kind"]: u["limit"] for u in lines} == {"assisted_runs": 500, "documents": None}
    assert main(command.SERVICE, [*verb, "--documents", "many"]) == 2
    assert "number" in capsys.readouterr().err
