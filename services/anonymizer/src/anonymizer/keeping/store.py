"""The rows of what is kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CursorResult, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from anonymizer.tables import KeptDocument, KeptSurrogate, StoredDocument


async def whole_documents(
    session: AsyncSession, tenant: str, bilan: str
) -> Sequence[StoredDocument]:
    """Return every document of a bilan with all its parts."""
    return list(
        await session.scalars(
            select(StoredDocument)
            .where(StoredDocument.tenant == tenant, StoredDocument.bilan == bilan)
            .options(undefer("*"))
        )
    )


async def find_document(
    session: AsyncSession, tenant: str, bilan: str, document: str, *, findings: bool = False
) -> KeptDocument | None:
    """Return a kept document; under several agreements, that of the newest."""
    query = (
        select(KeptDocument)
        .where(
            KeptDocument.tenant == tenant,
            KeptDocument.bilan == bilan,
            KeptDocument.id == document,
        )
        .order_by(KeptDocument.agreement.desc())
        .limit(1)
    )
    return await session.scalar(
        query.options(undefer(KeptDocument.findings)) if findings else query
    )


async def delete_document(session: AsyncSession, tenant: str, document: str) -> None:
    """Delete a kept document under every agreement."""
    await session.execute(
        delete(KeptDocument).where(KeptDocument.tenant == tenant, KeptDocument.id == document)
    )


async def surrogates(
    session: AsyncSession, tenant: str, bilan: str
) -> Mapping[str, Mapping[str, bytes]]:
    """Return the sealed values of a bilan's kept surrogates, by agreement and name."""
    rows = await session.execute(
        select(KeptSurrogate.agreement, KeptSurrogate.name, KeptSurrogate.sealed).where(
            KeptSurrogate.tenant == tenant, KeptSurrogate.bilan == bilan
        )
    )
    found: dict[str, dict[str, bytes]] = {}
    for agreement, name, sealed in rows:
        found.setdefault(agreement, {})[name] = sealed
    return found


async def count(session: AsyncSession, tenant: str, agreement: str) -> dict[str, int]:
    """Return how much is kept under an agreement."""
    documents = select(func.count()).where(
        KeptDocument.tenant == tenant, KeptDocument.agreement == agreement
    )
    names = select(func.count()).where(
        KeptSurrogate.tenant == tenant, KeptSurrogate.agreement == agreement
    )
    return {
        "documents": await session.scalar(documents) or 0,
        "surrogates": await session.scalar(names) or 0,
    }


async def erase(session: AsyncSession, tenant: str, bilan: str, agreement: str) -> dict[str, int]:
    """Delete all that is kept of a bilan under an agreement; returns how much there was."""
    gone: dict[str, int] = {}
    kinds: tuple[tuple[str, Any], ...] = (
        ("documents", KeptDocument),
        ("surrogates", KeptSurrogate),
    )
    for name, table in kinds:
        result = await session.execute(
            delete(table).where(
                table.tenant == tenant, table.bilan == bilan, table.agreement == agreement
            )
        )
        gone[name] = result.rowcount if isinstance(result, CursorResult) else 0
    return gone
