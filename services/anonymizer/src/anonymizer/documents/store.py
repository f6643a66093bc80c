"""The rows of documents."""

from collections.abc import Mapping

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from anonymizer.tables import StoredDocument


async def find(
    session: AsyncSession, tenant: str, document_id: str, *, findings: bool = False
) -> StoredDocument | None:
    """Return a document of the tenant."""
    query = select(StoredDocument).where(
        StoredDocument.tenant == tenant, StoredDocument.id == document_id
    )
    if findings:
        query = query.options(undefer(StoredDocument.findings))
    return await session.scalar(query)


async def pseudonymised(session: AsyncSession, tenant: str, bilan: str) -> Mapping[str, bytes]:
    """Return the sealed pseudonymised texts of a bilan's documents, by id."""
    rows = await session.execute(
        select(StoredDocument.id, StoredDocument.pseudonymised).where(
            StoredDocument.tenant == tenant, StoredDocument.bilan == bilan
        )
    )
    return {document: text for document, text in rows}  # noqa: C416 - rows are unpacked


async def delete_one(session: AsyncSession, tenant: str, document_id: str) -> None:
    """Delete a document."""
    await session.execute(
        delete(StoredDocument).where(
            StoredDocument.tenant == tenant, StoredDocument.id == document_id
        )
    )


async def erase(session: AsyncSession, tenant: str, bilan: str) -> int:
    """Delete every document of a bilan; returns how many there were."""
    result = await session.execute(
        delete(StoredDocument).where(StoredDocument.tenant == tenant, StoredDocument.bilan == bilan)
    )
    return result.rowcount if isinstance(result, CursorResult) else 0
