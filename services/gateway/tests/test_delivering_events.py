"""What happened reaches whoever listens: signed, at least once, and visibly when it does not."""

import asyncio
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from sqlalchemy import func, select
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.events.service import EventKind
from gateway.operators.webhooks import Replay, replay
from gateway.tables import Consent, DueDelivery, Event, Tenant
from gateway.webhooks.addresses import Reach
from gateway.webhooks.deliveries import AT_ONCE_EACH, HELD, LEASE
from gateway.webhooks.rules import RETRIES, retry_in
from gateway.webhooks.sending import Attempt, Sender
from keel.clock import utc_now
from keel.identifiers import new_id

ENDPOINTS = "/v1/webhook-endpoints"
LOOPBACK = Reach(loopback=True)
ONCE = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
"""For what the two databases do alike: once is enough."""


@dataclass
class Clock:
    """A clock that goes on when its test says so."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self):
        return self.at

    def go_on(self, by):
        self.at += by


@dataclass
class Receiver:
    """A centre's software: it verifies what it gets with the library that its author would take."""

    url: str = ""
    answers: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    hanging: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, request):
        body = await request.text()
        self.requests.append((request.path, dict(request.headers), body))
        status = self.answers.get(request.path, 204)
        if status == "hang":
            await self.hanging.wait()
            status = 204
        return web.Response(status=status)

    def verified(self, secret, which=-1):
        _, headers, body = self.requests[which]
        return Webhook(secret).verify(body, headers)

    def ids(self, path="/hook"):
        return [headers["webhook-id"] for where, headers, _ in self.requests if where == path]


@pytest.fixture
async def receiver():
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/{path:.*}", receiver.hear)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield receiver
    receiver.hanging.set()
    await runner.cleanup()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def deliveries(app, clock):
    """The verbs of deliveries on the test's clock, with leave to reach loopback."""
    app.state.webhook_endpoints = replace(app.state.webhook_endpoints, reach=LOOPBACK, now=clock)
    return replace(
        app.state.deliveries, endpoints=app.state.webhook_endpoints, now=clock, spread=lambda: 0.0
    )


@pytest.fixture
async def sender():
    async with Sender(LOOPBACK, time_limit=2) as sender:
        yield sender


@pytest.fixture
async def send(deliveries, sender):
    """Send all that is due now, once."""

    async def send():
        taken = await deliveries.take()
        await asyncio.gather(*(deliveries.deliver(sender.post, due) for due in taken))
        return len(taken)

    return send


@pytest.fixture
def happen(app, centre, clock):
    async def happen(kind=EventKind.CONSENT_REVOKED, tenant=None, secret=None, **ids):
        events = replace(app.state.events, now=clock)
        tenant = tenant or centre.tenant
        async with app.state.database.begin(tenant) as session:
            return await events.emit(
                session, tenant, kind, secret=secret, **(ids or {"consent": "cns_1"})
            )

    return happen


@pytest.fixture
def listen(centre, receiver, deliveries):
    async def listen(path="/hook", **body):
        return await centre.made(ENDPOINTS, {"url": receiver.url + path, **body})

    return listen


@pytest.fixture
def waiting(app):
    async def waiting():
        async with app.state.database.begin() as session:
            return await session.scalar(select(func.count()).select_from(DueDelivery))

    return waiting


async def state(centre, endpoint):
    listed = (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}/deliveries")).json()["items"]
    return [(d["status"], d["attempts"], d["last_failure"]) for d in listed]


async def test_a_receiver_verifies_what_it_gets_with_the_library(listen, happen, send, receiver, waiting):  # fmt: skip
    endpoint = await listen()
    event = await happen()
    assert await send() == 1
    told = receiver.verified(endpoint["secret"])
    assert (told["type"], told["data"]) == ("consent.revoked", {"consent": "cns_1"})
    assert receiver.ids() == [event]
    assert await waiting() == 0
    assert await send() == 0


@ONCE
async def test_a_body_that_was_changed_or_another_secret_does_not_verify(listen, happen, send, receiver):  # fmt: skip
    endpoint, other = await listen(), await listen("/other")
    await happen()
    await send()
    _, headers, body = next(r for r in receiver.requests if r[0] == "/hook")
    Webhook(endpoint["secret"]).verify(body, headers)
    for secret, text in ((other["secret"], body), (endpoint["secret"], body + " ")):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(text, headers)


