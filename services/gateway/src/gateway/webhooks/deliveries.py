"""The verbs of deliveries: take what is due, send it, note what became of it; replay.

At least once: an attempt is made between two transactions, so that whatever dies in between is sent
again, under the same `webhook-id`. A receiver drops what it has seen.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Delivery, DueDelivery, Event, Tenant
from gateway.webhooks import store
from gateway.webhooks.rules import (
    SEALED_FOR,
    DeliveryStatus,
    Failure,
    body_of,
    retry_in,
    signed_headers,
)
from gateway.webhooks.sending import Attempt
from gateway.webhooks.service import WebhookEndpoints, disable
from keel.clock import utc_now
from keel.database import Database
from keel.sealing import CannotUnseal, unseal
from keel.settling import settled

AT_ONCE = 32
"""Attempts that one worker makes at a time."""

AT_ONCE_EACH = 4
"""Of these, to one endpoint: a receiver that hangs takes no more of them."""

LEASE = timedelta(seconds=60)
"""How long a delivery is one worker's; longer than an attempt and its two transactions take."""

HELD = timedelta(minutes=5)
"""How often the deliveries of a suspended tenant ask whether it still is; none is an attempt."""

_GRACE_SECONDS = 3.0

logger = structlog.get_logger()

Post = Callable[[str, str, Mapping[str, str]], Awaitable[Attempt]]


@dataclass(frozen=True, slots=True)
class Letter:
    """What one attempt sends, and where."""

    url: str = field(repr=False)
    body: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


async def _landed(flying: Collection[asyncio.Task[None]]) -> None:
    """Let the attempts under way come to their end, and cancel those that take too long."""
    if not flying:
        return
    _, late = await asyncio.wait(flying, timeout=_GRACE_SECONDS)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


