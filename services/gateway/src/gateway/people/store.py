"""Rows of beneficiaries."""

from collections.abc import Iterable, Sequence

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Beneficiary, Consent, Contestation, Share


async def add(session: AsyncSession, rows: Iterable[Beneficiary]) -> None:
    """Insert beneficiaries."""
    session.add_all(rows)
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, beneficiary_id: str, *, locked: bool = False
) -> Beneficiary | None:
    """Return a beneficiary of the tenant; `locked` also keeps new rows from pointing at them."""
    return await session.get(Beneficiary, (tenant, beneficiary_id), with_for_update=locked or None)


async def hold(session: AsyncSession, tenant: str, beneficiary_id: str) -> bool:
    """Keep a person from being erased while the transaction lasts; False where there is none."""
    query = select(Beneficiary.id).where(
        Beneficiary.tenant == tenant, Beneficiary.id == beneficiary_id
    )
    return await session.scalar(query.with_for_update(read=True, key_share=True)) is not None


async def of_references(
    session: AsyncSession, tenant: str, digests: Iterable[bytes]
) -> dict[bytes, str]:
    """Return the ids of the tenant's beneficiaries by the digest of their reference."""
    query = select(Beneficiary.reference_digest, Beneficiary.id).where(
        Beneficiary.tenant == tenant, Beneficiary.reference_digest.in_(list(digests))
    )
    return {digest: id_ for digest, id_ in await session.execute(query) if digest is not None}


async def page(
    session: AsyncSession, tenant: str, *, after: str | None, limit: int
) -> Sequence[Beneficiary]:
    """Return beneficiaries in the order of creation, one more than the page holds."""
    query = select(Beneficiary).where(Beneficiary.tenant == tenant)
    return (await session.scalars(after_cursor(query, Beneficiary.id, after, limit))).all()


async def forget_sealed(session: AsyncSession, tenant: str, person: str) -> None:
    """Empty what was sealed under a person's key, which is no more; the caller holds their rows.

    A later key of theirs would not open it.
    """
    await session.execute(
        update(Beneficiary)
        .where(Beneficiary.tenant == tenant, Beneficiary.id == person)
        .values(reference=None, reference_digest=None)
    )
    for table, nothing in (
        (Consent, {"evidence": None}),
        (Contestation, {"sealed": b""}),
        (Share, {"recipient_name": None}),
    ):
        theirs = update(table).where(table.tenant == tenant, table.beneficiary == person)
        await session.execute(theirs.values(**nothing))