@ONCE
async def test_what_is_sent_holds_kinds_ids_and_times_and_nothing_else(
    app, centre, given, listen, send, receiver, clock
):
    await listen()
    await centre.call("DELETE", f"/v1/consents/{given['id']}")
    async with app.state.database.begin(centre.tenant) as session:
        for kind in EventKind:
            await app.state.events.emit(session, centre.tenant, kind, consent=given["id"])
    clock.go_on(timedelta(minutes=1))
    while await send():
        pass
    assert len(receiver.requests) >= len(EventKind)
    for _, headers, body in receiver.requests:
        told = json.loads(body)
        assert set(told) == {"type", "timestamp", "data"}
        assert told["type"] in set(EventKind)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["timestamp"])
        for name, value in told["data"].items():
            assert re.fullmatch(r"[a-z_]+", name)
            assert re.fullmatch(r"[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}", value), (name, value)
        assert set(headers) <= {"Host", "Content-Type", "User-Agent", "webhook-id", "webhook-timestamp", "webhook-signature", "Accept", "Accept-Encoding", "Content-Length", "Connection"}  # fmt: skip


async def test_what_fails_is_tried_again_for_a_day_and_more_then_parked_where_it_can_be_seen(
    centre, listen, happen, send, receiver, clock, waiting
):
    endpoint = await listen()
    receiver.answers["/hook"] = 500
    event = await happen()
    for attempt, wait in enumerate(RETRIES, start=1):
        assert await send() == 1
        assert await state(centre, endpoint) == [("pending", attempt, "status")]
        clock.go_on(wait - timedelta(seconds=1))
        assert await send() == 0
        clock.go_on(timedelta(seconds=1))
    assert await send() == 1
    assert await state(centre, endpoint) == [("parked", 8, "status")]
    assert await waiting() == 0
    assert receiver.ids() == [event] * 8
    parked = await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}/deliveries?status=parked")
    assert parked.json()["items"][0]["last_status"] == 500
    told = (await centre.call("GET", "/v1/events")).json()["items"]
    assert [d["status"] for e in told for d in e["deliveries"]] == ["parked"]


def test_the_schedule_is_spread_by_a_tenth_and_no_more():
    numbers = random.Random(1)  # noqa: S311 - examples
    for attempts, wait in enumerate(RETRIES, start=1):
        for _ in range(100):
            spread = retry_in(attempts, numbers.uniform(-1, 1))
            assert wait * 0.9 <= spread <= wait * 1.1
    assert retry_in(len(RETRIES) + 1, 0) is None


@ONCE
async def test_a_receiver_that_recovers_gets_it_at_the_next_attempt(centre, listen, happen, send, receiver, clock):  # fmt: skip
    endpoint = await listen()
    receiver.answers["/hook"] = 503
    await happen()
    await send()
    receiver.answers["/hook"] = 200
    clock.go_on(RETRIES[0])
    await send()
    assert await state(centre, endpoint) == [("delivered", 2, None)]
    first, second = receiver.requests
    assert first[2] == second[2]
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert int(second[1]["webhook-timestamp"]) - int(first[1]["webhook-timestamp"]) == 5


async def test_a_receiver_that_is_gone_is_switched_off_with_all_that_waited(
    centre, listen, happen, send, receiver, waiting
):
    endpoint = await listen()
    receiver.answers["/hook"] = 410
    await happen()
    await happen()
    await send()
    after = (await centre.call("GET", f"{ENDPOINTS}/{endpoint['id']}")).json()
    assert (after["enabled"], after["disabled_because"]) == (False, "gone")
    assert {s for s, _, _ in await state(centre, endpoint)} == {"parked"}
    assert await waiting() == 0
    await happen()
    assert len(await state(centre, endpoint)) == 2


@ONCE
async def test_what_waits_for_an_endpoint_that_is_switched_off_is_parked(
    centre, listen, happen, send, receiver, waiting
):
    endpoint = await listen()
    await happen()
    path = f"{ENDPOINTS}/{endpoint['id']}"
    await centre.call("PATCH", path, json={"enabled": False}, headers={"If-Match": "*"})
    assert await state(centre, endpoint) == [("parked", 0, "endpoint_disabled")]
    assert (await send(), receiver.requests, await waiting()) == (0, [], 0)


@ONCE
async def test_for_a_day_after_a_rotation_both_secrets_verify_then_the_new_one_only(
    centre, listen, happen, send, receiver, clock
):
    old = await listen()
    new = await centre.made(f"{ENDPOINTS}/{old['id']}/secret-rotation", {})
    await happen()
    await send()
    assert receiver.requests[-1][1]["webhook-signature"].count("v1,") == 2
    assert receiver.verified(old["secret"]) == receiver.verified(new["secret"])
    clock.go_on(timedelta(hours=24))
    await happen()
    await send()
    _, headers, _ = receiver.requests[-1]
    assert headers["webhook-signature"].count("v1,") == 1


