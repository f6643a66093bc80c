"""Who a tenant is in law: the SIREN of the centre itself."""

from dataclasses import dataclass

from gateway.bilans.service import Bilans
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import Tenant
from gateway.tenants import store
from gateway.tenants.rules import is_siren
from keel.database import Database
from keel.problems import InvalidRequest, NotFound
from keel.tenancy import enter


@dataclass(frozen=True, slots=True)
class Identity:
    """Put a tenant's SIREN on record."""

    database: Database
    bilans: Bilans
    records: Records

    async def set_siren(self, tenant_id: str, siren: str) -> Tenant:
        """Write down a centre's own SIREN, or another one where the first was wrong.

        Bilans that are made meanwhile compare once more when they are agreed to. A change leaves
        its record (`system.config`), in the same transaction.

        Raises:
            InvalidRequest: this is no SIREN.
            NotFound: there is no such tenant.
            EmployerIsTenant: a bilan of the tenant names this organisation as the employer.
        """
        if not is_siren(siren):
            raise InvalidRequest(
                "This is no SIREN: nine digits, of which the last checks the rest."
            )
        async with self.database.begin() as session:
            tenant = await store.find_tenant(session, tenant_id, locked=True)
            if tenant is None:
                raise NotFound(f"No tenant is called {tenant_id}; `tenant list` shows them.")
            await enter(session, tenant_id)
            await self.bilans.require_no_employer(session, tenant_id, siren)
            before, tenant.siren = tenant.siren, siren
            if before != siren:
                body = {"component": "tenant.siren", "version_old": before, "version_new": siren}
                await self.records.write(session, Fact(Kind.SYSTEM_CONFIG, tenant_id, body))
        return tenant
