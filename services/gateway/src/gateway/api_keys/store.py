"""Rows of long-lived keys; `gateway.tenants.store` finds one by its secret."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import ApiKey


async def add(session: AsyncSession, key: ApiKey) -> None:
    """Insert a key."""
    session.add(key)
    await session.flush()


async def find(session: AsyncSession, tenant: str, client: str, key_id: str) -> ApiKey | None:
    """Return a key of a client, locked."""
    query = select(ApiKey).where(
        ApiKey.tenant == tenant, ApiKey.client == client, ApiKey.id == key_id
    )
    return await session.scalar(query.with_for_update(key_share=True))


async def of_client(
    session: AsyncSession, tenant: str, client: str, *, after: str | None, limit: int
) -> Sequence[ApiKey]:
    """Return the keys of a client from a cursor on, in the order of creation."""
    query = select(ApiKey).where(ApiKey.tenant == tenant, ApiKey.client == client)
    return (await session.scalars(after_cursor(query, ApiKey.id, after, limit))).all()
