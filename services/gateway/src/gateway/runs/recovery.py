"""What a crash left open is closed: runs that nobody is at, and then their dispatches.

Every replica does this, at its start and again and again; each step looks once more under the lock
that whoever still works would take, so that nothing is closed twice and nobody alive is closed.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.events.service import Events
from gateway.gate import store as gate_store
from gateway.heartbeat import SILENCE
from gateway.records import store as record_store
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.service import Records
from gateway.runs import store
from gateway.runs.endings import tell
from gateway.runs.rules import RunStatus
from gateway.tables import Record
from gateway.tenants import store as tenant_store
from keel.clock import utc_now
from keel.database import Database

UNKNOWN = "unknown_after_restart"

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Recovery:
    """The verb of recovery."""

    database: Database
    records: Records
    events: Events
    now: Callable[[], datetime] = utc_now

    async def recover(self, *, alone: bool = False) -> int:
        """Close what a crash left open; returns how many dispatches had no end.

        `alone`: no process but this one works here, and it has only just begun, so that whatever
        is open was left. What fails is left to the next time, and stops nothing else.
        """
        async with self.database.begin() as session:
            tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
        silent_since = self.now() if alone else self.now() - SILENCE
        return sum([await _kept_apart(self._recover(t, silent_since)) for t in tenants])

    async def settle(self, tenant: str, bilans: Sequence[str]) -> int:
        """Close what a crash left of these bilans; returns how much of them is still open.

        A destruction waits for none: after it, nobody could write the record any more.
        """
        await self._recover(tenant, self.now() - SILENCE)
        async with self.database.begin(tenant) as session:
            running = await store.running(session, tenant, bilans)
            dispatches = await record_store.open_dispatches(session, tenant, self.now())
        return running + sum(dispatch.bilan in bilans for dispatch in dispatches)

    async def _recover(self, tenant: str, silent_since: datetime) -> int:
        """Close what was left in one tenant, so that calls = closing records."""
        async with self.database.begin(tenant) as session:
            for run in await store.left_running(session, tenant, silent_since):
                run.status, run.ended_at = str(RunStatus.FAILED), self.now()
                run.problem = {"code": UNKNOWN}
                await tell(self.events, session, run)
        left = await self._left(tenant, silent_since)
        return sum([await _kept_apart(self._close(dispatch)) for dispatch in left])

    async def _left(self, tenant: str, silent_since: datetime) -> Sequence[Record]:
        async with self.database.begin(tenant) as session:
            return await record_store.open_dispatches(session, tenant, silent_since)

    async def _close(self, dispatch: Record) -> bool:
        """Close one dispatch, unless somebody did, or may still; says whether it was closed."""
        async with self.database.begin(dispatch.tenant) as session:
            epoch = await self._locked(session, dispatch)
            if await record_store.is_closed(session, dispatch.tenant, dispatch.id):
                return False
            if await store.may_own(session, dispatch):
                return False
            said = await self.records.said_of_use(session, dispatch.tenant, dispatch.id)
            fact = Fact(
                Kind.AI_ERROR,
                dispatch.tenant,
                {**said, "reason": UNKNOWN},
                beneficiary=dispatch.beneficiary,
                bilan=dispatch.bilan,
                consent=dispatch.consent,
                consent_epoch=epoch,
                prev=dispatch.id,
                actor=Actor.SYSTEM,
            )
            await self.records.write(session, fact)
        return True

    @staticmethod
    async def _locked(session: AsyncSession, dispatch: Record) -> int | None:
        """Lock the consent of a dispatch, as everybody who closes one does; its epoch."""
        if dispatch.consent is None:  # pragma: no cover - the gate dispatches on a consent
            return None
        consent = await gate_store.lock(session, dispatch.tenant, dispatch.consent)
        return None if consent is None else consent.held.epoch


async def _kept_apart(work: Awaitable[int]) -> int:
    """Do one part, whose failure leaves it open and the others untouched."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001 - as said
        logger.warning("recovery_failed", error=type(error).__name__)
        return 0
