"""Destroying what there is of a bilan: the key first, then the rows."""

from dataclasses import dataclass

from anonymizer.documents import store as documents
from anonymizer.vault import store as vault
from keel.database import Database
from keel.endings import Endings
from keel.sealing import ContentKeys


@dataclass(frozen=True, slots=True)
class Erased:
    """How much there was."""

    documents: int
    surrogates: int


@dataclass(frozen=True, slots=True)
class Erasures:
    """The verb of erasure."""

    database: Database
    keys: ContentKeys
    endings: Endings

    async def erase(self, tenant: str, bilan: str) -> Erased:
        """Destroy the bilan's key and rows; again and again without harm, and with one answer.

        Whoever is writing for the bilan is waited for; whoever comes later is refused.
        """
        async with self.database.begin(tenant) as session:
            await self.endings.close(session, tenant, bilan)
            await self.keys.destroy(session, tenant, bilan)
            gone = {
                "documents": await documents.erase(session, tenant, bilan),
                "surrogates": await vault.erase(session, tenant, bilan),
            }
            return Erased(**await self.endings.mark(session, tenant, bilan, gone))
