"""The audit: everything recomputed from the leaves, tile by tile, whatever the size of the log.

Of each generation: every leaf has its form and its place, every tile of every level is what the
leaves give and there is no other, size, root and checkpoint are those of the tree, and each
signature holds. Then of the records: each has one place of its own; and, where asked, its leaf
commits to what it says. It reads in short transactions: the gateway goes on beside it.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log import rules, store
from gateway.log.keys import LogKeys
from gateway.log.store import Generation
from gateway.records.rules import DEPLOYMENT, Kind
from gateway.tables import Record, Tenant
from keel.clock import rfc3339
from keel.database import Database
from keel.sealing import CannotUnseal
from keel.tokens import b64u

Commit = Callable[[AsyncSession, Record], Awaitable[bytes | None]]
"""Recomputes what a record's leaf must commit to; None when the record was erased."""

_BUNDLES = 16
_LEAVES = _BUNDLES * rules.TILE_WIDTH
_PAGE = 1000
_TOLD = 50
# The one canonical form: 43 characters are 32 bytes only where the last one has two bits to spare.
_LEAF = re.compile(
    rb'\{"c":"([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])","k":"(r|'
    + b"|".join(re.escape(str(kind)).encode() for kind in Kind)
    + rb')","t":(0|[1-9][0-9]{0,15}),"v":1\}'
)


@dataclass(slots=True)
class Faults:
    """What does not add up: the first of it in words, all of it counted."""

    told: list[dict[str, str]] = field(default_factory=list)
    count: int = 0

    def add(self, where: str, what: str) -> None:
        """Note one thing that is wrong, and where."""
        self.count += 1
        if len(self.told) < _TOLD:
            self.told.append({"where": where, "what": what})


async def audit(
    database: Database, base: str, keys: LogKeys, commit: Commit | None = None
) -> dict[str, Any]:
    """Recompute every generation; the verdict is `consistent` or `damaged`.

    `base` is the installation's first origin. With `commit`, each record that can be opened is
    compared with its leaf.
    """
    faults = Faults()
    try:
        async with database.begin() as session:
            generations = await store.generations(session)
    except (OverflowError, ValueError) as error:
        # Nothing of a log can be recomputed while its state cannot even be read.
        faults.add("log_state", f"a value that is none ({error})")
        return _verdict(base, [], faults, {})
    _check_succession(generations, base, faults)
    async with database.begin() as session:
        for table, count in (
            await store.strays(session, [g.generation for g in generations])
        ).items():
            if count:
                faults.add(table, "rows of a log that does not exist")
    found = [await _recomputed(database, one, keys, faults) for one in generations]
    told = await _check_records(database, found, faults, commit)
    return _verdict(base, found, faults, told)


def _verdict(
    base: str, found: "list[_Recomputed]", faults: Faults, told: dict[str, int]
) -> dict[str, Any]:
    newest = found[-1] if found else None
    return {
        "verdict": "damaged" if faults.count else "consistent",
        "origin": base if newest is None else newest.state.origin,
        "size": 0 if newest is None else newest.state.size,
        "root": "" if newest is None else newest.root_text,
        "generations": [one.line() for one in found],
        **told,
        "fault_count": faults.count,
        "faults": faults.told,
    }


def _check_succession(generations: list[Generation], base: str, faults: Faults) -> None:
    """Each log has the origin of its number, and ends in the minute in which the next begins."""
    # Not strict: of a log whose states were taken away, nothing follows nothing.
    for state, following in zip(generations, [*generations[1:], None], strict=False):
        where = f"log_state of generation {state.generation}"
        if state.origin != rules.origin_of(base, state.generation):
            faults.add(f"{where}, origin", "not the origin of this installation and number")
        if following is None and state.ended_at is not None:
            faults.add(f"{where}, ended_at", "it ended and none follows")
        if following is not None and state.ended_at != following.begun_at:
            faults.add(f"{where}, ended_at", "not when the next generation began")


@dataclass(slots=True)
class _Recomputed:
    """One generation as its leaves give it."""

    state: Generation
    root: bytes
    there: int
    """How many places its leaves take: `state.size`, unless it is damaged."""

    @property
    def root_text(self) -> str:
        return rules.Checkpoint("", 0, self.root).text.split("\n")[2]

    def line(self) -> dict[str, Any]:
        state = self.state
        return {
            "generation": state.generation,
            "origin": state.origin,
            "size": state.size,
            "root": self.root_text,
            "begun_at": rfc3339(state.begun_at),
            "ended_at": state.ended_at and rfc3339(state.ended_at),
        }


async def _recomputed(
    database: Database, state: Generation, keys: LogKeys, faults: Faults
) -> _Recomputed:
    try:
        return await _recompute(database, state.generation, keys, faults)
    except (TypeError, ValueError):
        # SQLite takes any type in any column: text where bytes were is damage like another.
        faults.add(f"generation {state.generation}", "holds values that cannot be read")
        return _Recomputed(state, b"", 0)


