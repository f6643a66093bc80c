"""What an importer brings home: rows for our tables, counts, warnings, provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Row = Mapping[str, object]

FRANCE_TRAVAIL = "France Travail"
OPEN_LICENCE = "Licence Ouverte 2.0 (Etalab)"


class SourceRefused(Exception):  # noqa: N818 - read by an operator after an import
    """The files are not what the source promises; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Publication:
    """One publication of a producer: what a figure or an entry cites.

    `published_on` is as precise as the producer is (`2024`, `2025-06`), and None where the copy
    that was read does not say; `retrieved_on` is the day when we read it.
    """

    key: str
    name: str
    producer: str
    licence: str
    retrieved_on: str
    published_on: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Harvest:
    """One release of one source, parsed but not loaded.

    `rows` is keyed by table name; `counts` gives the rows read in each file, as the producer
    counts them; `digest` is the SHA-256 of the bytes that were read, so that a release id says
    exactly what it holds.
    """

    source: str
    version: str
    digest: str
    publications: Sequence[Publication]
    rows: Mapping[str, Sequence[Row]]
    counts: Mapping[str, int] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    bundled: bool = False

    @property
    def release(self) -> str:
        """The id of this release: the same bytes read by the same importer give the same id."""
        origin = "bundle" if self.bundled else self.version
        return f"{self.source}-{origin}-{self.digest[:12]}"

    @property
    def size(self) -> int:
        """Rows to load, over all tables."""
        return sum(len(rows) for rows in self.rows.values())


def faults(harvest: Harvest) -> list[str]:
    """Say what forbids this harvest to become a release; an empty list when nothing does."""
    known = {p.key for p in harvest.publications}
    found = [f"table {name} is empty" for name, rows in harvest.rows.items() if not rows]
    if not harvest.publications:
        found.append("no publication says who made this")
    found += _figure_faults(harvest.rows.get("figures", ()), known)
    found += _occupation_faults(harvest.rows.get("occupations", ()))
    found += _dangling(harvest.rows, "requirements", "occupation", "occupations")
    found += _dangling(harvest.rows, "requirements", "skill", "skills")
    found += _dangling(harvest.rows, "appellations", "occupation", "occupations")
    return found


def _figure_faults(figures: Sequence[Row], known: set[str]) -> list[str]:
    found = []
    if any(f["publication"] not in known for f in figures):
        found.append("a figure cites a publication that is not declared")
    if any((f["value"] is None) != (f["flag"] == "suppressed") for f in figures):
        found.append("a withheld value was turned into a number, or the reverse")
    return found


def _occupation_faults(occupations: Sequence[Row]) -> list[str]:
    codes = {(o["scheme"], o["code"]) for o in occupations}
    orphans = [
        o for o in occupations if o["scheme"] == "rome4" and ("rome3", o["parent"]) not in codes
    ]
    found = [f"{len(orphans)} ROME 4.0 occupations have no v3 parent"] if orphans else []
    if len(codes) != len(occupations):
        found.append("an occupation code appears twice")
    return found


def _dangling(rows: Mapping[str, Sequence[Row]], table: str, column: str, target: str) -> list[str]:
    if table not in rows:
        return []
    codes = {(r["scheme"], r["code"]) for r in rows.get(target, ())}
    lost = sum((r["scheme"], r[column]) not in codes for r in rows[table])
    return [f"{lost} rows of {table} name an unknown {column}"] if lost else []
