"""The rows of the vault."""

from collections.abc import Mapping, Sequence

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.tables import ContentKey, VaultEntry

_AT_ONCE = 400


async def lock(session: AsyncSession, tenant: str, bilan: str) -> None:
    """Let nobody else number surrogates of this bilan until the transaction ends."""
    row = select(ContentKey.tenant).where(ContentKey.tenant == tenant, ContentKey.subject == bilan)
    await session.execute(row.with_for_update())


async def numbers(
    session: AsyncSession, tenant: str, bilan: str, forms: Sequence[bytes]
) -> Mapping[tuple[str, bytes], int]:
    """Return the numbers already given, by type and form hash."""
    found: dict[tuple[str, bytes], int] = {}
    for at in range(0, len(forms), _AT_ONCE):
        rows = await session.execute(
            select(VaultEntry.type, VaultEntry.form, VaultEntry.number).where(
                VaultEntry.tenant == tenant,
                VaultEntry.bilan == bilan,
                VaultEntry.form.in_(forms[at : at + _AT_ONCE]),
            )
        )
        found |= {(kind, form): number for kind, form, number in rows}
    return found


async def highest(session: AsyncSession, tenant: str, bilan: str) -> dict[str, int]:
    """Return the highest number of each type."""
    rows = await session.execute(
        select(VaultEntry.type, func.max(VaultEntry.number))
        .where(VaultEntry.tenant == tenant, VaultEntry.bilan == bilan)
        .group_by(VaultEntry.type)
    )
    return {kind: number for kind, number in rows}  # noqa: C416 - rows are tuples, not pairs


async def sealed(session: AsyncSession, tenant: str, bilan: str) -> dict[str, bytes]:
    """Return every sealed value of a bilan, by surrogate (`TYPE_n`)."""
    rows = await session.execute(
        select(VaultEntry.type, VaultEntry.number, VaultEntry.sealed).where(
            VaultEntry.tenant == tenant, VaultEntry.bilan == bilan
        )
    )
    return {f"{kind}_{number}": value for kind, number, value in rows}


async def erase(session: AsyncSession, tenant: str, bilan: str) -> int:
    """Delete every entry of a bilan; returns how many there were."""
    result = await session.execute(
        delete(VaultEntry).where(VaultEntry.tenant == tenant, VaultEntry.bilan == bilan)
    )
    return result.rowcount if isinstance(result, CursorResult) else 0
