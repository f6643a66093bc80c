"""What the gateway does beside answering: sequence the log, send events, close, delete, tidy up.

In one process these are tasks beside the server; apart (`python -m gateway work`) they are a
workload of their own, so that a receiver that hangs or a queue that grows never touches the gate.
Several workers at once are safe: each takes what no other holds.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.background import Background, Part
from gateway.consents.service import Consents
from gateway.destruction.carrying import Carrying
from gateway.edge.idempotency import forget_old, forget_unanswered
from gateway.log.service import Sequencer
from gateway.operators.keys import SigningKeys
from gateway.pages.service import PageSessions
from gateway.records.ageing import Ageing
from gateway.runs.recovery import Recovery
from gateway.tenants import store as tenant_store
from gateway.webhooks import store as webhook_store
from gateway.webhooks.addresses import Reach
from gateway.webhooks.deliveries import Deliveries
from gateway.webhooks.sending import Sender
from keel.clock import utc_now
from keel.database import Database

_A_DAY = timedelta(days=1)
"""Between two looks at the signing keys (each of their thresholds is as much early) and at what is
due: a record's last day is a day, too."""

logger = structlog.get_logger()

Chore = Callable[[AsyncSession], Awaitable[object]]
"""Something small that each tenant needs again and again; in a transaction of its own."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often each kind of work looks for more, and how long events are kept."""

    sequencing: timedelta
    webhooks: timedelta
    destructions: timedelta
    chores: timedelta
    events_kept: timedelta


@dataclass(frozen=True, slots=True)
class Work:
    """The work of one gateway; `under_way` opens it and closes it again."""

    database: Database
    sequencer: Sequencer
    recovery: Recovery
    consents: Consents
    deliveries: Deliveries
    carrying: Carrying
    reach: Reach
    page_sessions: PageSessions
    ageing: Ageing
    pace: Pace
    background: Background
    signing_keys: SigningKeys | None = None
    """Whose rotation is kept up with; None where somebody else does that."""
    rounds: Mapping[str, Callable[[], Awaitable[object]]] = field(default_factory=dict)
    """What each round does once for all tenants, by name, each in transactions of its own."""
    may_sign: Callable[[], None] = lambda: None
    """Raises while the log must not be signed here."""
    beside: tuple[Part, ...] = ()
    """What else is done where the work is done."""

    @asynccontextmanager
    async def under_way(self) -> AsyncIterator[None]:
        """Close what a crash left open, then work while the context lasts."""
        await self.recovery.recover(alone=self.database.is_sqlite)
        await self._each_tenant(self._free_keys_of_the_dead)
        await self.carrying.begin()
        async with Sender(self.reach) as sender:
            webhooks = self.pace.webhooks.total_seconds()
            send = partial(self.deliveries.run, sender.post, webhooks)
            async with self.background.beside(
                Part.every(self.pace.sequencing, "sequencing", self._sequence, at_once=True),
                Part.lasting("webhooks", send),
                Part.every(self.pace.destructions, "destructions", self.carrying.step),
                Part.every(self.pace.chores, "chores", self._chores),
                Part.every(_A_DAY, "key_rotation", self._keep_keys_young, at_once=True),
                Part.every(_A_DAY, "retention", self._empty_what_is_due, at_once=True),
                *self.beside,
            ):
                yield

    async def _sequence(self) -> bool:
        self.may_sign()
        return await self.sequencer.keep_up()

    async def _chores(self) -> None:
        """Do each chore for each tenant; one that fails stops no other."""
        for chore in (
            self._drop_codes,
            self.consents.see_ends,
            self._forget_events,
            self._free_keys,
            self._forget_answers,
            self._forget_assertions,
            self.page_sessions.forget_ended,
        ):
            await _logged(self._each_tenant(chore), chore.__name__)
        await _logged(self.recovery.recover(), "recovery")
        for name, work in self.rounds.items():
            await _logged(work(), name)

    async def _keep_keys_young(self) -> None:
        """Do what is due to the signing keys; one that fails is done again the next day."""
        if self.signing_keys is not None:
            await _logged(self.signing_keys.keep_up(), "key_rotation")

    async def _empty_what_is_due(self) -> None:
        """Empty the records whose time is over; what fails is done again the next day."""
        await _logged(self.ageing.run(), "retention")

    async def _drop_codes(self, session: AsyncSession) -> None:
        await self.deliveries.drop_codes(session)

    async def _forget_events(self, session: AsyncSession) -> None:
        await webhook_store.forget(session, before=utc_now() - self.pace.events_kept)

    async def _free_keys(self, session: AsyncSession) -> None:
        """Free the idempotency keys of requests whose process died."""
        await forget_unanswered(session)

    async def _forget_answers(self, session: AsyncSession) -> None:
        """Let go of answers to requests that came a day ago, also of tenants that are quiet."""
        await forget_old(session)

    async def _forget_assertions(self, session: AsyncSession) -> None:
        """Let go of the assertions and proofs of clients that are too old to come again."""
        await tenant_store.forget_ended(session, at=utc_now())

    async def _free_keys_of_the_dead(self, session: AsyncSession) -> None:
        """Free them at a start: on SQLite, where nobody else runs, each of them."""
        await forget_unanswered(session, alone=self.database.is_sqlite)

    async def _each_tenant(self, chore: Chore) -> None:
        async with self.database.begin() as session:
            tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
        for tenant in tenants:
            await _logged(self._in_its_transaction(tenant, chore), chore.__name__)

    async def _in_its_transaction(self, tenant: str, chore: Chore) -> None:
        async with self.database.begin(tenant) as session:
            await chore(session)


async def _logged(work: Awaitable[object], name: str) -> None:
    """Do something whose failure stops nothing else: it is done again the next time."""
    try:
        await work
    except Exception as error:  # noqa: BLE001 - as said
        logger.warning("work_failed", kind=name, error=type(error).__name__)
