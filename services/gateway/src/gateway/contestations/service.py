"""The verbs of contestations: contest a use of AI, read what was contested."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import store as consent_store
from gateway.consents.rules import Method
from gateway.contestations import store
from gateway.events.service import EventKind, Events
from gateway.records import store as record_store
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.service import Records
from gateway.tables import Bilan, Contestation, Record
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal, unseal

MAX_CHARACTERS = 4000
_TO_CONTEST = "22_3"
"""GDPR art. 22(3): to give one's view and to contest; given for every use of AI (LR-E07)."""


@dataclass(frozen=True, slots=True)
class Contestations:
    """The verbs of contestations (GDPR art. 16 and 22(3); LR-E07)."""

    records: Records
    events: Events
    now: Callable[[], datetime] = utc_now

    async def contested_use(
        self, session: AsyncSession, tenant: str, beneficiary: str, record_id: str
    ) -> Record:
        """Return the record of a use of AI for this very person, or raise `NotFound`."""
        use = await record_store.find(session, tenant, record_id)
        if use is None or use.beneficiary != beneficiary or use.kind != Kind.AI_DISPATCH:
            raise NotFound
        return use

    async def contest(
        self,
        session: AsyncSession,
        tenant: str,
        beneficiary: str,
        record_id: str,
        text: str,
        *,
        method: Method,
    ) -> Contestation:
        """Keep what a person says about one use of AI, sealed; the record says that they did.

        `method` is how they came in.

        Raises:
            NotFound: no such use of AI for this person.
        """
        use = await self.contested_use(session, tenant, beneficiary, record_id)
        key = await self.records.key_of(session, tenant, beneficiary)
        contestation_id = new_id("ctn")
        row = Contestation(
            tenant=tenant,
            id=contestation_id,
            beneficiary=beneficiary,
            bilan=use.bilan or "",
            contested=use.id,
            record=await self._record(session, use, method),
            sealed=seal(key, text.encode(), f"{tenant}|{contestation_id}"),
            created_at=self.now(),
        )
        await store.add(session, row)
        await self.events.emit(
            session,
            tenant,
            EventKind.OUTPUT_CONTESTED,
            contestation=row.id,
            record=use.id,
            beneficiary=beneficiary,
            bilan=row.bilan,
        )
        return row

    async def _record(self, session: AsyncSession, use: Record, method: Method) -> str:
        """Write that it was contested, under the lock that orders its consent's records."""
        consent = use.consent and await consent_store.find(
            session, use.tenant, use.consent, locked=True
        )
        fact = Fact(
            Kind.OUTPUT_CONTESTED,
            use.tenant,
            {
                **await self.records.said_of_use(session, use.tenant, use.id),
                "contested_record": use.id,
                "contested_by": "beneficiary",
                "method": str(method),
                "right_exercised": _TO_CONTEST,
            },
            beneficiary=use.beneficiary,
            bilan=use.bilan,
            consent=use.consent,
            consent_epoch=consent.epoch if consent else None,
            prev=use.id,
            actor=Actor.BENEFICIARY,
        )
        return await self.records.write(session, fact)

    async def of_beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary: str
    ) -> Sequence[Contestation]:
        """Return what a person contested, oldest first."""
        return await store.of_beneficiary(session, tenant, beneficiary)

    async def of_bilan(
        self, session: AsyncSession, bilan: Bilan, *, after: str | None, limit: int
    ) -> Sequence[Contestation]:
        """Return a bilan's contestations, one row more than the page holds."""
        return await store.of_bilan(session, bilan.tenant, bilan.id, after=after, limit=limit)

    async def text(self, session: AsyncSession, row: Contestation) -> str | None:
        """Return what the person wrote; None when their key was destroyed."""
        key = await self.records.keys.find(session, row.tenant, row.beneficiary)
        if key is None or not row.sealed:
            return None
        return unseal(key, row.sealed, f"{row.tenant}|{row.id}").decode()
