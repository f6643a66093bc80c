"""What went wrong is written down with its clock: codes in the record, words sealed (GDPR 33)."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, text

from gateway.app import create_app
from gateway.incidents.rules import IncidentClass, deadline
from gateway.log.service import LogDamaged
from gateway.operators.api import operator_app
from gateway.settings import Settings
from gateway.tables import Incident
from keel.clock import rfc3339, utc_now
from keel.database import Database

KNOWN = datetime(2026, 11, 23, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("incident_class", "time"),
    [
        (IncidentClass.BREACH_33, timedelta(hours=72)),
        (IncidentClass.LEAK_SPECIAL_CATEGORY, timedelta(hours=72)),
        (IncidentClass.SERIOUS_INCIDENT_73, timedelta(days=15)),
        (IncidentClass.DISCLOSURE_LATE, None),
        (IncidentClass.FORBIDDEN_USE_5, None),
        (IncidentClass.CHAIN_BROKEN, None),
    ],
)
def test_the_time_to_tell_runs_from_when_it_was_known(incident_class, time):
    assert deadline(incident_class, KNOWN) == (None if time is None else KNOWN + time)


@pytest.fixture
def opened(centre):
    async def open_one(incident_class="breach_33", **beside):
        return await centre.made("/v1/incidents", {"incident_class": incident_class, **beside})

    return open_one


async def records(centre, kind):
    return (await centre.call("GET", f"/v1/records?kind={kind}")).json()["items"]


async def test_a_breach_has_72_hours_from_awareness_and_its_record_holds_codes(app, centre, opened):
    aware = utc_now().replace(microsecond=0) - timedelta(hours=5)
    made = await opened(aware_at=rfc3339(aware), description="Le courrel de Jeanne a fui.")
    assert datetime.fromisoformat(made["deadline_at"]) == aware + timedelta(hours=72)
    assert made["origin"] == "declared"
    (record,) = await records(centre, "incident.opened")
    assert made["record"] == record["id"]
    assert record["body"]["incident_class"] == "breach_33"
    assert record["body"]["incident_deadline_at"] == rfc3339(aware + timedelta(hours=72))
    assert "Jeanne" not in str(record)
    async with app.state.database.begin(centre.tenant) as session:
        row = await session.get(Incident, (centre.tenant, made["id"]))
        assert b"Jeanne" not in row.description
    read = (await centre.call("GET", f"/v1/incidents/{made['id']}")).json()
    assert read["description"] == "Le courrel de Jeanne a fui."


async def test_it_is_closed_once_with_its_outcome(centre, opened):
    made = await opened()
    body = {"outcome": "notified", "description": "Notifié à la CNIL."}
    closed = await centre.made(f"/v1/incidents/{made['id']}/closing", body)
    assert (closed["outcome"], closed["closing"]) == ("notified", "Notifié à la CNIL.")
    again = await centre.call("POST", f"/v1/incidents/{made['id']}/closing", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "incident_state")
    (record,) = await records(centre, "incident.closed")
    assert (record["prev"], record["body"]["incident_outcome"]) == (made["record"], "notified")


async def test_nobody_knew_of_it_in_the_future(centre):
    body = {"incident_class": "breach_33", "aware_at": rfc3339(utc_now() + timedelta(hours=1))}
    refused = await centre.call("POST", "/v1/incidents", json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "incident_state")


async def test_an_instant_before_any_calendar_spoils_no_list(centre):
    body = {"incident_class": "breach_33", "aware_at": "0001-01-01T00:00:00+23:59"}
    refused = await centre.call("POST", "/v1/incidents", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    assert (await centre.call("GET", "/v1/incidents")).json()["items"] == []


async def test_the_list_shows_what_is_still_open(centre, opened):
    first, second = await opened(), await opened("forbidden_use_5")
    await centre.made(f"/v1/incidents/{first['id']}/closing", {"outcome": "false_alarm"})

    async def listed(query):
        page = (await centre.call("GET", f"/v1/incidents?{query}")).json()
        return [item["id"] for item in page["items"]]

    assert await listed("state=open") == [second["id"]]
    assert await listed("state=closed") == [first["id"]]
    assert await listed("incident_class=forbidden_use_5") == [second["id"]]
    assert await listed("limit=1") == [first["id"]]


async def test_the_register_is_for_those_who_govern(centre):
    await centre.log_in(scope="runs")
    refused = await centre.call("GET", "/v1/incidents")
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_insufficient")


async def damage(app):
    while await app.state.sequencer.step():
        pass
    async with app.state.database.begin() as session:
        await session.execute(
            text("UPDATE log_tiles SET hashes = :h WHERE level = 0"), {"h": b"\0" * 32}
        )


async def of_the_log(centre):
    page = (await centre.call("GET", "/v1/incidents?incident_class=chain_broken")).json()
    return [(item["origin"], item["closed_at"]) for item in page["items"]]


async def test_a_start_that_finds_the_log_damaged_opens_one_and_still_refuses(
    gateway_url, keys_dir
):
    settings = Settings(
        database_url=gateway_url, keys_dir=keys_dir, sequencer_interval=timedelta(hours=1)
    )
    first = create_app(settings)
    async with first.router.lifespan_context(first):
        async with first.state.database.begin() as session:
            tenant = (await first.state.tenants.create(session, "Centre d’essai", None)).tenant
        await damage(first)
    for _ in range(2):
        again = create_app(settings)
        with pytest.raises(LogDamaged):
            async with again.router.lifespan_context(again):
                pass
    database = Database(gateway_url)
    async with database.begin(tenant) as session:
        (incident,) = await session.scalars(select(Incident))
        assert (incident.incident_class, incident.origin) == ("chain_broken", "observed")
    await database.close()


async def test_an_audit_that_finds_it_opens_one_too(app, centre):
    await damage(app)
    transport = httpx.ASGITransport(operator_app(app.state))
    async with httpx.AsyncClient(transport=transport, base_url="http://operator") as operator:
        for _ in range(2):
            assert (await operator.get("/log/audit")).json()["verdict"] == "damaged"
    assert await of_the_log(centre) == [("observed", None)]


async def test_damage_that_cannot_be_written_down_is_found_all_the_same(app, centre, opened):
    await opened("forbidden_use_5")
    await damage(app)
    async with app.state.database.begin(centre.tenant) as session:
        await session.execute(text("UPDATE record_keys SET wrapped = :no"), {"no": b"x" * 60})
    await app.state.incidents.tell_damage(app.state.database)  # raises nothing
    assert await of_the_log(centre) == []
