"""Refusals: looked at in one order (section 5), written down once a minute with their count."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import inspect, select, text, update

from gateway.gate.service import Attempt
from gateway.problems import CategoryNotCovered, ConsentExpired, PurposeNotCovered
from gateway.records.rules import OF_THIS_RECORD
from gateway.tables import Bilan, Consent
from keel.clock import utc_now
from keel.database import database_clock

NOON = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
_SAME_ON_BOTH = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)
"""What no database decides: `make test` plays it on one, `make verify` on both."""
_ON_POSTGRESQL = pytest.mark.parametrize(
    "migrated", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


@pytest.fixture
async def refused(app, assisted):
    """Refuse `often` attempts at once, `minutes` after noon."""
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, assisted.centre.token)
        bilan = await session.get(Bilan, (caller.tenant, assisted.bilan.id))
    claims = app.state.consents.read_token(assisted.token, caller)

    async def refuse(often, *, minutes=0, purpose="exploration", categories=("cv",)):
        gate = replace(app.state.gate, now=lambda: NOON + timedelta(minutes=minutes))
        facts = {"use_case_id": "cv-analysis"}
        asked = Attempt(
            "local", "rcp_local-llm", frozenset({"FR"}), purpose, frozenset(categories), facts
        )
        attempts = (gate.dispatch(caller, bilan, claims, asked) for _ in range(often))
        answers = await asyncio.gather(*attempts, return_exceptions=True)
        assert {type(answer) for answer in answers} <= {PurposeNotCovered, CategoryNotCovered}

    return refuse


async def told(assisted):
    found = []
    for row in await assisted.records("gate.refused"):
        body = row.said["body"]
        found.append((body["refusal_reason"], body.get("refusals_since_last")))
    return found


async def test_of_many_refusals_at_once_one_is_written_down(assisted, refused):
    await refused(20)
    assert await told(assisted) == [("purpose_not_covered", None)]


@_SAME_ON_BOTH
async def test_each_code_has_its_own_record(assisted, refused):
    await asyncio.gather(refused(5), refused(5, purpose="analysis", categories=("tests",)))
    assert sorted(code for code, _ in await told(assisted)) == [
        "category_not_covered",
        "purpose_not_covered",
    ]


@_SAME_ON_BOTH
async def test_the_next_minutes_record_carries_what_came_since_the_last(assisted, refused):
    await refused(7)
    await refused(3, minutes=1)
    await refused(1, minutes=5)
    assert await told(assisted) == [
        ("purpose_not_covered", None),
        ("purpose_not_covered", 6),
        ("purpose_not_covered", 2),
    ]


@_SAME_ON_BOTH
async def test_a_clock_that_goes_back_makes_no_second_record(assisted, refused):
    await refused(1, minutes=1)
    await refused(2, minutes=0)
    await refused(1, minutes=2)
    assert await told(assisted) == [("purpose_not_covered", None), ("purpose_not_covered", 2)]


@_SAME_ON_BOTH
async def test_a_refusal_says_nothing_of_the_content(assisted, refused):
    await refused(1)
    (row,) = await assisted.records("gate.refused")
    known = {
        "refusal_reason", "purpose_code", "provider_name", "use_case_id", "routing_decision",
        "consent_scopes_required", "consent_scopes_present", "consent_checked_at",
    }  # fmt: skip
    assert set(row.said["body"]) - OF_THIS_RECORD - {"trace_id"} <= known


@pytest.fixture
async def let_out(app, assisted):
    """Ask the gate for one covered attempt, by a clock that goes so much wrong."""
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, assisted.centre.token)
        bilan = await session.get(Bilan, (caller.tenant, assisted.bilan.id))
    claims = app.state.consents.read_token(assisted.token, caller)
    asked = Attempt("local", "rcp_local-llm", frozenset({"FR"}), "analysis", frozenset({"cv"}), {})

    async def dispatch(*, wrong=timedelta(0)):
        gate = replace(app.state.gate, now=lambda: utc_now() + wrong)
        return await gate.dispatch(caller, bilan, claims, asked)

    return dispatch


async def ends(app, assisted, after):
    """Let the consent end so long after now, by the database's clock."""
    async with app.state.database.begin(assisted.centre.tenant) as session:
        now = await session.scalar(select(database_clock()))
        await session.execute(
            update(Consent).where(Consent.id == assisted.consent).values(expires_at=now + after)
        )


