"""Restoration for one bilan: originals are read in a short transaction, then the text flows."""

from collections.abc import Mapping
from dataclasses import dataclass

from anonymizer.keeping.service import kept_originals
from anonymizer.restoration.plausible import Plausibles
from anonymizer.restoration.rules import Context, Json, Restorer, restore_value
from anonymizer.vault.service import Vault
from keel.database import Database


@dataclass(frozen=True, slots=True)
class Restored:
    """A value with the person's own words, and the surrogates that nobody issued."""

    value: Json
    unknown: list[str]


@dataclass(frozen=True, slots=True)
class Restorations:
    """The verbs of restoration."""

    database: Database
    vault: Vault

    async def restore(
        self, tenant: str, bilan: str, value: Json, *, plausible: bool = False
    ) -> Restored:
        """Restore every string inside a JSON value; plausible values only where it is said."""
        originals = await self._originals(tenant, bilan)
        known = await self._plausibles(tenant, bilan, wanted=plausible)
        return Restored(*restore_value(value, originals, known))

    async def stream(
        self, tenant: str, bilan: str, context: Context, *, plausible: bool = False
    ) -> Restorer:
        """Return what restores a stream piece by piece; no transaction stays open for it."""
        originals = await self._originals(tenant, bilan)
        return Restorer(originals, context, await self._plausibles(tenant, bilan, wanted=plausible))

    async def _plausibles(self, tenant: str, bilan: str, *, wanted: bool) -> Plausibles:
        if not wanted:
            return Plausibles()
        async with self.database.begin(tenant) as session:
            return await self.vault.plausibles(session, tenant, bilan)

    async def _originals(self, tenant: str, bilan: str) -> Mapping[str, str]:
        async with self.database.begin(tenant) as session:
            held = await self.vault.originals(session, tenant, bilan)
            if held is not None:
                return held
            # The bilan ended, and the vault with it: what is kept is all that can be restored.
            return await kept_originals(session, self.vault.keys, tenant, bilan)
