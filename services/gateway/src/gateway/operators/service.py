"""What an operator can ask of the gateway, over the socket or directly on the database."""

from dataclasses import asdict
from typing import Any

from gateway.log.service import Log
from gateway.tables import Tenant
from gateway.tenants import store as tenant_store
from gateway.tenants.service import Tenants
from keel.clock import rfc3339
from keel.database import Database


async def create_tenant(
    database: Database, tenants: Tenants, name: str, siren: str | None
) -> dict[str, Any]:
    """Create a tenant with its first client; the secret is shown this once."""
    async with database.begin() as session:
        return asdict(await tenants.create(session, name, siren))


def _line(tenant: Tenant) -> dict[str, Any]:
    return {
        "tenant": tenant.id,
        "name": tenant.name,
        "created_at": rfc3339(tenant.created_at),
        "suspended": tenant.suspended_at is not None,
    }


async def list_tenants(database: Database) -> list[dict[str, Any]]:
    """List the tenants, without secrets."""
    async with database.begin() as session:
        return [_line(tenant) for tenant in await tenant_store.tenants(session)]


async def audit_log(database: Database) -> dict[str, Any]:
    """Recompute the log from its leaves."""
    async with database.begin() as session:
        return await Log(session).audit()