async def test_the_clock_of_the_database_ends_a_consent_where_the_gateways_is_an_hour_slow(
    app, assisted, let_out
):
    await let_out(wrong=-timedelta(hours=1))
    await ends(app, assisted, -timedelta(minutes=1))
    with pytest.raises(ConsentExpired):
        await let_out(wrong=-timedelta(hours=1))
    assert len(await assisted.records("ai.dispatch")) == 1


@_SAME_ON_BOTH
async def test_the_clock_of_the_gateway_ends_a_consent_too(app, assisted, let_out):
    await ends(app, assisted, timedelta(minutes=1))
    with pytest.raises(ConsentExpired):
        await let_out(wrong=timedelta(hours=1))


@_ON_POSTGRESQL
async def test_a_consent_that_ends_while_the_gate_waits_for_its_row_is_over(app, assisted, let_out):
    """On SQLite the wait is for the whole database, before the row is looked for."""
    await ends(app, assisted, timedelta(seconds=0.4))
    async with app.state.database.begin(assisted.centre.tenant) as session:
        await session.scalar(select(Consent.id).with_for_update())
        waiting = asyncio.create_task(let_out(wrong=-timedelta(hours=1)))
        await asyncio.sleep(0.6)
    with pytest.raises(ConsentExpired):
        await waiting


@_SAME_ON_BOTH
async def test_a_token_of_the_same_person_for_another_bilan_is_not_good_for_this_one(
    app, assisted, inside
):
    async with app.state.database.begin(assisted.centre.tenant) as session:
        first = await session.scalar(select(Bilan))
        columns = {a.key: getattr(first, a.key) for a in inspect(Bilan).column_attrs}
        session.add(Bilan(**{**columns, "id": "bil_" + 26 * "0"}))
        await session.flush()
        await session.execute(update(Consent).values(bilan="bil_" + 26 * "0"))
    for mode in ("assisted", "best"):
        answer = await assisted.run(mode=mode)
        assert (answer.status_code, answer.json()["code"]) == (403, "consent_binding")
    assert inside.attempts == []


def broken(token):
    return token[:-8] + ("AAAAAAAA" if not token.endswith("AAAAAAAA") else "BBBBBBBB")


FAULTS = ["size", "access token", "scope", "consent token", "binding", "row", "coverage"]
CODES = {
    "size": "too_large",
    "access token": "token_invalid",
    "scope": "scope_insufficient",
    "consent token": "consent_token_invalid",
    "binding": "consent_binding",
    "row": "consent_revoked",
    "coverage": "purpose_not_covered",
}


@_SAME_ON_BOTH
@pytest.mark.parametrize("first", FAULTS)
async def test_what_is_wrong_is_looked_at_in_the_order_of_the_profile(app, assisted, inside, first):
    """Everything from `first` on is wrong at once; the answer names `first`."""
    wrong = set(FAULTS[FAULTS.index(first) :])
    centre, body, statements = assisted.centre, assisted.body, []
    if "coverage" in wrong:
        statements.append("UPDATE consents SET grants = '[]'")
    if "row" in wrong:
        statements.append("UPDATE consents SET status = 'revoked', epoch = epoch + 1")
    if "binding" in wrong:
        other = (await centre.made("/v1/beneficiaries", {}))["id"]
        statements.append(f"UPDATE bilans SET beneficiary = '{other}'")  # noqa: S608 - our own id
    async with app.state.database.begin(centre.tenant) as session:
        for statement in statements:
            await session.execute(text(statement))
    if "scope" in wrong:
        await centre.log_in(counsellor=assisted.bilan.counsellor, scope="documents")
    headers = assisted.headers()
    if "consent token" in wrong:
        headers["Consent-Token"] = broken(headers["Consent-Token"])
    if "access token" in wrong:
        headers["Authorization"] = broken(headers["Authorization"])
    if "size" in wrong:
        body = {**body, "padding": "x" * 2_000_000}
    answer = await centre.http.post("/v1/use-cases/cv-analysis/runs", json=body, headers=headers)
    assert answer.json()["code"] == CODES[first]
    assert inside.attempts == []
