"""`system.config` (AI Act art. 12(2)(a); LR-L03): what runs here is told when it changes, once."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest
from sqlalchemy import select

from gateway.configuration.service import Configuration
from gateway.operators import service as operators
from gateway.quotas.rules import QuotaKind
from gateway.records.rules import DEPLOYMENT
from gateway.tables import Record

CARD = {
    "id": "cv-analysis", "version": "1.0.0", "title": "x", "prompt_version": "3.0.0",
    "prompt_digest": "a" * 64, "system_id": "llm-router", "system_version": "0.1.0",
}  # fmt: skip
RECIPIENT = {"id": "rcp_local-llm", "configuration": "b" * 64}
RULESET = {"profile": "surrogates-fr-md", "version": "0.1.0+abc", "digest": "c" * 64}


@pytest.fixture
def told():
    """What the services tell of themselves; a story changes it."""
    return {"/use-cases": {"items": [CARD]}, "/recipients": {"items": [RECIPIENT]},
            "/ruleset": RULESET}  # fmt: skip


@pytest.fixture
def configuration(app, told):
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json=told[request.url.path])

    clients = {
        name: httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://inside")
        for name in ("llm-router", "anonymizer")
    }
    services = replace(app.state.services, clients=clients)
    return Configuration(app.state.database, services, app.state.records)


@pytest.fixture
def changes(app) -> Callable:
    async def of(tenant=DEPLOYMENT):
        async with app.state.database.begin(tenant) as session:
            query = select(Record).where(Record.kind == "system.config", Record.tenant == tenant)
            rows = (await session.scalars(query.order_by(Record.id))).all()
            return [(await app.state.records.read(session, row))["body"] for row in rows]

    return of


async def test_each_component_is_recorded_and_only_once_by_many_who_look(configuration, changes):
    found = await asyncio.gather(*(configuration.keep_up() for _ in range(4)))
    bodies = await changes()
    names = [body["component"] for body in bodies]
    assert len(names) == len(set(names)) == sum(found)
    assert set(names) == {
        "software.gateway", "software.llm-router", "vocabulary", "notice.consent",
        "notice.secrecy", "record.schema", "use_case.cv-analysis", "prompt.cv-analysis",
        "recipient.rcp_local-llm", "anonymizer.ruleset",
    }  # fmt: skip
    assert not any({"version_old", "digest_old"} & set(body) for body in bodies)
    assert await configuration.keep_up() == 0


@pytest.mark.parametrize(
    ("path", "changed", "component", "versions"),
    [
        ("/use-cases", {"items": [{**CARD, "version": "1.1.0"}]}, "use_case.cv-analysis",
         ("1.0.0", "1.1.0")),
        ("/use-cases", {"items": [{**CARD, "prompt_digest": "d" * 64}]}, "prompt.cv-analysis",
         ("3.0.0", "3.0.0")),
        ("/use-cases", {"items": [{**CARD, "system_version": "0.2.0"}]}, "software.llm-router",
         ("0.1.0", "0.2.0")),
        ("/recipients", {"items": [{**RECIPIENT, "configuration": "e" * 64}]},
         "recipient.rcp_local-llm", (None, None)),
        ("/recipients", {"items": []}, "recipient.rcp_local-llm", (None, None)),
        ("/ruleset", {**RULESET, "version": "0.1.0+def", "digest": "f" * 64}, "anonymizer.ruleset",
         ("0.1.0+abc", "0.1.0+def")),
    ],
)  # fmt: skip
async def test_a_change_is_told_with_what_was_before(
    configuration, changes, told, path, changed, component, versions
):
    await configuration.keep_up()
    before = len(await changes())
    told[path] = changed
    assert await configuration.keep_up() >= 1
    bodies = (await changes())[before:]
    (body,) = [body for body in bodies if body["component"] == component]
    assert (body.get("version_old"), body.get("version_new")) == versions
    assert body["digest_old"] != body.get("digest_new")
    assert ("digest_new" in body) == bool(changed.get("items", True))


async def test_what_a_service_does_not_tell_now_stays_as_it_is_known(configuration, changes, told):
    await configuration.keep_up()
    before = await changes()

    def down(_):
        raise httpx.ConnectError("down")

    silent = httpx.AsyncClient(transport=httpx.MockTransport(down), base_url="http://inside")
    clients = dict.fromkeys(configuration.services.clients, silent)
    blind = replace(configuration, services=replace(configuration.services, clients=clients))
    assert await blind.keep_up() == 0
    assert await changes() == before


async def test_what_an_operator_sets_for_a_centre_is_told_under_its_own_key(app, centre, changes):
    state = app.state
    for switch in (True, True, False):
        await operators.set_policy(
            state.database, state.records, centre.tenant, ceremony_code=switch
        )
    for limit in (50, 50, None):
        limits = {QuotaKind.ASSISTED_RUNS: limit}
        await operators.set_quotas(state.quotas, state.records, centre.tenant, limits)
    for siren in ("732829320", "732829320", "552081317"):
        await operators.set_siren(state.identity, centre.tenant, siren)
    for change in (operators.suspend_tenant, operators.resume_tenant):
        for _ in range(2):
            await change(state.suspension, centre.tenant)
    said = [(b["component"], b.get("version_old"), b["version_new"]) for b in
            await changes(centre.tenant)]  # fmt: skip
    quota = f"tenant.quota.{QuotaKind.ASSISTED_RUNS}"
    assert said == [
        ("tenant.ceremony_code", "off", "on"),
        ("tenant.ceremony_code", "on", "off"),
        (quota, "unlimited", "50"),
        (quota, "50", "unlimited"),
        ("tenant.siren", None, "732829320"),
        ("tenant.siren", "732829320", "552081317"),
        ("tenant.suspended", "off", "on"),
        ("tenant.suspended", "on", "off"),
    ]
