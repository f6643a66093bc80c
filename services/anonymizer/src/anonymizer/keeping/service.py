"""The verbs of keeping: seal anew what outlives a bilan, and destroy it when its time has come.

What is kept is sealed under the key of its agreement, bound to the same names as before. Of the
vault, only what stands behind surrogates in the kept texts is kept; the rest dies with the bilan.
"""

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from anonymizer.documents.rules import PARTS, bound
from anonymizer.keeping import store
from anonymizer.restoration.grammar import names_in
from anonymizer.tables import KeptDocument, KeptSurrogate, StoredDocument
from anonymizer.vault import store as vault
from anonymizer.vault.rules import SealedOriginals, context
from keel.database import Database
from keel.endings import Endings
from keel.problems import NotFound
from keel.sealing import ContentKeys, seal, unseal

Scope = Literal["synthesis", "documents"]


@dataclass(frozen=True, slots=True)
class Kept:
    """How much is kept, or was destroyed of it."""

    documents: int
    surrogates: int


@dataclass(frozen=True, slots=True)
class Keeping:
    """The verbs of keeping."""

    database: Database
    keys: ContentKeys
    endings: Endings

    async def keep(self, tenant: str, bilan: str, agreement: str, scope: Scope) -> Kept:
        """Seal what the person agreed to leave anew, so that it outlives the bilan's key.

        A synthesis rests in the reports service, in the person's own words: for that scope there
        is nothing to keep here. Again, it keeps what there is by now; once the bilan was
        destroyed it answers what is kept.

        Raises:
            NotFound: the agreement ended.
        """
        async with self.database.begin(tenant) as session:
            await self.endings.close(session, tenant, agreement)
            if not await self.endings.hold_open(session, tenant, agreement):
                raise NotFound("This agreement ended, and nothing is kept under it.")
            if await self.endings.hold_open(session, tenant, bilan) and scope == "documents":
                key = await self.keys.find(session, tenant, bilan)
                if key is not None:
                    await store.erase(session, tenant, bilan, agreement)
                    await self._seal_anew(session, key, tenant, bilan, agreement)
            return Kept(**await store.count(session, tenant, agreement))

    async def _seal_anew(
        self, session: AsyncSession, key: bytes, tenant: str, bilan: str, agreement: str
    ) -> None:
        documents = await store.whole_documents(session, tenant, bilan)
        if not documents:
            return
        kept = await self.keys.obtain(session, tenant, agreement)
        session.add_all(_document(key, kept, agreement, row) for row in documents)
        held = await vault.sealed(session, tenant, bilan)
        for name in sorted(_names(key, documents) & held.keys()):
            sealed = _again(key, kept, held[name], context(tenant, bilan, name))
            session.add(
                KeptSurrogate(
                    tenant=tenant, agreement=agreement, name=name, bilan=bilan, sealed=sealed
                )
            )
        await session.flush()

    async def destroy(self, tenant: str, bilan: str, agreement: str) -> Kept:
        """Destroy the agreement's key and rows; again and again without harm, with one answer."""
        async with self.database.begin(tenant) as session:
            await self.endings.close(session, tenant, agreement)
            await self.keys.destroy(session, tenant, agreement)
            gone = await store.erase(session, tenant, bilan, agreement)
            return Kept(**await self.endings.mark(session, tenant, agreement, gone))


async def kept_originals(
    session: AsyncSession, keys: ContentKeys, tenant: str, bilan: str
) -> Mapping[str, str]:
    """Return what the surrogates in a bilan's kept documents stand for; empty: nothing is kept."""
    found: list[SealedOriginals] = []
    for agreement, sealed in (await store.surrogates(session, tenant, bilan)).items():
        key = await keys.find(session, tenant, agreement)
        if key is not None:
            found.append(SealedOriginals(key, tenant, bilan, sealed))
    # Only ever read: the types of ChainMap are those of a writer.
    return ChainMap(*found)  # type: ignore[arg-type]


def _names(key: bytes, documents: Sequence[StoredDocument]) -> set[str]:
    texts = (
        unseal(key, row.pseudonymised, bound(row.tenant, row.bilan, row.id, "pseudonymised"))
        for row in documents
    )
    return {name for text in texts for name in names_in(text.decode())}


def _document(key: bytes, kept: bytes, agreement: str, row: StoredDocument) -> KeptDocument:
    parts = {
        part: _again(key, kept, getattr(row, part), bound(row.tenant, row.bilan, row.id, part))
        for part in PARTS
    }
    return KeptDocument(
        tenant=row.tenant,
        agreement=agreement,
        id=row.id,
        bilan=row.bilan,
        created_at=row.created_at,
        **parts,
    )


def _again(key: bytes, kept: bytes, sealed: bytes, bound_to: str) -> bytes:
    return seal(kept, unseal(key, sealed, bound_to), bound_to)