async def test_a_worker_that_dies_between_sending_and_noting_sends_again_under_the_same_id(
    centre, listen, happen, deliveries, sender, send, receiver, clock
):
    endpoint = await listen()
    event = await happen()

    async def post_and_die(*letter):
        await sender.post(*letter)
        raise KeyboardInterrupt

    (due,) = await deliveries.take()
    with pytest.raises(KeyboardInterrupt):
        await deliveries.deliver(post_and_die, due)
    assert await state(centre, endpoint) == [("pending", 0, None)]
    assert await send() == 0, "it is the dead worker's until its lease ends"
    clock.go_on(LEASE)
    assert await send() == 1
    assert receiver.ids() == [event, event]
    assert await state(centre, endpoint) == [("delivered", 1, None)]


async def test_a_worker_that_was_too_slow_does_not_undo_what_another_delivered(
    centre, listen, happen, deliveries, send, clock
):
    endpoint = await listen()
    await happen()
    (late,) = await deliveries.take()
    clock.go_on(LEASE)
    await send()

    async def fail(*_):
        return Attempt("timed_out")

    await deliveries.deliver(fail, late)
    assert await state(centre, endpoint) == [("delivered", 1, None)]


async def test_workers_at_once_never_take_the_same_delivery(listen, happen, deliveries, waiting):
    for path in ("/a", "/b", "/c", "/d"):
        await listen(path)
    for _ in range(3):
        await happen()
    taken = await asyncio.gather(*(deliveries.take(limit=5) for _ in range(4)))
    ids = [due.delivery for some in taken for due in some]
    assert len(ids) == len(set(ids)) <= await waiting()
    assert len(ids) >= 5


async def test_a_receiver_that_hangs_takes_a_few_hands_and_holds_up_nobody_else(
    listen, happen, deliveries, sender, receiver, waiting
):
    await listen("/slow")
    receiver.answers["/slow"] = "hang"
    for _ in range(20):
        await happen()
    await listen("/quick", kinds=["consent.expired"])
    await happen(EventKind.CONSENT_EXPIRED)
    stop = asyncio.Event()
    worker = asyncio.create_task(deliveries.run(sender.post, 0.05, stop))
    async with asyncio.timeout(1.5):
        while not receiver.ids("/quick"):  # noqa: ASYNC110 - as the receiver sees it
            await asyncio.sleep(0.01)
    assert len(receiver.ids("/slow")) <= AT_ONCE_EACH
    receiver.hanging.set()
    async with asyncio.timeout(10):
        while await waiting():  # noqa: ASYNC110 - as the database says it
            await asyncio.sleep(0.02)
    stop.set()
    await worker
    assert Counter(receiver.ids("/slow")).most_common(1)[0][1] == 1


async def test_each_tenant_is_told_its_own_only(new_centre, listen, happen, send, receiver, centre):
    await listen("/ours")
    other = await new_centre()
    await other.made(ENDPOINTS, {"url": receiver.url + "/theirs"})
    ours = await happen()
    theirs = await happen(tenant=other.tenant)
    await send()
    assert (receiver.ids("/ours"), receiver.ids("/theirs")) == ([ours], [theirs])
    assert theirs not in (await centre.call("GET", "/v1/events")).text


async def test_a_suspended_tenant_is_told_nothing_until_it_is_let_in_again(
    app, centre, listen, happen, send, receiver, clock
):
    endpoint = await listen()
    await happen()

    async def suspend(at):
        async with app.state.database.begin() as session:
            (await session.get(Tenant, centre.tenant)).suspended_at = at

    await suspend(clock.at)
    for _ in range(3):
        await send()
        clock.go_on(HELD)
    assert receiver.requests == []
    await suspend(None)
    await send()
    assert await state(centre, endpoint) == [("delivered", 1, None)]


@pytest.fixture
def ended(app, centre):
    """Let a consent's time be over, let nobody look but the worker, and return what was told."""

    async def ended(consent, instant, kind):
        async with app.state.database.begin(centre.tenant) as session:
            row = await session.get(Consent, (centre.tenant, consent["id"]))
            setattr(row, instant, utc_now())
        for _ in range(2):
            async with app.state.database.begin(centre.tenant) as session:
                await app.state.consents.see_ends(session)
        events = (await centre.call("GET", "/v1/events")).json()["items"]
        return [e["data"]["consent"] for e in events if e["kind"] == kind]

    return ended


async def test_an_expiry_is_told_though_nobody_looked(given, ended):
    assert await ended(given, "expires_at", "consent.expired") == [given["id"]]


