"""The verbs of people: create, find. Names are not asked for; the tenant keeps them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.service import Records
from gateway.tables import Beneficiary
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal


@dataclass(frozen=True, slots=True)
class People:
    """The verbs of people."""

    records: Records
    now: Callable[[], datetime] = utc_now

    async def add_beneficiary(
        self, session: AsyncSession, tenant: str, reference: str | None
    ) -> Beneficiary:
        """Create a beneficiary; the tenant's own reference is sealed under the person's key."""
        beneficiary = Beneficiary(tenant=tenant, id=new_id("ben"), created_at=self.now())
        if reference is not None:
            key = await self.records.key_of(session, tenant, beneficiary.id)
            beneficiary.reference = seal(key, reference.encode(), beneficiary.id)
        session.add(beneficiary)
        await session.flush()
        return beneficiary

    async def beneficiary(
        self, session: AsyncSession, tenant: str, beneficiary_id: str
    ) -> Beneficiary:
        """Return a beneficiary of the tenant, or raise `NotFound`."""
        found = await session.get(Beneficiary, (tenant, beneficiary_id))
        if found is None:
            raise NotFound
        return found
