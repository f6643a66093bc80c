"""A centre says where it wants to be told; the secret that signs is shown once."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.events.service import EventKind
from gateway.tables import Run, WebhookEndpoint
from gateway.webhooks.rules import Failure
from keel.clock import utc_now
from keel.identifiers import new_id

URL = "https://hooks.centre.fr/passerelle"
ENDPOINTS = "/v1/webhook-endpoints"
PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text("utf-8")
ONCE = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
"""For what the two databases do alike: once is enough."""


@pytest.fixture
async def endpoint(centre):
    return await centre.made(ENDPOINTS, {"url": URL})


async def tag_of(centre, endpoint):
    return (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}")).headers["etag"]


async def patch(centre, endpoint, changes, tag=None):
    headers = {"If-Match": tag or await tag_of(centre, endpoint)}
    path = f"{ENDPOINTS}/{endpoint['id']}"
    return await centre.call("PATCH", path, json=changes, headers=headers)


async def test_the_secret_is_shown_when_the_endpoint_is_made_and_never_again(centre, endpoint):
    assert endpoint["secret"].startswith("whsec_")
    assert (endpoint["url"], endpoint["kinds"], endpoint["enabled"]) == (URL, None, True)
    read = (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}")).json()
    listed = (await centre.call("GET", ENDPOINTS)).json()
    assert read == {k: v for k, v in endpoint.items() if k != "secret"}
    assert listed == {"items": [read], "next": None}


@ONCE
async def test_a_repeated_registration_makes_one_endpoint_and_repeats_no_secret(centre):
    first, again = [
        await centre.call(
            "POST", ENDPOINTS, json={"url": URL}, headers={"Idempotency-Key": "the-same"}
        )
        for _ in range(2)
    ]
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"]
    assert "secret" not in again.json()
    assert len((await centre.call("GET", ENDPOINTS)).json()["items"]) == 1


@ONCE
async def test_the_secret_is_sealed_in_the_database(app, centre, endpoint):
    async with app.state.database.begin(centre.tenant) as session:
        row = await session.get(WebhookEndpoint, (centre.tenant, endpoint["id"]))
        assert endpoint["secret"].encode() not in row.secret
        assert await app.state.webhook_endpoints.signing(session, row) == [endpoint["secret"]]


@ONCE
async def test_an_edit_names_what_it_was_made_on(centre, endpoint):
    tag = await tag_of(centre, endpoint)
    edited = await patch(centre, endpoint, {"kinds": ["consent.revoked"]}, tag)
    assert (edited.status_code, edited.json()["kinds"]) == (200, ["consent.revoked"])
    late = await patch(centre, endpoint, {"enabled": False}, tag)
    assert (late.status_code, late.json()["code"]) == (412, "precondition_failed")
    bare = await centre.call("PATCH", f"{ENDPOINTS}/{endpoint['id']}", json={"enabled": False})
    assert (bare.status_code, bare.json()["code"]) == (428, "precondition_needed")
    everything = await patch(centre, endpoint, {"kinds": None}, edited.headers["etag"])
    assert everything.json()["kinds"] is None


@ONCE
@pytest.mark.parametrize("changes", [{"url": None}, {"enabled": None}, {"kinds": []}, {"kinds": ["consent.eaten"]}, {"secret": "whsec_mine"}])  # fmt: skip
async def test_an_edit_that_means_nothing_is_refused(centre, endpoint, changes):
    assert (await patch(centre, endpoint, changes)).status_code == 422


@ONCE
async def test_a_url_that_leads_inside_is_refused_and_says_what_is_accepted(centre, endpoint):
    inside = "https://169.254.169.254/latest/meta-data"
    for answer in (
        await centre.call("POST", ENDPOINTS, json={"url": inside}),
        await patch(centre, endpoint, {"url": inside}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url_refused")
        assert "https://" in answer.json()["detail"]
        assert "169.254" not in answer.text
    assert (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}")).json()["url"] == URL


@ONCE
async def test_a_rotation_shows_the_new_secret_once_and_keeps_the_old_one_for_a_day(
    app, centre, endpoint
):
    rotated = await centre.made(f"{ENDPOINTS}/{endpoint['id']}/secret-rotation", {})
    assert rotated["secret"] != endpoint["secret"]
    async with app.state.database.begin(centre.tenant) as session:
        row = await session.get(WebhookEndpoint, (centre.tenant, endpoint["id"]))
        signing = await app.state.webhook_endpoints.signing(session, row)
    assert signing == [rotated["secret"], endpoint["secret"]]
    read = (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}")).json()
    assert read["earlier_secret_until"] == rotated["earlier_secret_until"]


async def test_a_deleted_endpoint_is_gone_and_its_events_stay(centre, endpoint, given):
    assert (await centre.call("DELETE", f"{ENDPOINTS}/{endpoint['id']}")).status_code == 204
    assert (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}")).status_code == 404
    events = (await centre.call("GET", "/v1/events")).json()["items"]
    assert "consent.authorised" in [event["kind"] for event in events]
    assert all(event["deliveries"] == [] for event in events)


@ONCE
async def test_there_are_twenty_endpoints_and_no_more(centre):
    for _ in range(20):
        await centre.made(ENDPOINTS, {"url": URL})
    answer = await centre.call("POST", ENDPOINTS, json={"url": URL})
    assert (answer.status_code, answer.json()["code"]) == (409, "webhook_endpoints_full")
    page = (await centre.call("GET", f"{ENDPOINTS}?limit=15")).json()
    rest = (await centre.call("GET", f"{ENDPOINTS}?after={page['next']}")).json()
    assert (len(page["items"]), len(rest["items"]), rest["next"]) == (15, 5, None)


async def test_an_event_waits_for_each_endpoint_that_listens_to_its_kind(app, centre, beneficiary, asked):  # fmt: skip
    everything = await centre.made(ENDPOINTS, {"url": URL})
    decided = await centre.made(
        ENDPOINTS, {"url": URL, "kinds": ["consent.authorised", "consent.rejected"]}
    )
    other = await centre.made(ENDPOINTS, {"url": URL, "kinds": ["consent.expired"]})
    off = await centre.made(ENDPOINTS, {"url": URL})
    await patch(centre, off, {"enabled": False})
    page = await beneficiary.open(asked["ceremony_url"])
    await beneficiary.decide(page.text, analysis="granted", exploration="refused")
    events = (await centre.call("GET", "/v1/events")).json()["items"]
    event = next(e for e in events if e["kind"] == "consent.authorised")
    assert {d["endpoint"] for d in event["deliveries"]} == {everything["id"], decided["id"]}
    assert {(d["status"], d["attempts"]) for d in event["deliveries"]} == {("pending", 0)}
    assert asked["id"] in event["data"].values()
    waiting = await centre.call("GET", f"{ENDPOINTS}/{decided['id']}/deliveries?status=pending")
    assert [d["event"] for d in waiting.json()["items"]] == [event["id"]]
    nothing = await centre.call("GET", f"{ENDPOINTS}/{other['id']}/deliveries")
    assert nothing.json() == {"items": [], "next": None}


async def test_a_bilan_that_opens_and_a_run_that_a_crash_ended_are_told(app, centre, bilan):
    run = Run(
        tenant=centre.tenant,
        id=new_id("run"),
        bilan=bilan.id,
        beneficiary=bilan.beneficiary,
        use_case="cv-analysis",
        mode="computed",
        status="running",
        timings_ms={},
        created_at=utc_now() - timedelta(hours=1),
        alive_at=utc_now() - timedelta(hours=1),
    )
    async with app.state.database.begin(centre.tenant) as session:
        session.add(run)
    await app.state.recovery.recover()
    events = (await centre.call("GET", "/v1/events")).json()["items"]
    assert [(event["kind"], event["data"]) for event in events] == [
        ("bilan.opened", {"bilan": bilan.id, "beneficiary": bilan.beneficiary}),
        ("run.failed", {"run": run.id, "bilan": bilan.id, "beneficiary": bilan.beneficiary}),
    ]


@ONCE
async def test_who_listens_can_be_asked(app, centre):
    listens = app.state.webhook_endpoints.listens
    await centre.made(ENDPOINTS, {"url": URL, "kinds": ["consent.revoked"]})
    async with app.state.database.begin(centre.tenant) as session:
        assert await listens(session, centre.tenant, EventKind.CONSENT_REVOKED)
        assert not await listens(session, centre.tenant, EventKind.CONSENT_EXPIRED)


async def test_what_is_rolled_back_is_not_told(app, centre):
    await centre.made(ENDPOINTS, {"url": URL})
    async with app.state.database.begin(centre.tenant) as session:
        await app.state.events.emit(session, centre.tenant, EventKind.CONSENT_EXPIRED)
        await session.rollback()
    assert (await centre.call("GET", "/v1/events")).json() == {"items": [], "next": None}


@ONCE
async def test_every_kind_of_event_is_listed(centre):
    kinds = (await centre.call("GET", "/v1/event-kinds")).json()["items"]
    assert kinds == [str(kind) for kind in EventKind]


@pytest.mark.parametrize("kind", EventKind)
def test_every_kind_of_event_is_explained(kind):
    assert f"`{kind}`" in PAGE


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_says_what_to_look_at(failure):
    assert f"`{failure}`" in PAGE


@ONCE
async def test_events_need_their_scope(centre):
    await centre.log_in(scope="people")
    for path in ("/v1/events", "/v1/event-kinds", ENDPOINTS):
        answer = await centre.call("GET", path)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_insufficient")
