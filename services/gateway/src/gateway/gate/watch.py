"""What a replica hears of consents that fell elsewhere (profile section 4).

Two ways, neither of which permits anything. PostgreSQL tells each replica of every fall as it
commits (a trigger on the row, so that no verb can forget); and while something is in flight here,
the rows are read again and again, so that a cut connection delays the news and never loses it.
Where the rows cannot be read either, nothing stays in flight: nobody could say that it may.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gateway.background import asked
from gateway.consents import store as consent_store
from gateway.gate.flight import InFlight
from keel.clock import utc_now
from keel.database import Database, connect

logger = structlog.get_logger()

CHANNEL = "consent_fallen"
POLL_SECONDS = 0.25
FORSAKE_SECONDS = 3.0
"""For how long a call may stay in flight while the database cannot be asked."""
_ALIVE_SECONDS = 5.0
_MAX_BACKOFF_SECONDS = 5.0


@dataclass(slots=True)
class Watch:
    """Watches over what is in flight in this process."""

    database: Database
    in_flight: InFlight
    listens: bool = True
    """Off where the way to PostgreSQL cannot LISTEN (a pooler of transactions): polling alone."""
    _look: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until asked to stop."""
        over = asyncio.Event()
        watching = [asyncio.create_task(self._poll(over))]
        if self.listens and not self.database.is_sqlite:
            watching.append(asyncio.create_task(self._listen(over)))
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({stopped, *watching}, return_when=asyncio.FIRST_COMPLETED)
            for task in watching:
                if task.done():  # neither ever ends by itself
                    task.result()
        finally:
            # Cancelled, and told: what waits with a time limit may swallow a cancellation that
            # comes in the same moment as what it waits for (`wait_for` before Python 3.12).
            over.set()
            stopped.cancel()
            for task in watching:
                task.cancel()
            await asyncio.gather(stopped, *watching, return_exceptions=True)

    async def _poll(self, over: asyncio.Event) -> None:
        # A connection of its own: a pool that is busy with requests must not delay the news.
        own = self.database if self.database.is_sqlite else Database(self.database.url)
        asking: asyncio.Task[None] | None = None
        try:
            while not over.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._look.wait(), POLL_SECONDS)
                self._look.clear()
                if asking is None or asking.done():
                    asking = asyncio.create_task(self._ask(own)) if self.in_flight else None
                if forsaken := self.in_flight.forsake(before=time.monotonic() - FORSAKE_SECONDS):
                    logger.error("in_flight_forsaken", calls=forsaken)
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)
            if own is not self.database:
                await own.close()

    async def _ask(self, database: Database) -> None:
        try:
            for tenant, consents in self.in_flight.held().items():
                asked_at = time.monotonic()
                async with database.begin(tenant) as session:
                    stands = await consent_store.epochs_that_stand(
                        session, tenant, consents, at=utc_now()
                    )
                self.in_flight.settle(tenant, stands, asked=asked_at)
        except Exception as error:  # noqa: BLE001 - asked again in a moment; else all is forsaken
            logger.warning("withdrawals_not_read", error=type(error).__name__)

    async def _listen(self, over: asyncio.Event) -> None:
        pause = POLL_SECONDS
        engine = create_async_engine(self.database.url, poolclass=NullPool, hide_parameters=True)
        event.listen(engine.sync_engine, "do_connect", connect)
        try:
            while not over.is_set():
                began = time.monotonic()
                try:
                    await self._hear(engine, over)
                except Exception as error:  # noqa: BLE001 - polling goes on meanwhile
                    logger.warning("withdrawals_not_heard", error=type(error).__name__)
                if time.monotonic() - began > _MAX_BACKOFF_SECONDS:
                    pause = POLL_SECONDS
                await asked(over, within=timedelta(seconds=pause))
                pause = min(2 * pause, _MAX_BACKOFF_SECONDS)
        finally:
            await engine.dispose()

    async def _hear(self, engine: AsyncEngine, over: asyncio.Event) -> None:
        """Listen until the connection is lost, or nobody needs to hear any more."""
        async with engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            lost = asyncio.Event()
            driver.add_termination_listener(lambda _: lost.set())
            await driver.add_listener(CHANNEL, self._heard)
            self._look.set()  # what fell before we listened
            while not (lost.is_set() or over.is_set()):
                with suppress(TimeoutError):
                    await asyncio.wait_for(lost.wait(), _ALIVE_SECONDS)
                    break
                await asyncio.wait_for(driver.execute("SELECT 1"), _ALIVE_SECONDS)

    def _heard(self, _connection: object, _process: int, _channel: str, payload: str) -> None:
        consent, _, epoch = payload.partition(" ")
        if epoch.isdecimal():
            self.in_flight.cancel(consent, before=int(epoch))
