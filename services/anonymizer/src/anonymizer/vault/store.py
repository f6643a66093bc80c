"""The rows of the vault."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, CursorResult, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.surrogates.rules import Surrogate, SurrogateType
from anonymizer.tables import ContentKey, VaultEntry

_AT_ONCE = 400


class Thing(NamedTuple):
    """What is known of a thing, no person, without reading any way of writing it."""

    type: str
    folded: bytes
    number: int
    forms: int


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


async def people(session: AsyncSession, tenant: str, bilan: str) -> Sequence[VaultEntry]:
    """Return every entry of a person, in the order of their numbers and forms."""
    rows = await session.scalars(
        select(VaultEntry)
        .where(*_of(tenant, bilan), VaultEntry.type == SurrogateType.PERSON)
        .order_by(VaultEntry.number, VaultEntry.variant)
    )
    return list(rows)


async def whole(session: AsyncSession, tenant: str, bilan: str) -> Sequence[VaultEntry]:
    """Return every entry of a bilan, in the order of types, numbers and forms."""
    return await _in_order(session, tenant, bilan)


async def plausible(session: AsyncSession, tenant: str, bilan: str) -> Sequence[VaultEntry]:
    """Return the entries that have a plausible value, in the order of `whole`."""
    return await _in_order(session, tenant, bilan, VaultEntry.plausible.is_not(None))


async def _in_order(
    session: AsyncSession, tenant: str, bilan: str, *which: ColumnElement[bool]
) -> Sequence[VaultEntry]:
    rows = await session.scalars(
        select(VaultEntry)
        .where(*_of(tenant, bilan), *which)
        .order_by(VaultEntry.type, VaultEntry.number, VaultEntry.variant)
    )
    return list(rows)


async def last_numbers(
    session: AsyncSession, tenant: str, bilan: str, types: Collection[str]
) -> Mapping[str, int]:
    """Return the highest number of each type that has any."""
    rows = await session.execute(
        select(VaultEntry.type, func.max(VaultEntry.number))
        .where(*_of(tenant, bilan), VaultEntry.type.in_(sorted(types)))
        .group_by(VaultEntry.type)
    )
    return {kind: last for kind, last in rows}  # noqa: C416 - rows are unpacked


async def things(
    session: AsyncSession, tenant: str, bilan: str, folded: Sequence[bytes]
) -> Sequence[Thing]:
    """Return the things that have a number, by the hashes of their folded values; last ones last.

    A thing that is written in very many ways goes on under a second number.
    """
    found: list[Thing] = []
    for at in range(0, len(folded), _AT_ONCE):
        rows = await session.execute(
            select(
                VaultEntry.type, VaultEntry.folded, VaultEntry.number, func.max(VaultEntry.variant)
            )
            .where(*_of(tenant, bilan), VaultEntry.folded.in_(folded[at : at + _AT_ONCE]))
            .group_by(VaultEntry.type, VaultEntry.folded, VaultEntry.number)
            .order_by(VaultEntry.number)
        )
        found += (Thing(kind, value, number, last + 1) for kind, value, number, last in rows)
    return found


def _of(tenant: str, bilan: str) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return VaultEntry.tenant == tenant, VaultEntry.bilan == bilan


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