@ONCE
async def test_a_link_that_was_not_used_in_time_is_told_too(asked, ended):
    assert await ended(asked, "ceremony_ends_at", "consent.lapsed") == [asked["id"]]


class TestACodeForThePerson:
    """The one thing sent that is no id: sealed while it waits, gone when it was handed over."""

    @pytest.fixture
    def code(self, happen):
        async def code():
            return await happen(secret={"code": "123456"}, beneficiary="ben_1")

        return code

    @pytest.fixture
    def sealed(self, app, centre):
        async def sealed(event_id):
            async with app.state.database.begin(centre.tenant) as session:
                return (await session.get(Event, (centre.tenant, event_id))).sealed

        return sealed

    async def test_is_handed_over_once_and_deleted(self, listen, code, send, receiver, sealed):
        endpoint = await listen()
        event = await code()
        await send()
        assert receiver.verified(endpoint["secret"])["data"] == {
            "beneficiary": "ben_1",
            "code": "123456",
        }
        assert await sealed(event) is None

    @ONCE
    async def test_waits_for_every_endpoint_that_listens(self, listen, code, send, receiver, sealed, clock):  # fmt: skip
        await listen("/a")
        await listen("/b")
        receiver.answers["/b"] = 500
        event = await code()
        await send()
        assert await sealed(event) is not None
        receiver.answers["/b"] = 200
        clock.go_on(RETRIES[0])
        await send()
        assert [json.loads(body)["data"]["code"] for *_, body in receiver.requests] == ["123456"] * 3  # fmt: skip
        assert await sealed(event) is None

    @ONCE
    async def test_that_comes_too_late_is_deleted_and_not_sent(self, centre, listen, code, send, receiver, sealed, clock):  # fmt: skip
        endpoint = await listen()
        event = await code()
        clock.go_on(timedelta(minutes=15))
        await send()
        assert receiver.requests == []
        assert await sealed(event) is None
        assert await state(centre, endpoint) == [("parked", 0, "code_expired")]

    async def test_that_nobody_fetches_is_deleted_by_the_chores(self, app, centre, code, deliveries, sealed, clock):  # fmt: skip
        event = await code()
        clock.go_on(timedelta(minutes=15))
        async with app.state.database.begin(centre.tenant) as session:
            await deliveries.drop_codes(session)
        assert await sealed(event) is None

    @ONCE
    async def test_is_in_no_list(self, centre, listen, code):
        await listen()
        await code()
        assert "123456" not in (await centre.call("GET", "/v1/events")).text


class TestReplay:
    """An operator sends again what was given up, with the whole schedule before it."""

    @pytest.fixture
    async def parked(self, centre, listen, happen, send, receiver, clock):
        """Two deliveries that were given up an hour apart, and a receiver that is back."""
        endpoint = await listen()
        receiver.answers["/hook"] = 500
        for _ in range(2):
            await happen()
            for wait in (*RETRIES, timedelta()):
                await send()
                clock.go_on(wait)
            clock.go_on(timedelta(hours=1))
        assert {s for s, _, _ in await state(centre, endpoint)} == {"parked"}
        receiver.answers["/hook"] = 204
        receiver.requests.clear()
        return endpoint

    @ONCE
    async def test_of_one_delivery(self, app, centre, parked, send, receiver):
        listed = await centre.call("GET", f"{ENDPOINTS}/{parked['id']}/deliveries")
        first, _ = listed.json()["items"]
        wanted = Replay(delivery=first["id"])
        assert await replay(app.state.database, wanted) == {"replayed": 1}
        await send()
        assert receiver.ids() == [first["event"]]
        assert await state(centre, parked) == [("delivered", 1, None), ("parked", 8, "status")]

    async def test_of_an_endpoint(self, app, centre, parked, send):
        assert await replay(app.state.database, Replay(endpoint=parked["id"])) == {"replayed": 2}
        await send()
        assert {s for s, _, _ in await state(centre, parked)} == {"delivered"}
        assert await replay(app.state.database, Replay(endpoint=parked["id"])) == {"replayed": 0}

    @ONCE
    async def test_since_an_instant(self, app, centre, parked, send, clock):
        wanted = Replay(endpoint=parked["id"], since=clock.at - timedelta(hours=2))
        assert await replay(app.state.database, wanted) == {"replayed": 1}
        await send()
        assert [s for s, _, _ in await state(centre, parked)] == ["parked", "delivered"]

    @ONCE
    async def test_of_what_nobody_has(self, app):
        assert await replay(app.state.database, Replay(delivery=new_id("dlv"))) == {"replayed": 0}
