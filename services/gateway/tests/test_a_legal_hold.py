"""A proceeding delays what would be destroyed: with a reason, an end, and a record of it."""

from datetime import timedelta

import httpx
import pytest

import gateway.__main__ as command
from gateway.holds import store as holds
from gateway.holds.rules import LONGEST, is_bounded
from gateway.operators.api import operator_app
from keel.clock import rfc3339, utc_now


@pytest.fixture
async def operator(app):
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        yield client


@pytest.fixture
def place(operator, centre):
    async def placing(days=30, **beside):
        until = rfc3339(utc_now() + timedelta(days=days))
        body = {"reason": "litigation", "until": until, **beside}
        return await operator.post(f"/tenants/{centre.tenant}/holds", json=body)

    return placing


async def until(app, tenant):
    async with app.state.database.begin(tenant) as session:
        return await holds.until(session, tenant)


async def test_the_last_one_to_end_counts(app, centre, place):
    assert await until(app, centre.tenant) is None
    await place(days=30)
    longer = (await place(days=90)).json()
    assert rfc3339(await until(app, centre.tenant)) == longer["until"]


async def test_a_lifted_one_holds_nothing_and_keeps_its_first_date(app, operator, centre, place):
    hold = (await place()).json()
    route = f"/tenants/{centre.tenant}/holds/{hold['hold']}"
    lifted = (await operator.delete(route)).json()
    assert await until(app, centre.tenant) is None
    assert (await operator.delete(route)).json()["lifted_at"] == lifted["lifted_at"] is not None


async def test_of_another_tenant_it_holds_nothing(app, new_centre, place):
    await place()
    assert await until(app, (await new_centre()).tenant) is None


async def test_it_always_ends(place):
    for days in (-1, 0, 6 * 366):
        refused = await place(days=days)
        assert (refused.status_code, refused.json()["code"]) == (422, "hold_period")
    at = utc_now()
    assert is_bounded(at + LONGEST, at=at)
    assert not is_bounded(at + LONGEST + timedelta(seconds=1), at=at)


async def test_records_tell_it_by_its_code_and_never_by_its_words(
    app, operator, centre, place, capsys
):
    hold = (await place(reference="RG 26/01234 Dupont")).json()
    await operator.delete(f"/tenants/{centre.tenant}/holds/{hold['hold']}")
    page = await centre.call("GET", "/v1/records?kind=system.config")
    bodies = [r["body"] for r in page.json()["items"] if r["body"].get("legal_hold")]
    assert [b["change"] for b in bodies] == ["legal_hold_placed", "legal_hold_lifted"]
    assert {b["legal_hold_reason"] for b in bodies} == {"litigation"}
    assert "Dupont" not in page.text + capsys.readouterr().out
    (listed,) = (await operator.get(f"/tenants/{centre.tenant}/holds")).json()
    assert listed["reference"] == "RG 26/01234 Dupont"


@pytest.mark.parametrize("words", ["x" * 101, "une\nligne", ""], ids=["long", "two lines", "none"])
async def test_a_reference_is_short_and_of_one_line(place, words):
    assert (await place(reference=words)).status_code == 422


async def test_nobody_holds_for_a_tenant_that_is_not_there(operator):
    body = {"reason": "litigation", "until": rfc3339(utc_now() + timedelta(days=3))}
    assert (await operator.post("/tenants/tnt_none/holds", json=body)).status_code == 404


def asked(*words):
    import argparse  # noqa: PLC0415

    parser = argparse.ArgumentParser()
    command._tenant_arguments(parser)
    return command.holds.asked(parser.parse_args(words))


def test_a_day_alone_means_its_end():
    _, route, body = asked(
        "hold", "--tenant", "tnt_1", "--reason", "incident", "--until", "2027-06-30"
    )
    assert (route, body["until"]) == ("/tenants/tnt_1/holds", "2027-06-30T23:59:59Z")
    assert asked("release-hold", "hld_1", "--tenant", "tnt_1")[:2] == (
        "DELETE",
        "/tenants/tnt_1/holds/hld_1",
    )
