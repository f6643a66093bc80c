"""Refusals, written down with their count (profile section 5): code and reason, no content.

At most one record for each subject, code and minute. What came again meanwhile is counted, and told
by the next record of that code; where none comes, by one of the worker's (`tell`), so that the sum
of what the records tell is the number of refusals.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.gate import store
from gateway.records.rules import Actor, Fact, Kind, Phase
from gateway.records.service import Records
from gateway.tenants import store as tenant_store
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.database import Database

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusals:
    """The verbs of refusals."""

    database: Database
    records: Records
    now: Callable[[], datetime] = utc_now

    async def write(self, session: AsyncSession, fact: Fact, code: str) -> None:
        """Write down one refusal, or count it; the caller holds the row that it is about.

        `fact` names the consent, or the bilan of a person who gave none.
        """
        subject = str(fact.consent or fact.bilan)
        untold = await store.refusals_to_record(
            session, fact.tenant, subject, code, minute=self._minute()
        )
        if untold is not None:
            await self._write(session, fact, code, untold)

    async def _write(self, session: AsyncSession, fact: Fact, code: str, untold: int) -> None:
        body = {
            **fact.body,
            "refusal_reason": code,
            "routing_decision": "refused",
            "refusals_since_last": untold or None,
        }
        await self.records.write(session, replace(fact, kind=Kind.GATE_REFUSED, body=body))

    async def before_the_gate(
        self,
        caller: Caller,
        bilan_id: str,
        consent_id: str | None,
        code: str,
        said: Mapping[str, Any],
    ) -> None:
        """Write down that a call was refused before it came to the gate (I-6).

        Without a consent of this bilan it is told of the bilan; of nobody, nothing is written.
        """
        async with self.database.begin(caller.tenant) as session:
            fact = await self._about(session, caller.tenant, bilan_id, consent_id)
            if fact is None:
                return
            by = replace(fact, body=said, client=caller.client, counsellor=caller.counsellor)
            await self.write(session, by, code)

    async def _about(
        self, session: AsyncSession, tenant: str, bilan_id: str, consent_id: str | None
    ) -> Fact | None:
        """Return, held, what a refusal is about."""
        if consent_id is not None:
            consent = await store.lock(session, tenant, consent_id)
            if consent is not None and consent.bilan == bilan_id:
                return Fact(
                    Kind.GATE_REFUSED,
                    tenant,
                    beneficiary=consent.beneficiary,
                    bilan=bilan_id,
                    consent=consent.id,
                    consent_epoch=consent.held.epoch,
                )
        beneficiary = await store.lock_bilan(session, tenant, bilan_id)
        if beneficiary is None:
            return None
        return Fact(Kind.GATE_REFUSED, tenant, beneficiary=beneficiary, bilan=bilan_id)

    async def tell(self) -> int:
        """Tell the counts that no later refusal carried; returns how many records that took."""
        async with self.database.begin() as session:
            tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
        return sum([await self._tell_of(tenant) for tenant in tenants])

    async def _tell_of(self, tenant: str) -> int:
        async with self.database.begin(tenant) as session:
            waiting = await store.untold(session, tenant, before=self._minute())
        return sum([await self._tell(tenant, subject, code) for subject, code in waiting])

    async def _tell(self, tenant: str, subject: str, code: str) -> bool:
        try:
            async with self.database.begin(tenant) as session:
                bilan = await store.bilan_of(session, tenant, subject)
                if bilan is None:
                    return False
                consent = None if subject == bilan else subject
                fact = await self._about(session, tenant, bilan, consent)
                count = await store.take_untold(session, tenant, subject, code)
                if fact is None or not count:
                    return False
                told = replace(fact, body={"phase": str(Phase.CONCURRENT)}, actor=Actor.SYSTEM)
                await self._write(session, told, code, count)
                return True
        except Exception as error:  # noqa: BLE001 - it is told the next time; the others now
            logger.warning("refusals_not_told", error=type(error).__name__)
            return False

    def _minute(self) -> datetime:
        return self.now().replace(second=0, microsecond=0)
