"""The verbs of sources: import one, load what is bundled, list what is there."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from sqlalchemy.exc import IntegrityError

from keel.clock import utc_now
from keel.database import Database
from labour_market.bundle import reading as bundle
from labour_market.sources import store
from labour_market.sources.harvest import Harvest, SourceRefused, faults

SOURCES = ("rome", "esco", "bmo", "dares", "crosswalks", "geo")


class Importer(Protocol):
    """A module that reads one producer's files; they are imported by name, with Polars."""

    def parse(self, root: Path, *, retrieved_on: str) -> Harvest:
        """Return what the files in `root` hold."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did."""

    source: str
    release: str
    state: str
    counts: Mapping[str, int]
    rows: int
    warnings: tuple[str, ...]
    superseded: str | None


@dataclass(frozen=True, slots=True)
class Imports:
    """Bring releases in; the old one stays in force until the new one is whole."""

    database: Database
    now: Callable[[], datetime] = utc_now

    async def run(self, source: str, root: Path) -> Imported:
        """Fetch, parse, validate, stage, switch.

        Raises:
            SourceRefused: the files are not what the source promises; the old release stays.
        """
        on = self.now().date().isoformat()
        return await self.load(await asyncio.to_thread(_parse, source, root, on))

    async def load(self, harvest: Harvest) -> Imported:
        """Validate, stage and switch to a harvest.

        Raises:
            SourceRefused: it does not hold together; nothing of it stays.
        """
        if found := faults(harvest):
            raise SourceRefused("; ".join(found))
        if not await self._is_loaded(harvest.release):
            there = await store.stage(self.database, harvest, at=self.now())
            if there != harvest.size:
                await store.discard(self.database, harvest.release)
                raise SourceRefused(f"{there} rows were stored of {harvest.size}")
        old = await store.switch(self.database, harvest)
        return Imported(
            source=harvest.source,
            release=harvest.release,
            state=store.CURRENT,
            counts=harvest.counts,
            rows=harvest.size,
            warnings=tuple(harvest.warnings),
            superseded=old,
        )

    async def load_bundle(self) -> None:
        """Load what the package carries, for every source that nothing was imported for."""
        async with self.database.begin() as session:
            present = await store.current(session)
        for harvest in bundle.harvests():
            now = present.get(harvest.source)
            if now is None or (now.bundled and now.id != harvest.release):
                await self._load_unless_another_did(harvest)

    async def _load_unless_another_did(self, harvest: Harvest) -> None:
        # Two replicas that start together on an empty database both come here; one is enough.
        try:
            await self.load(harvest)
        except IntegrityError:
            async with self.database.begin() as session:
                if await store.find(session, harvest.release) is None:
                    raise

    async def _is_loaded(self, release: str) -> bool:
        async with self.database.begin() as session:
            row = await store.find(session, release)
        return row is not None and row.state != store.STAGING


def _parse(source: str, root: Path, on: str) -> Harvest:
    if not root.is_dir():
        raise SourceRefused(f"{root.name} is no folder. Give the files of {source} with --from.")
    importer = cast("Importer", import_module(f"labour_market.sources.{source}"))
    return importer.parse(root, retrieved_on=on)
