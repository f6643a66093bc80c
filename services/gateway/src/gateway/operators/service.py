"""What an operator can ask of the gateway, over the socket or directly on the database."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from gateway.quotas import store as quota_store
from gateway.quotas.rules import QuotaKind
from gateway.quotas.service import Quotas
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import Client, Tenant
from gateway.tenants import store as tenant_store
from gateway.tenants.clients import Clients
from gateway.tenants.identity import Identity
from gateway.tenants.rules import Scope
from gateway.tenants.service import Tenants
from gateway.tenants.suspension import Suspension
from keel.clock import rfc3339
from keel.database import Database
from keel.problems import NotFound
from keel.tenancy import enter


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
        "siren": tenant.siren,
        "created_at": rfc3339(tenant.created_at),
        "suspended": tenant.suspended_at is not None,
        "ceremony_code": tenant.ceremony_code,
    }


async def list_tenants(database: Database) -> list[dict[str, Any]]:
    """List the tenants, without secrets."""
    async with database.begin() as session:
        return [_line(tenant) for tenant in await tenant_store.tenants(session)]


async def set_policy(
    database: Database, records: Records, tenant: str, *, ceremony_code: bool
) -> dict[str, Any]:
    """Write down whether a tenant's people type a code before they decide on a consent.

    A change leaves its record (`system.config`), in the same transaction.
    """
    async with database.begin() as session:
        found = await tenant_store.find_tenant(session, tenant, locked=True)
        if found is None:
            raise NotFound(f"There is no tenant {tenant}.")
        before, found.ceremony_code = found.ceremony_code, ceremony_code
        if before != ceremony_code:
            await enter(session, tenant)
            body = {
                "component": "tenant.ceremony_code",
                "version_old": _SWITCH[before],
                "version_new": _SWITCH[ceremony_code],
            }
            await records.write(session, Fact(Kind.SYSTEM_CONFIG, tenant, body))
        return _line(found)


async def set_siren(identity: Identity, tenant: str, siren: str) -> dict[str, Any]:
    """Put a centre's own SIREN on record."""
    return _line(await identity.set_siren(tenant, siren))


async def suspend_tenant(suspension: Suspension, tenant: str) -> dict[str, Any]:
    """Stop a tenant at once."""
    return _line(await suspension.suspend(tenant))


async def resume_tenant(suspension: Suspension, tenant: str) -> dict[str, Any]:
    """Lift a suspension."""
    return _line(await suspension.resume(tenant))


async def set_quotas(
    quotas: Quotas, records: Records, tenant: str, limits: dict[QuotaKind, int | None]
) -> list[dict[str, Any]]:
    """Write down what a tenant's contract allows a month, and say what this month used of it.

    A change leaves its record (`system.config`), in the same transaction.
    """
    async with quotas.database.begin() as session:
        if await session.get(Tenant, tenant) is None:
            raise NotFound(f"There is no tenant {tenant}.")
    async with quotas.database.begin(tenant) as session:
        for kind, per_month in limits.items():
            before = await quota_store.limit_of(session, tenant, kind)
            if before == per_month:
                continue
            await quota_store.set_limit(session, tenant, kind, per_month)
            body = {
                "component": f"tenant.quota.{kind}",
                "version_old": _limit(before),
                "version_new": _limit(per_month),
            }
            await records.write(session, Fact(Kind.SYSTEM_CONFIG, tenant, body))
    return [
        {**asdict(usage), "ends_at": rfc3339(usage.ends_at)} for usage in await quotas.read(tenant)
    ]


_SWITCH = {True: "on", False: "off"}


def _limit(per_month: int | None) -> str:
    return "unlimited" if per_month is None else str(per_month)


def _shown(client: Client) -> dict[str, Any]:
    return {
        "tenant": client.tenant,
        "client_id": client.id,
        "name": client.name,
        "scopes": client.scopes,
        "proof": "client_secret_basic" if client.jwks is None else "private_key_jwt",
        "dpop": client.dpop,
        "created_at": rfc3339(client.created_at),
        "revoked": client.revoked_at is not None,
    }


async def create_client(
    database: Database,
    clients: Clients,
    tenant: str,
    *,
    scopes: Sequence[Scope],
    name: str | None,
    jwks: Mapping[str, Any] | None,
    dpop: bool,
) -> dict[str, Any]:
    """Register a client; where it has a secret, that is shown this once."""
    async with database.begin() as session:
        client, secret = await clients.create(
            session, tenant, scopes=scopes, name=name, jwks=jwks, dpop=dpop
        )
    return _shown(client) | ({} if secret is None else {"client_secret": secret})


async def list_clients(database: Database, tenant: str | None) -> list[dict[str, Any]]:
    """List the clients of a tenant, or of all, without secrets."""
    async with database.begin() as session:
        every = [row.id for row in await tenant_store.tenants(session)]
    lines: list[dict[str, Any]] = []
    for one in every if tenant is None else [tenant]:
        async with database.begin(one) as session:
            lines += [_shown(client) for client in await tenant_store.clients(session, one)]
    return lines


async def rotate_secret(
    database: Database, clients: Clients, client_id: str, *, overlap: timedelta
) -> dict[str, Any]:
    """Give a client a new secret, shown this once."""
    async with database.begin() as session:
        client, secret = await clients.rotate_secret(session, client_id, overlap=overlap)
    until = client.retiring_until
    return _shown(client) | {
        "client_secret": secret,
        "old_secret_until": None if until is None else rfc3339(until),
    }


async def replace_client_keys(
    database: Database, clients: Clients, client_id: str, jwks: Mapping[str, Any]
) -> dict[str, Any]:
    """Let a client prove itself by these keys and no others."""
    async with database.begin() as session:
        return _shown(await clients.replace_keys(session, client_id, jwks))


async def revoke_client(database: Database, clients: Clients, client_id: str) -> dict[str, Any]:
    """End a client for good."""
    async with database.begin() as session:
        return _shown(await clients.revoke(session, client_id))
