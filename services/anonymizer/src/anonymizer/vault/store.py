"""The rows of the vault."""

from collections.abc import Collection, Sequence

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.surrogates.rules import Surrogate, SurrogateType
from anonymizer.tables import ContentKey, VaultEntry

_AT_ONCE = 400


async def lock(session: AsyncSession, tenant: str, bilan: str) -> None:
    """Let nobody else number surrogates of this bilan until the transaction ends."""
    row = select(ContentKey.tenant).where(ContentKey.tenant == tenant, ContentKey.subject == bilan)
    await session.execute(row.with_for_update())


async def issued(
    session: AsyncSession, tenant: str, bilan: str, forms: Sequence[bytes]
) -> Sequence[VaultEntry]:
    """Return the entries of values that have a surrogate already, by the hashes of their forms."""
    found: list[VaultEntry] = []
    for at in range(0, len(forms), _AT_ONCE):
        rows = await session.scalars(
            select(VaultEntry).where(
                VaultEntry.tenant == tenant,
                VaultEntry.bilan == bilan,
                VaultEntry.form.in_(forms[at : at + _AT_ONCE]),
            )
        )
        found += rows
    return found


async def of_types(
    session: AsyncSession, tenant: str, bilan: str, types: Collection[str]
) -> Sequence[VaultEntry]:
    """Return every entry of some types, in the order of their numbers and forms."""
    rows = await session.scalars(
        select(VaultEntry)
        .where(
            VaultEntry.tenant == tenant,
            VaultEntry.bilan == bilan,
            VaultEntry.type.in_(sorted(types)),
        )
        .order_by(VaultEntry.type, VaultEntry.number, VaultEntry.variant)
    )
    return list(rows)


async def sealed(session: AsyncSession, tenant: str, bilan: str) -> dict[str, bytes]:
    """Return every sealed value of a bilan, by the plain name of its surrogate."""
    rows = await session.execute(
        select(VaultEntry.type, VaultEntry.number, VaultEntry.variant, VaultEntry.sealed).where(
            VaultEntry.tenant == tenant, VaultEntry.bilan == bilan
        )
    )
    return {
        Surrogate(SurrogateType(kind), number, variant).name: value
        for kind, number, variant, value in rows
    }


async def erase(session: AsyncSession, tenant: str, bilan: str) -> int:
    """Delete every entry of a bilan; returns how many there were."""
    result = await session.execute(
        delete(VaultEntry).where(VaultEntry.tenant == tenant, VaultEntry.bilan == bilan)
    )
    return result.rowcount if isinstance(result, CursorResult) else 0
