"""Locks are taken in one order, and only as strong as needed: played on PostgreSQL, which has them."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from gateway.events.service import EventKind
from gateway.pages.service import SessionKind
from gateway.tables import Delivery, DueDelivery, Event, PageSession
from gateway.webhooks.rules import SEALED_FOR, DeliveryStatus
from keel.clock import utc_now

pytestmark = [
    pytest.mark.postgresql,
    pytest.mark.parametrize("migrated", ["postgresql"], indirect=True),
]


async def at_once(session):
    """Let whatever this transaction waits for fail it soon."""
    await session.execute(text("SET LOCAL lock_timeout = '500ms'"))


@pytest.fixture
async def late_code(app, centre):
    """A code that nobody fetched in time, on its way to two endpoints; returns what is due."""
    state = app.state
    async with state.database.begin(centre.tenant) as session:
        for name in ("a", "b"):
            url = f"https://{name}.centre.fr/hook"
            await state.webhook_endpoints.register(session, centre.tenant, url, None)
        await state.events.emit(
            session,
            centre.tenant,
            EventKind.BENEFICIARY_CODE_REQUESTED,
            secret={"code": "123456", "expires_at": "2026-11-23T12:00:00Z"},
            beneficiary="bnf_1",
        )
        event = (await session.scalars(select(Event).where(Event.sealed.is_not(None)))).one()
        event.occurred_at = utc_now() - SEALED_FOR - timedelta(seconds=1)
        await session.flush()
        return (await session.scalars(select(DueDelivery))).all()


async def test_a_late_code_is_dropped_in_the_order_in_which_deliveries_are_noted(
    app, centre, late_code
):
    async def never(*_):
        raise AssertionError("a late code is not sent")

    async with app.state.database.begin(centre.tenant) as noting:
        await noting.execute(select(Event).with_for_update())  # as whoever notes a delivery does
        dropping = asyncio.create_task(app.state.deliveries.deliver(never, late_code[0]))
        await asyncio.sleep(0.3)
        assert not dropping.done()
        await at_once(noting)
        await noting.execute(select(Delivery).with_for_update())
    await dropping
    async with app.state.database.begin(centre.tenant) as session:
        rows = (await session.scalars(select(Delivery))).all()
        assert {row.status for row in rows} == {DeliveryStatus.PARKED}
        assert (await session.scalars(select(Event.sealed))).all() == [None]


async def test_opening_a_page_waits_for_nobody_elses_session(app, centre, given):
    state = app.state
    async with state.database.begin(centre.tenant) as session:
        (held,) = (await session.scalars(select(PageSession))).all()
        held.ends_at = utc_now() - timedelta(minutes=1)
    async with state.database.begin(centre.tenant) as ending:
        await ending.execute(select(PageSession).with_for_update())
        async with state.database.begin(centre.tenant) as opening:
            await at_once(opening)
            consent = await state.consents.find(opening, centre.tenant, given["id"])
            await state.page_sessions._open(
                opening,
                SessionKind.PERSONAL,
                "hosted_page",
                centre.tenant,
                consent.beneficiary,
                None,
            )


async def test_a_code_that_is_being_sent_stops_nothing_else_for_that_person(app, centre, bilan):
    async with app.state.database.begin(centre.tenant) as sending:
        await app.state.codes.request(sending, centre.tenant, bilan.beneficiary)
        async with app.state.database.begin(centre.tenant) as pointing:
            await at_once(pointing)
            await pointing.execute(
                text("SELECT 1 FROM beneficiaries WHERE id = :id FOR KEY SHARE"),
                {"id": bilan.beneficiary},
            )  # what a foreign key takes