def _spread() -> float:
    return random.uniform(-1, 1)  # noqa: S311 - spreads load, hides nothing


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The verbs of deliveries; each opens its own short transactions."""

    database: Database
    endpoints: WebhookEndpoints
    now: Callable[[], datetime] = utc_now
    spread: Callable[[], float] = _spread

    async def run(self, post: Post, interval: float, stop: asyncio.Event) -> None:
        """Send what is due until asked to stop; an attempt under way then has 3 s to end."""
        if self.database.is_sqlite:  # one process: whatever is leased was the last one's
            async with self.database.begin() as session:
                await store.let_go_of_leases(session)
        flying: dict[asyncio.Task[None], str] = {}
        stopped = asyncio.create_task(stop.wait())
        try:
            while not stop.is_set():
                taken = await self._take(Counter(flying.values()))
                for due in taken:
                    flying[asyncio.create_task(self._safely(post, due))] = due.endpoint
                if not taken or len(flying) >= AT_ONCE:
                    await asyncio.wait(
                        {stopped, *flying}, timeout=interval, return_when=asyncio.FIRST_COMPLETED
                    )
                for task in [task for task in flying if task.done()]:
                    del flying[task]
        finally:
            stopped.cancel()
            await _landed(flying)

    async def _take(self, flying: Counter[str]) -> Sequence[DueDelivery]:
        busy = [endpoint for endpoint, count in flying.items() if count >= AT_ONCE_EACH]
        try:
            return await self.take(limit=AT_ONCE - flying.total(), busy=busy)
        except Exception as error:  # noqa: BLE001 - a queue that stands still must say so
            logger.warning("deliveries_wait", error=type(error).__name__)
            return ()

    async def _safely(self, post: Post, due: DueDelivery) -> None:
        try:
            await self.deliver(post, due)
        except Exception as error:  # noqa: BLE001 - it is due again when its lease ends
            logger.warning("delivery_waits", error=type(error).__name__)

    async def take(
        self, *, limit: int = AT_ONCE, busy: Sequence[str] = ()
    ) -> Sequence[DueDelivery]:
        """Lease what is due, at most `AT_ONCE_EACH` for one endpoint."""
        if limit <= 0:
            return ()
        at = self.now()
        async with self.database.begin() as session:
            return await store.lease(
                session, at=at, until=at + LEASE, limit=limit, each=AT_ONCE_EACH, busy=busy
            )

    async def deliver(self, post: Post, due: DueDelivery) -> None:
        """Make one attempt of what was leased, and note how it ended."""
        letter = await self._letter(due)
        if letter is not None:
            attempt = await post(letter.url, letter.body, letter.headers)
            await settled(self._note(due, attempt))

    async def _letter(self, due: DueDelivery) -> Letter | None:
        """Return what to send; None when nothing is to be sent any more."""
        async with self.database.begin(due.tenant) as session:
            delivery = await session.get(Delivery, (due.tenant, due.delivery))
            if delivery is None or delivery.status != DeliveryStatus.PENDING:
                await store.take_out(session, due.delivery)
                return None
            if await self._is_suspended(session, due.tenant):
                await store.put_back(session, delivery, self.now() + HELD)
                return None
            endpoint = await store.find(session, due.tenant, delivery.endpoint)
            event = await session.get(Event, (due.tenant, delivery.event))
            if endpoint is None or event is None or not endpoint.enabled:
                await self._park(session, delivery, Failure.ENDPOINT_DISABLED)
                return None
            if event.sealed is not None and event.occurred_at <= self.now() - SEALED_FOR:
                event = await store.event_of(session, due.tenant, due.delivery)
                if event is not None:
                    await self._drop_code(session, event)
                return None
            body = body_of(event.kind, event.occurred_at, await self._data(session, event))
            signing = await self.endpoints.signing(session, endpoint)
            headers = signed_headers(event.id, body, signing, at=self.now())
            return Letter(endpoint.url, body, headers)

    @staticmethod
    async def _is_suspended(session: AsyncSession, tenant: str) -> bool:
        """Say whether nothing leaves for this tenant for now, one-time codes above all."""
        row = await session.get(Tenant, tenant)
        return row is not None and row.suspended_at is not None

    async def _data(self, session: AsyncSession, event: Event) -> dict[str, object]:
        data: dict[str, object] = dict(event.ids)
        if event.sealed is not None:
            key = await self.endpoints.records.key_of(session, event.tenant, None)
            try:
                data |= json.loads(unseal(key, event.sealed, f"{event.tenant}|{event.id}"))
            except CannotUnseal:
                logger.warning("code_unreadable", kind=event.kind)
        return data

    async def _note(self, due: DueDelivery, attempt: Attempt) -> None:
        # Locks in the one order that everybody keeps: endpoint, event, delivery, queue.
        async with self.database.begin(due.tenant) as session:
            at = self.now()
            gone = None
            if attempt.failure is Failure.GONE:
                gone = await store.find(session, due.tenant, due.endpoint, locked=True)
            event = await store.event_of(session, due.tenant, due.delivery)
            if gone is not None and gone.enabled:
                await disable(session, gone, because="gone", at=at, but=due.delivery)
            delivery = await store.find_delivery(session, due.tenant, due.delivery)
            place = await store.due(session, due.delivery)
            if delivery is None or delivery.status != DeliveryStatus.PENDING:
                return  # another worker, to whom it fell when our lease ended, has noted it
            if attempt.failure and (place is None or place.leased_until != due.leased_until):
                return
            delivery.attempts += 1
            delivery.attempted_at, delivery.last_status = at, attempt.status
            delivery.last_failure = None if attempt.failure is None else str(attempt.failure)
            if attempt.failure is None:
                await self._delivered(session, delivery, event)
            else:
                await self._retry_or_park(session, delivery, attempt.failure)

    async def _delivered(
        self, session: AsyncSession, delivery: Delivery, event: Event | None
    ) -> None:
        delivery.status, delivery.ended_at = str(DeliveryStatus.DELIVERED), self.now()
        await store.take_out(session, delivery.id)
        if event is not None and not await store.pending_of(session, event):
            event.sealed = None

    async def _retry_or_park(
        self, session: AsyncSession, delivery: Delivery, failure: Failure
    ) -> None:
        wait = retry_in(delivery.attempts, self.spread())
        if failure is Failure.GONE or wait is None:
            await self._park(session, delivery, failure)
        else:
            await store.put_back(session, delivery, self.now() + wait)

    async def _park(self, session: AsyncSession, delivery: Delivery, failure: Failure) -> None:
        delivery.status, delivery.ended_at = str(DeliveryStatus.PARKED), self.now()
        delivery.last_failure = str(failure)
        await store.take_out(session, delivery.id)

    async def _drop_code(self, session: AsyncSession, event: Event) -> None:
        """Delete a one-time code that came too late, and park what would have carried it.

        The caller holds the event: whoever notes a delivery of it holds that first, too.
        """
        for delivery in await store.pending_of(session, event):
            await self._park(session, delivery, Failure.CODE_EXPIRED)
        event.sealed = None

    async def drop_codes(self, session: AsyncSession) -> None:
        """Delete the codes of the session's tenant that nobody fetched in time."""
        for event in await store.sealed_before(session, self.now() - SEALED_FOR):
            await self._drop_code(session, event)
