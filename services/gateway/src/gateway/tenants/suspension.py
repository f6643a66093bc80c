"""A tenant that is suspended: nobody calls for it, and no AI runs on its people's data."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.service import Consents
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import Tenant
from gateway.tenants import store
from keel.clock import utc_now
from keel.database import Database
from keel.problems import NotFound
from keel.tenancy import enter


@dataclass(frozen=True, slots=True)
class Suspension:
    """Suspend a tenant, and lift it again."""

    database: Database
    consents: Consents
    records: Records
    now: Callable[[], datetime] = utc_now

    async def suspend(self, tenant_id: str) -> Tenant:
        """Stop a tenant at once; suspending it again changes nothing.

        In one transaction: the tenant is suspended, every token that its clients drew is dead for
        good, every consent token is stale, and the change has its record. With the commit, what
        runs is cancelled.

        Raises:
            NotFound: there is no such tenant.
        """
        async with self.database.begin() as session:
            tenant = await self._locked(session, tenant_id)
            if tenant.suspended_at is None:
                tenant.suspended_at = self.now()
                for client in await store.clients(session, tenant_id):
                    client.epoch += 1
                await session.flush()
                await self.consents.raise_epochs(session, tenant_id)
                await self._record(session, tenant_id, was="off", now="on")
        return tenant

    async def resume(self, tenant_id: str) -> Tenant:
        """Let a tenant's software draw tokens again; those from before stay dead.

        Raises:
            NotFound: there is no such tenant.
        """
        async with self.database.begin() as session:
            tenant = await self._locked(session, tenant_id)
            if tenant.suspended_at is not None:
                tenant.suspended_at = None
                await self._record(session, tenant_id, was="on", now="off")
        return tenant

    async def _record(self, session: AsyncSession, tenant_id: str, *, was: str, now: str) -> None:
        body = {"component": "tenant.suspended", "version_old": was, "version_new": now}
        await self.records.write(session, Fact(Kind.SYSTEM_CONFIG, tenant_id, body))

    async def _locked(self, session: AsyncSession, tenant_id: str) -> Tenant:
        tenant = await store.find_tenant(session, tenant_id, locked=True)
        if tenant is None:
            raise NotFound(f"No tenant is called {tenant_id}; `tenant list` shows them.")
        await enter(session, tenant_id)
        return tenant