async def _recompute(database: Database, number: int, keys: LogKeys, faults: Faults) -> _Recomputed:
    # Under its lock, so that nothing grows between the size and what belongs to it.
    async with database.begin() as session:
        state = await store.locked_generation(session, number)
        held_edge = await store.whole_tiles(session, number, rules.edge_positions(state.size))
        surplus = await store.surplus(session, state)
    for where, what in surplus:
        faults.add(f"generation {number}, {where}", what)
    walk = _Walk(database, state, faults)
    await walk.through()
    root = rules.root_of_edge(walk.edge)
    walk.check_edge(held_edge)
    _check_state(state, root, walk, faults)
    _check_note(state, root, keys, faults)
    return _Recomputed(state, root, walk.there)


@dataclass(slots=True)
class _Walk:
    """Goes over the leaves of one generation once, and over its full tiles beside them."""

    database: Database
    state: Generation
    faults: Faults
    edge: dict[int, bytes] = field(default_factory=dict)
    there: int = 0
    first_minute: int | None = None
    last_minute: int = 0

    def _where(self, thing: str) -> str:
        return f"generation {self.state.generation}, {thing}"

    async def through(self) -> None:
        """Rebuild the tiles from the leaves; `edge` is what is left at the right."""
        number = self.state.generation
        async with self.database.begin() as session:
            there = await store.end_of_entries(session, number, before=self.state.size)
        self.there = there
        # A size that was tampered with may say billions: no leaf that is not there is walked over.
        if there < self.state.size:
            self.faults.add(self._where(f"entries {there} to {self.state.size - 1}"), "missing")
        for first in range(0, there, _LEAVES):
            end = min(first + _LEAVES, there)
            async with self.database.begin() as session:
                rows = await store.numbered_entries(session, number, first, end)
                leaves = self._leaves(rows, first, end)
                rebuilt = rules.append(self.edge, first, [rules.leaf_hash(x) for x in leaves])
                full = {at: tile for at, tile in rebuilt.items() if len(tile) == _FULL}
                held = await store.tiles(session, number, sorted(full)) if full else {}
            for at, tile in full.items():
                self._compare(at, tile, held.get(at))

    def _leaves(self, rows: list[tuple[int, bytes]], first: int, end: int) -> list[bytes]:
        by_index = dict(rows)
        leaves: list[bytes] = []
        for index in range(first, end):
            leaf = by_index.get(index)
            if leaf is None:
                self.faults.add(self._where(f"entry {index}"), "missing")
            else:
                self._check_leaf(index, leaf)
            leaves.append(leaf or b"")
        return leaves

    def _check_leaf(self, index: int, leaf: bytes) -> None:
        read = _LEAF.fullmatch(leaf)
        if read is None:
            self.faults.add(self._where(f"entry {index}"), "not a leaf in its canonical form")
            return
        minute, rest = divmod(int(read[3]), rules.MINUTE)
        if rest:
            self.faults.add(self._where(f"entry {index}"), "its time is no whole minute")
        if minute < self.last_minute:
            self.faults.add(self._where(f"entry {index}"), "its time goes back")
        if index == 0:
            self.first_minute = minute
            if read[2] not in {b"r", str(Kind.LOG_GENESIS).encode()}:
                self.faults.add(self._where("entry 0"), "not the genesis of the log")
        self.last_minute = minute

    def _compare(self, at: tuple[int, int], rebuilt: bytes, held: bytes | None) -> None:
        level, position = at
        if held == rebuilt:
            return
        where = self._where(f"tile {level}/{position}")
        if held is None:
            self.faults.add(where, "missing")
        elif len(held) != len(rebuilt):
            self.faults.add(where, f"{len(held)} bytes instead of {len(rebuilt)}")
        else:
            wrong = next(
                i
                for i in range(0, len(held), rules.HASH_BYTES)
                if held[i : i + rules.HASH_BYTES] != rebuilt[i : i + rules.HASH_BYTES]
            )
            what = (
                "is not what its entry gives" if level == 0 else "is not what the level below gives"
            )
            self.faults.add(where, f"hash {wrong // rules.HASH_BYTES} {what}")

    def check_edge(self, held: dict[tuple[int, int], bytes]) -> None:
        """Compare the incomplete tiles, which were read together with the size."""
        for level, (position, _) in rules.edge_positions(self.state.size).items():
            self._compare((level, position), self.edge.get(level, b""), held.get((level, position)))


_FULL = rules.TILE_WIDTH * rules.HASH_BYTES


def _check_state(state: Generation, root: bytes, walk: _Walk, faults: Faults) -> None:
    where = f"log_state of generation {state.generation}"
    if state.root != root:
        faults.add(f"{where}, root", "not the root of its leaves")
    if state.size == 0:
        faults.add(f"{where}, size", "no genesis")
        return
    if state.last_minute != walk.last_minute:
        faults.add(f"{where}, last_minute", "not the time of the last entry")
    if walk.first_minute is not None:
        begun = walk.first_minute * rules.MINUTE
        if state.begun_at.timestamp() != begun:
            faults.add(f"{where}, begun_at", "not the time of the first entry")


