"""Restriction and objection stop AI at once; a person's own rights stay (GDPR 18, 21; LR-E05)."""

import asyncio

import pytest

from gateway.gate.service import Attempt
from gateway.problems import ConsentStale
from gateway.restrictions.rules import Ground, RestrictionKind, Side

RESTRICTION = {"kind": "restriction", "ground": "accuracy_contested"}
OBJECTION = {"kind": "objection", "ground": "particular_situation"}


def problem(answer):
    return answer.status_code, answer.json()["code"]


@pytest.fixture
def stop(centre, bilan):
    async def impose(what):
        return await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/restrictions", what)

    return impose


@pytest.fixture
def read_content(centre, bilan):
    async def ask():
        texts = {"bilan": bilan.id, "texts": [{"id": "1", "text": "Bonjour"}]}
        return await centre.call("POST", "/v1/pseudonymisations", json=texts)

    return ask


@pytest.fixture
def draw(centre, given):
    async def ask():
        return await centre.call("POST", f"/v1/consents/{given['id']}/token")

    return ask


@pytest.fixture
def dispatch(app, centre, bilan):
    async def attempt(token):
        async with app.state.database.begin() as session:
            caller = await app.state.tenants.caller(session, centre.token)
            row = await app.state.bilans.find(session, caller.tenant, bilan.id)
        claims = app.state.consents.read_token(token, caller)
        asked = Attempt(
            "local", "rcp_local-llm", frozenset({"FR"}), "analysis", frozenset({"cv"}), {}
        )
        return await app.state.gate.dispatch(caller, row, claims, asked)

    return attempt


@pytest.mark.parametrize("what", [RESTRICTION, OBJECTION], ids=["restriction", "objection"])
async def test_a_token_drawn_before_passes_the_gate_no_more_and_none_is_drawn_after(
    stop, draw, dispatch, what
):
    token = (await draw()).json()["consent_token"]
    await dispatch(token)
    await stop(what)
    with pytest.raises(ConsentStale):
        await dispatch(token)
    assert problem(await draw()) == (403, "processing_restricted")


async def test_a_restriction_stops_every_pass_and_an_objection_only_ai(stop, read_content):
    assert (await read_content()).status_code == 200
    await stop(OBJECTION)
    assert (await read_content()).status_code == 200
    await stop(RESTRICTION)
    assert problem(await read_content()) == (403, "processing_restricted")


async def test_what_was_lifted_stops_nothing_any_more(centre, bilan, stop, draw, read_content):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    made = [await stop(RESTRICTION), await stop(OBJECTION)]
    for one in made:
        for _ in range(2):
            assert (await centre.call("DELETE", f"{path}/{one['id']}")).status_code == 204
    assert (await draw()).status_code == 200
    assert (await read_content()).status_code == 200
    listed = (await centre.call("GET", path)).json()["items"]
    assert [item["id"] for item in listed] == [one["id"] for one in made]
    assert all(item["lifted_at"] for item in listed)


async def test_a_run_in_flight_is_cancelled(app, centre, bilan, given, stop):
    async def working():
        with app.state.consents.in_flight.on(centre.tenant, given["id"], 1):
            await asyncio.sleep(30)

    work = asyncio.create_task(working())
    await asyncio.sleep(0)
    await stop(OBJECTION)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(work, 1)


async def test_a_consent_given_while_the_restriction_is_written_waits_for_it(
    app, centre, bilan, asked, beneficiary, dispatch
):
    """Else a token could be drawn on it that no epoch makes stale."""
    page = await beneficiary.open(asked["ceremony_url"])
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token)
        await app.state.restrictions.impose(
            session,
            caller.tenant,
            bilan.beneficiary,
            RestrictionKind.OBJECTION,
            Ground.PARTICULAR_SITUATION,
            by=Side.TENANT,
        )
        deciding = asyncio.create_task(
            beneficiary.decide(page.text, analysis="granted", exploration="refused")
        )
        await asyncio.sleep(0.3)
        assert not deciding.done()
    assert (await deciding).status_code == 200
    drawn = await centre.call("POST", f"/v1/consents/{asked['id']}/token")
    assert problem(drawn) == (403, "processing_restricted")


async def test_a_ground_belongs_to_its_kind(centre, bilan):
    answer = await centre.call(
        "POST",
        f"/v1/beneficiaries/{bilan.beneficiary}/restrictions",
        json={"kind": "objection", "ground": "legal_claims"},
    )
    assert problem(answer) == (422, "restriction_ground")
    assert answer.json()["grounds"] == ["particular_situation"]
