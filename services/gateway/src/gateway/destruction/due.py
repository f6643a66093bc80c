"""The job of what is due: bilans whose action is over, agreements whose time is (LR-A13, A15).

It begins what the law's term brings; carrying it out is the saga's. Each round writes down when it
ran and what it saw, so that its rest shows. Two workers at once begin nothing twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.destruction import store
from gateway.destruction.rules import last_due_day
from gateway.destruction.service import Destructions
from gateway.problems import ProcessingRestricted
from gateway.retention.rules import last_day
from gateway.shares.rules import AnswerStatus
from gateway.shares.service import end_of
from gateway.tables import RetentionAgreement
from gateway.tenants import store as tenant_store
from keel.clock import utc_now
from keel.database import Database

JOB = "destructions_due"

logger = structlog.get_logger()


@dataclass(slots=True)
class Round:
    """What one round saw."""

    due: int = 0
    begun: int = 0
    restricted: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class DueDestructions:
    """The job; each of its destructions is begun in a transaction of its own."""

    database: Database
    destructions: Destructions
    delay: timedelta
    """Within which a bilan is closed after the end of its last day."""
    now: Callable[[], datetime] = utc_now

    async def run(self) -> Round:
        """Begin what is due, for every tenant; what fails is due again in the next round."""
        seen = Round()
        async with self.database.begin() as session:
            tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
        for tenant in tenants:
            for bilan in await self._bilans(tenant):
                await self._begin(seen, tenant, bilan=bilan)
            for agreement in await self._agreements(tenant):
                await self._begin(seen, tenant, agreement=agreement)
        async with self.database.begin() as session:
            await store.note_round(
                session, JOB, at=self.now(), due=seen.due, begun=seen.begun,
                restricted=seen.restricted, failed=seen.failed,
            )  # fmt: skip
        return seen

    async def _bilans(self, tenant: str) -> list[str]:
        last = last_due_day(self.now(), self.delay)
        async with self.database.begin(tenant) as session:
            return list(await store.bilans_over(session, tenant, last.isoformat()))

    async def _agreements(self, tenant: str) -> list[str]:
        """Return the agreements that kept something of a closed bilan, and are over."""
        async with self.database.begin(tenant) as session:
            found = await store.kept_by(session, tenant)
            return [row.id for row, ends_on in found if self._is_over(row, ends_on)]

    def _is_over(self, row: RetentionAgreement, ends_on: str) -> bool:
        """Say whether nothing is kept under it any more; three years at most, whatever it says."""
        at = self.now()
        over = row.status == AnswerStatus.ENDED or row.ends_at <= at
        return over or end_of(last_day(date.fromisoformat(ends_on))) <= at

    async def _begin(
        self, seen: Round, tenant: str, *, bilan: str | None = None, agreement: str | None = None
    ) -> None:
        seen.due += 1
        try:
            async with self.database.begin(tenant) as session:
                if bilan is not None:
                    await self.destructions.close_at_term(session, tenant, bilan)
                if agreement is not None:
                    await self._end_keeping(session, tenant, agreement)
            seen.begun += 1
        except ProcessingRestricted:  # the person wants it left as it is (GDPR 18)
            seen.restricted += 1
        except Exception as error:  # noqa: BLE001 - one that fails stops no other
            seen.failed += 1
            logger.warning("destruction_not_begun", error=type(error).__name__)

    async def _end_keeping(self, session: AsyncSession, tenant: str, agreement: str) -> None:
        row = await session.get(RetentionAgreement, (tenant, agreement), with_for_update=True)
        if row is not None:
            await self.destructions.end_keeping(session, row)
