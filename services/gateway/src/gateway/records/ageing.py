"""The end of a record's time: what it said goes, its leaf and its place in the log stay (I-14).

A day's records are due once the last day on which they are kept is over, by the database's clock
and by ours, whichever is behind. Nothing here reaches a record younger than six calendar months:
the shortest class is six. While a legal hold stands, nothing of its tenant is due.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans import store as bilan_store
from gateway.bilans.rules import BilanStatus
from gateway.consents import store as consent_store
from gateway.consents.rules import ConsentStatus
from gateway.holds import store as holds
from gateway.people import store as people
from gateway.records import store
from gateway.records.rules import Fact, Kind, Retention, kept_since
from gateway.records.service import Records
from gateway.retention.service import Retentions
from gateway.shares.rules import AnswerStatus
from gateway.tables import RetentionRun
from gateway.tenants import store as tenant_store
from keel.clock import utc_now
from keel.database import Database, database_clock

_BATCH = 500
_JOB = 1

logger = structlog.get_logger()


@dataclass(slots=True)
class _Seen:
    emptied: int = 0
    keys_destroyed: int = 0
    tenants_held: int = 0
    tenants_failed: int = 0


@dataclass(frozen=True, slots=True)
class Ageing:
    """The job that empties what is due; of several at once, each takes what no other holds."""

    database: Database
    records: Records
    retentions: Retentions
    now: Callable[[], datetime] = utc_now

    @property
    def kept(self) -> Retention:
        """How long records are kept here."""
        return self.records.kept

    async def run(self) -> None:
        """Go through the tenants once, and write down what was seen.

        A tenant that fails stops no other; its turn comes again the next time.
        """
        seen = _Seen()
        async with self.database.begin() as session:
            tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
        for tenant in tenants:
            try:
                await self._tenant(tenant, seen)
            except Exception as error:  # noqa: BLE001 - as said
                seen.tenants_failed += 1
                logger.warning("work_failed", kind="retention", error=type(error).__name__)
        async with self.database.begin() as session:
            await session.merge(RetentionRun(id=_JOB, ran_at=self.now(), **asdict(seen)))

    async def _tenant(self, tenant: str, seen: _Seen) -> None:
        while True:
            async with self.database.begin(tenant) as session:
                if await holds.until(session, tenant) is not None:
                    seen.tenants_held += 1
                    return
                before = await self._due_before(session)
                if before is None:
                    return
                found = await store.empty_due(session, tenant, before=before, limit=_BATCH)
                persons = sorted({whose for _, whose in found if whose is not None})
                keys = [await self._let_go(session, tenant, person) for person in persons]
            seen.emptied += len(found)
            seen.keys_destroyed += sum(keys)
            if len(found) < _BATCH:
                return

    async def _due_before(self, session: AsyncSession) -> datetime | None:
        theirs = await session.scalar(select(database_clock()))
        at = self.now() if theirs is None else min(theirs, self.now())
        since = kept_since(at.astimezone(UTC).date(), self.kept)
        return None if since is None else datetime.combine(since, time(), UTC)

    async def _let_go(self, session: AsyncSession, tenant: str, person: str) -> bool:
        """Destroy the key of a person whose last record was just emptied, if nothing needs it.

        Somebody who comes back for another bilan gets a new one.
        """
        await consent_store.of_beneficiary(session, tenant, person, locked=True)
        await people.find(session, tenant, person, locked=True)
        if await store.has_any(session, tenant, person):
            return False
        if await self._is_needed(session, tenant, person):
            return False
        if not await self.records.keys.destroy(session, tenant, person):
            return False
        await people.forget_sealed(session, tenant, person)
        fact = Fact(Kind.SUBJECT_ERASED, tenant, {"reason": "retention_ended"})
        await self.records.write(session, fact)
        return True

    async def _is_needed(self, session: AsyncSession, tenant: str, person: str) -> bool:
        """Say whether a bilan is not closed, a consent stands, or an agreement keeps something."""
        bilans = await bilan_store.of_beneficiary(session, tenant, person)
        if any(bilan.status != BilanStatus.CLOSED for bilan in bilans):
            return True
        consents = await consent_store.of_beneficiary(session, tenant, person)
        alive = {ConsentStatus.AUTHORISED, ConsentStatus.AWAITING}
        if any(consent.status in alive for consent in consents):
            return True
        kept = await self.retentions.of_beneficiary(session, tenant, person)
        return any(self.retentions.status(row) == AnswerStatus.AGREED for row in kept)

    async def last(self, session: AsyncSession) -> RetentionRun | None:
        """Return what the last run saw; None when there was none."""
        return await session.get(RetentionRun, _JOB)

    async def overdue(self, session: AsyncSession, tenant: str) -> int:
        """Return how many of a tenant's records are due and not yet emptied."""
        before = await self._due_before(session)
        return 0 if before is None else await store.count_due(session, tenant, before=before)
