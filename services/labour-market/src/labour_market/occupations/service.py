"""The verbs of occupations: hold the current taxonomy, list it, read one occupation."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy.ext.asyncio import AsyncSession

from labour_market.matching.morphology import fold
from labour_market.occupations import store
from labour_market.occupations.catalogue import Catalogue, Occupation
from labour_market.problems import SchemeUnavailable, UnknownOccupation
from labour_market.sources.store import current

SOURCE_OF = {"rome3": "rome", "rome4": "rome", "esco": "esco"}


@dataclass(slots=True)
class Taxonomies:
    """Keeps one catalogue for each taxonomy, and follows the current release."""

    _held: dict[str, Catalogue] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def of(self, session: AsyncSession, scheme: str) -> Catalogue:
        """Return the catalogue of the current release.

        Raises:
            SchemeUnavailable: nothing was imported for this scheme.
        """
        source = SOURCE_OF[scheme]
        release = (await current(session)).get(source)
        if release is None:
            raise SchemeUnavailable(f"Import it first: python -m labour_market import {source}")
        async with self._lock:
            held = self._held.get(source)
            if held is None or held.cited.release != release.id:
                loaded = await store.load(session, release)
                held = await asyncio.to_thread(loaded.warm)
                self._held[source] = held
        return held


def read(catalogue: Catalogue, code: str) -> Occupation:
    """Return one occupation.

    Raises:
        UnknownOccupation: the release has no such code.
    """
    found = catalogue.occupations.get(code)
    if found is None:
        raise UnknownOccupation(
            "Use a ROME 4.0 code of GET /occupations. On the bundle only some forty are known: "
            "import ROME to have all."
        )
    return found


def page(
    catalogue: Catalogue, query: str, after: str, limit: int
) -> tuple[list[Occupation], str | None]:
    """Return up to `limit` occupations after a code, and the code to go on from."""
    wanted = fold(query)
    known: set[str] | None = None
    if wanted:
        known = {t.code for t in catalogue.titles if wanted in fold(t.label)}
    every = (
        o
        for o in catalogue.occupations.values()
        if o.code > after and (known is None or o.code in known or wanted in fold(o.label))
    )
    found = list(islice(every, limit + 1))
    return found[:limit], found[limit - 1].code if len(found) > limit else None


def names(catalogue: Catalogue, code: str) -> Sequence[str]:
    """Return the appellations of an occupation, the principal one first."""
    own = [t for t in catalogue.titles if t.code == code]
    return [t.label for t in sorted(own, key=lambda t: not t.principal)]
