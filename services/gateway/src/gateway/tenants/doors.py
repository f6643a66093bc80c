"""Whose a client id or a secret is: looked up before the tenant is known, and then it is.

A door holds a digest and a tenant's id, nothing else, so that it may stand outside row-level
security: everything behind it is read as its tenant.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Door
from gateway.tenants.rules import secret_digest
from keel.tenancy import enter


async def add(session: AsyncSession, key: str, tenant: str) -> None:
    """Let `key`, a client id or a secret, open its tenant's door."""
    session.add(Door(key_sha256=secret_digest(key), tenant=tenant))
    await session.flush()


async def go_through(session: AsyncSession, key: str) -> str | None:
    """Make the transaction that of the tenant whose door `key` opens; None when there is none."""
    door = await session.get(Door, secret_digest(key))
    if door is None:
        return None
    await enter(session, door.tenant)
    return door.tenant


async def wall_up(session: AsyncSession, key_sha256: bytes) -> None:
    """Take a door away: its key opens nothing any more."""
    door = await session.get(Door, key_sha256)
    if door is not None:
        await session.delete(door)
        await session.flush()
