"""Rows of tenants and their clients."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Client, Tenant


async def add_tenant(session: AsyncSession, tenant: Tenant, client: Client) -> None:
    """Insert a tenant with its first client."""
    session.add(tenant)
    await session.flush()
    session.add(client)
    await session.flush()


async def tenants(session: AsyncSession) -> Sequence[Tenant]:
    """Return every tenant in the order of creation."""
    return (await session.scalars(select(Tenant).order_by(Tenant.id))).all()


async def find_client(session: AsyncSession, client_id: str) -> tuple[Client, Tenant] | None:
    """Return a client with its tenant."""
    query = select(Client, Tenant).join(Tenant, Tenant.id == Client.tenant)
    found = (await session.execute(query.where(Client.id == client_id))).first()
    return None if found is None else (found[0], found[1])
