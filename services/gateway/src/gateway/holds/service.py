"""The verbs of legal holds: place one, lift it, list them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.holds import store
from gateway.holds.rules import HoldReason, is_bounded
from gateway.problems import HoldPeriod
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import LegalHold, Tenant
from keel.clock import rfc3339, utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal, unseal


@dataclass(frozen=True, slots=True)
class Holds:
    """The verbs of legal holds; each one leaves a record with its code, never with its words."""

    records: Records
    now: Callable[[], datetime] = utc_now

    async def place(
        self,
        session: AsyncSession,
        tenant: str,
        reason: HoldReason,
        until: datetime,
        *,
        reference: str | None = None,
    ) -> LegalHold:
        """Let nothing of a tenant's records be destroyed before `until`.

        `reference` is the operator's own (a case number); it rests sealed under the tenant's key.

        Raises:
            NotFound: there is no such tenant.
            HoldPeriod: it would have ended already, or last longer than any hold may.
        """
        if await session.get(Tenant, tenant) is None:
            raise NotFound(f"There is no tenant {tenant}.")
        at = self.now()
        if not is_bounded(until, at=at):
            raise HoldPeriod(
                "Give an end that is still to come and at most five years away; a proceeding that "
                "lasts longer gets a new hold."
            )
        hold = LegalHold(
            tenant=tenant, id=new_id("hld"), reason=str(reason), starts_at=at, ends_at=until
        )
        if reference is not None:
            key = await self.records.key_of(session, tenant, None)
            hold.reference = seal(key, reference.encode(), f"{tenant}|{hold.id}")
        await store.add(session, hold)
        await self._record(session, hold, "legal_hold_placed")
        return hold

    async def lift(self, session: AsyncSession, tenant: str, hold_id: str) -> LegalHold:
        """End a hold now; lifting it twice changes nothing, the first time keeps its date.

        Raises:
            NotFound: the tenant has no such hold.
        """
        hold = await store.find(session, tenant, hold_id)
        if hold is None:
            raise NotFound(f"The tenant {tenant} has no hold {hold_id}.")
        if hold.lifted_at is None:
            hold.lifted_at = self.now()
            await self._record(session, hold, "legal_hold_lifted")
        return hold

    async def of_tenant(self, session: AsyncSession, tenant: str) -> Sequence[LegalHold]:
        """Return every hold of a tenant, those that are over included, oldest first."""
        return await store.of_tenant(session, tenant)

    async def reference(self, session: AsyncSession, hold: LegalHold) -> str | None:
        """Return the operator's own reference of a hold."""
        if hold.reference is None:
            return None
        key = await self.records.key_of(session, hold.tenant, None)
        return unseal(key, hold.reference, f"{hold.tenant}|{hold.id}").decode()

    async def _record(self, session: AsyncSession, hold: LegalHold, change: str) -> None:
        body = {
            "change": change,
            "legal_hold": hold.id,
            "legal_hold_reason": hold.reason,
            "legal_hold_until": rfc3339(hold.ends_at),
        }
        await self.records.write(session, Fact(Kind.SYSTEM_CONFIG, hold.tenant, body))