def _check_note(state: Generation, root: bytes, keys: LogKeys, faults: Faults) -> None:
    """Every byte of the note: its text is of this tree, each line a signature that holds."""
    where = f"log_state of generation {state.generation}, checkpoint"
    text = rules.Checkpoint(state.origin, state.size, root).text
    if not state.checkpoint.startswith(f"{text}\n"):
        faults.add(where, "its text is not the origin, size and root of its leaves")
        return
    public = [rules.read_verifier_key(line, state.origin) for line in state.keys]
    if not public or None in public:
        faults.add(f"log_state of generation {state.generation}, keys", "no verifier keys")
        return
    known = [key for key in public if key is not None]
    if rules.signed_by(state.checkpoint, state.origin, known) != list(state.keys):
        faults.add(where, "a signature does not hold")
    lines = state.checkpoint.removeprefix(f"{text}\n").split("\n")
    own = [line for line in lines if line.startswith(f"— {state.origin} ")]
    if len(own) != len(known) or lines[: len(own)] != own or lines[-1] != "":
        faults.add(where, "lines that are no signature of the log")
    if len(rules.signatures(state.checkpoint)) != len(lines) - 1:
        faults.add(where, "a line that is no signature")
    held = {rules.verifier_key(state.origin, one.key) for one in keys.held(state.generation)}
    if held and not held & set(state.keys):
        faults.add(f"log_state of generation {state.generation}, keys", "none is held here")


async def _check_records(
    database: Database, found: list[_Recomputed], faults: Faults, commit: Commit | None
) -> dict[str, int]:
    """Each record has a place of its own; returns how many were seen, opened and are gone."""
    places = _Places({one.state.generation: one.there for one in found}, faults)
    async with database.begin() as session:
        tenants = list(await session.scalars(select(Tenant.id).order_by(Tenant.id)))
    opened = 0
    for tenant in (DEPLOYMENT, *tenants):
        after = ""
        while True:
            async with database.begin(tenant) as session:
                page = await _page(session, tenant, after)
                for record, kind, generation, index in page:
                    places.take(record, kind, generation, index)
                if commit is not None:
                    opened += await _check_commitments(session, tenant, page, faults, commit)
            if len(page) < _PAGE:
                break
            after = page[-1][0]
    told = {"records": places.count, "leaves_without_record": places.free}
    return told if commit is None else {**told, "records_opened": opened}


_Row = tuple[str, str, int | None, int | None]


async def _page(session: AsyncSession, tenant: str, after: str) -> list[_Row]:
    query = (
        select(Record.id, Record.kind, Record.log_generation, Record.log_index)
        .where(Record.tenant == tenant, Record.id > after)
        .order_by(Record.id)
        .limit(_PAGE)
    )
    found = await session.execute(query)
    return [(record, kind, generation, index) for record, kind, generation, index in found]


@dataclass(slots=True)
class _Places:
    """Which leaves have a record: a bit each."""

    sizes: dict[int, int]
    faults: Faults
    count: int = 0
    _taken: dict[int, bytearray] = field(default_factory=dict)

    def take(self, record: str, kind: str, generation: int | None, index: int | None) -> None:
        """Give a record its leaf, which no other may have."""
        self.count += 1
        if generation is None and index is None:
            return  # it waits
        where = f"record {record}"
        if generation is None or index is None or not 0 <= index < self.sizes.get(generation, 0):
            self.faults.add(where, f"no leaf {index} in generation {generation}")
            return
        bits = self._taken.setdefault(generation, bytearray(self.sizes[generation] // 8 + 1))
        byte, bit = divmod(index, 8)
        if bits[byte] >> bit & 1:
            self.faults.add(where, f"leaf {index} of generation {generation} has another record")
        bits[byte] |= 1 << bit
        if (index == 0) is not (kind == Kind.LOG_GENESIS):
            self.faults.add(where, f"{kind} at leaf {index}")

    @property
    def free(self) -> int:
        """How many leaves have no record any more: its time was over."""
        taken = sum(sum(map(int.bit_count, bits)) for bits in self._taken.values())
        return sum(self.sizes.values()) - taken


async def _check_commitments(
    session: AsyncSession, tenant: str, page: list[_Row], faults: Faults, commit: Commit
) -> int:
    """Recompute what each record of a page commits to; returns how many could be opened."""
    opened = 0
    rows = await session.scalars(
        select(Record).where(Record.tenant == tenant, Record.id.in_([row[0] for row in page]))
    )
    for row in rows:
        if row.log_generation is None or row.log_index is None:
            continue
        try:
            commitment = await commit(session, row)
        except (CannotUnseal, ValueError):
            faults.add(f"record {row.id}", "cannot be opened")
            continue
        if commitment is None:
            continue
        opened += 1
        leaf = await store.entries(session, row.log_generation, row.log_index, 1)
        read = _LEAF.fullmatch(leaf[0]) if leaf else None
        if read is None or read[1].decode() != b64u(commitment):
            faults.add(f"record {row.id}", "its leaf commits to something else")
    return opened
