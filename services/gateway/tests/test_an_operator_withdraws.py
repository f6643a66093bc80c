"""An operator ends a consent on the person's behalf; nobody can give one so (profile, 2.1)."""

import asyncio

import httpx
import pytest

import gateway.__main__ as command
from gateway.operators.api import operator_app
from keel.commands import main


@pytest.fixture
async def operator(app):
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
        yield client


async def state_of(centre, consent):
    return (await centre.call("GET", f"/v1/consents/{consent['id']}")).json()


async def test_a_consent_ends_at_once_and_the_record_says_who_acted(
    operator, centre, given, recorded
):
    answer = await operator.delete(f"/tenants/{centre.tenant}/consents/{given['id']}")
    (line,) = answer.json()
    assert (line["consent"], line["end_reason"]) == (given["id"], "withdrawn_by_operator")
    now = await state_of(centre, given)
    assert (now["status"], now["end_reason"]) == ("revoked", "withdrawn_by_operator")
    (record,) = await recorded(given, "consent.revoked")
    assert record["body"]["withdrawn_by"] == "operator"


async def test_what_runs_on_it_is_cancelled(app, operator, centre, given):
    began = asyncio.Event()

    async def work():
        with app.state.consents.in_flight.on(centre.tenant, given["id"], 1):
            began.set()
            await asyncio.sleep(60)

    going = asyncio.create_task(work())
    await began.wait()
    await operator.delete(f"/tenants/{centre.tenant}/consents/{given['id']}")
    await asyncio.wait([going], timeout=1)
    assert going.cancelled()


async def test_every_consent_of_a_person_ends(operator, centre, bilan, given):
    route = f"/tenants/{centre.tenant}/beneficiaries/{bilan.beneficiary}/consents"
    (line,) = (await operator.delete(route)).json()
    assert (line["consent"], line["end_reason"]) == (given["id"], "withdrawn_by_operator")
    assert (await operator.delete(route)).json() == []


async def test_a_consent_that_ended_keeps_its_first_end(operator, centre, given):
    await centre.call("DELETE", f"/v1/consents/{given['id']}")
    again = await operator.delete(f"/tenants/{centre.tenant}/consents/{given['id']}")
    assert (again.status_code, again.json()["code"]) == (409, "consent_state")
    assert (await state_of(centre, given))["end_reason"] == "withdrawn_by_counsellor"


async def test_another_tenants_consent_and_person_are_not_found(operator, new_centre, bilan, given):
    other = await new_centre()
    for route in (f"consents/{given['id']}", f"beneficiaries/{bilan.beneficiary}/consents"):
        assert (await operator.delete(f"/tenants/{other.tenant}/{route}")).status_code == 404


def test_the_verb_asks_for_one_consent_or_one_person(monkeypatch, capsys):
    asked = []

    def on_platform(method, route, body=None, *, whole=False):
        asked.append((method, route, whole))
        return []

    monkeypatch.setattr(command, "_on_platform", on_platform)
    main(command.SERVICE, ["consent", "withdraw", "cns_1", "--tenant", "tnt_1"])
    main(command.SERVICE, ["consent", "withdraw", "--beneficiary", "ben_1", "--tenant", "tnt_1"])
    assert asked == [
        ("DELETE", "/tenants/tnt_1/consents/cns_1", True),
        ("DELETE", "/tenants/tnt_1/beneficiaries/ben_1/consents", True),
    ]
    with pytest.raises(SystemExit):
        main(command.SERVICE, ["consent", "withdraw", "--tenant", "tnt_1"])
    assert "required" in capsys.readouterr().err
