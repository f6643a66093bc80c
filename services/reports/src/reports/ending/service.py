"""The verb of ending: the key first, then the rows, then whatever the renderer still holds."""

from dataclasses import dataclass

from keel.database import Database
from keel.endings import Endings
from keel.sealing import ContentKeys
from reports.rendering.press import Press
from reports.versions import store


@dataclass(frozen=True, slots=True)
class Destroyed:
    """How much there was; a version counts once for each of its states."""

    reports: int
    versions: int
    files: int


@dataclass(frozen=True, slots=True)
class Destruction:
    """The verb of ending."""

    database: Database
    keys: ContentKeys
    endings: Endings
    press: Press

    async def destroy(self, tenant: str, bilan: str) -> Destroyed:
        """Destroy the bilan's key and rows; again and again without harm, and with one answer.

        Whoever is writing for the bilan is waited for; whoever comes later is refused. What the
        person agreed to keep rests under another key.
        """
        async with self.database.begin(tenant) as session:
            await self.endings.close(session, tenant, bilan)
            await self.keys.destroy(session, tenant, bilan)
            gone = await store.erase(session, tenant, bilan)
            counts = await self.endings.mark(session, tenant, bilan, gone)
        await self.press.forget()
        return Destroyed(**counts)
