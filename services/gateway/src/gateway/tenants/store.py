"""Rows of tenants, their clients, and what clients gave up or used."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import ApiKey, Client, RevokedToken, Tenant, UsedAssertion


async def add_tenant(session: AsyncSession, tenant: Tenant, client: Client) -> None:
    """Insert a tenant with its first client."""
    session.add(tenant)
    await session.flush()
    await add_client(session, client)


async def add_client(session: AsyncSession, client: Client) -> None:
    """Insert a client."""
    session.add(client)
    await session.flush()


async def tenants(session: AsyncSession) -> Sequence[Tenant]:
    """Return every tenant in the order of creation."""
    return (await session.scalars(select(Tenant).order_by(Tenant.id))).all()


async def find_tenant(session: AsyncSession, tenant: str, *, locked: bool = False) -> Tenant | None:
    """Return a tenant; `locked` keeps others from changing it in this transaction."""
    query = select(Tenant).where(Tenant.id == tenant)
    if locked:
        query = query.with_for_update(key_share=True)
    return await session.scalar(query)


async def clients(session: AsyncSession, tenant: str) -> Sequence[Client]:
    """Return every client of the tenant in the order of creation."""
    query = select(Client).where(Client.tenant == tenant)
    return (await session.scalars(query.order_by(Client.id))).all()


async def find_client(session: AsyncSession, client_id: str) -> tuple[Client, Tenant] | None:
    """Return a client with its tenant."""
    query = select(Client, Tenant).join(Tenant, Tenant.id == Client.tenant)
    found = (await session.execute(query.where(Client.id == client_id))).first()
    return None if found is None else (found[0], found[1])


async def lock_client(session: AsyncSession, client_id: str) -> Client | None:
    """Return a client whose row nobody else changes in this transaction."""
    query = select(Client).where(Client.id == client_id)
    return await session.scalar(query.with_for_update(key_share=True))


async def find_api_key(
    session: AsyncSession, secret_sha256: bytes
) -> tuple[ApiKey, Client, Tenant] | None:
    """Return the long-lived key of a secret, with its client and tenant."""
    query = (
        select(ApiKey, Client, Tenant)
        .join(Client, (Client.tenant == ApiKey.tenant) & (Client.id == ApiKey.client))
        .join(Tenant, Tenant.id == ApiKey.tenant)
        .where(ApiKey.secret_sha256 == secret_sha256)
    )
    found = (await session.execute(query)).first()
    return None if found is None else (found[0], found[1], found[2])


async def revoked(session: AsyncSession, tenant: str, jtis: Collection[str]) -> frozenset[str]:
    """Return those of `jtis` that the tenant gave up."""
    query = select(RevokedToken.jti).where(
        RevokedToken.tenant == tenant, RevokedToken.jti.in_(jtis)
    )
    return frozenset(await session.scalars(query))


async def give_up(
    session: AsyncSession, tenant: str, jti: str, *, ends_at: datetime, at: datetime
) -> None:
    """Remember a token that is given up, until it would have ended; forget what has ended."""
    await session.execute(delete(RevokedToken).where(RevokedToken.ends_at <= at))
    with suppress(IntegrityError):  # given up before
        async with session.begin_nested():
            session.add(RevokedToken(tenant=tenant, jti=jti, ends_at=ends_at))


async def use_assertion(session: AsyncSession, used: UsedAssertion) -> bool:
    """Remember an assertion or a proof; False when it was used before."""
    try:
        async with session.begin_nested():
            session.add(used)
    except IntegrityError:
        return False
    return True


async def forget_ended(session: AsyncSession, *, at: datetime) -> None:
    """Forget the assertions and proofs of the transaction's tenant that nobody would take now."""
    await session.execute(delete(UsedAssertion).where(UsedAssertion.ends_at <= at))
