"""Rows of the log: outbox, entries, tiles, and the state rows, of which the newest is the fence."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sqlalchemy import (
    RowMapping,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    true,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from gateway.log.rules import HASH_BYTES, TILE_WIDTH, edge_positions
from gateway.tables import Base, LogEntry, LogOutbox, LogState, LogTile, Record
from keel.tenancy import enter

_outbox = Base.metadata.tables[LogOutbox.__tablename__]
_entries = Base.metadata.tables[LogEntry.__tablename__]
_tiles = Base.metadata.tables[LogTile.__tablename__]
_state = Base.metadata.tables[LogState.__tablename__]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A commitment that waits for its place."""

    id: int
    tenant: str
    record: str
    kind: str
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Generation:
    """One log of this installation as its state row says it."""

    generation: int
    origin: str
    size: int
    last_minute: int
    root: bytes
    checkpoint: str
    keys: tuple[str, ...]
    begun_at: datetime
    ended_at: datetime | None


async def enqueue(session: AsyncSession, rows: Sequence[Mapping[str, object]]) -> None:
    """Put commitments in the outbox, in the caller's business transaction and in this order."""
    await (await session.connection()).execute(_outbox.insert().inline(), rows)


_ANY_WAITING = select(_outbox.c.id).limit(1)


async def has_waiting(session: AsyncSession) -> bool:
    """Say whether a commitment waits."""
    return (await (await session.connection()).execute(_ANY_WAITING)).first() is not None


_OLDEST = select(_outbox.c.id).order_by(_outbox.c.id).limit(bindparam("at_most")).scalar_subquery()
_TAKE = (
    delete(_outbox)
    .where(_outbox.c.id.in_(_OLDEST))
    .returning(
        _outbox.c.id, _outbox.c.tenant, _outbox.c.record, _outbox.c.kind, _outbox.c.commitment
    )
)


async def take(session: AsyncSession, *, limit: int) -> list[Waiting]:
    """Take the oldest waiting commitments out of the outbox; returns them in their order."""
    taken = await (await session.connection()).execute(_TAKE, {"at_most": limit})
    return sorted((Waiting(*row) for row in taken), key=lambda waiting: waiting.id)


_TAKE_ONE = (
    delete(_outbox)
    .where(_outbox.c.record == bindparam("wanted"))
    .returning(
        _outbox.c.id, _outbox.c.tenant, _outbox.c.record, _outbox.c.kind, _outbox.c.commitment
    )
)


async def take_one(session: AsyncSession, record: str) -> Waiting:
    """Take the commitment of one record out of the outbox."""
    taken = await (await session.connection()).execute(_TAKE_ONE, {"wanted": record})
    return Waiting(*taken.one())


def _generation(row: RowMapping | None) -> Generation | None:
    if row is None:
        return None
    keys = tuple(str(row["keys"]).splitlines())
    return Generation(**{**row, "keys": keys})


async def _one(session: AsyncSession, query: Select[tuple[object, ...]]) -> Generation | None:
    found = await (await session.connection()).execute(query)
    return _generation(found.mappings().first())


_NEWEST = select(_state).order_by(_state.c.generation.desc()).limit(1)
_ONE = select(_state).where(_state.c.generation == bindparam("wanted"))


async def locked_state(session: AsyncSession) -> Generation | None:
    """Return the newest generation, its row locked against every other sequencer."""
    found = await _one(session, _NEWEST.with_for_update())
    if found is None or found.ended_at is None:
        return found
    # Another process ended it while we waited for its row: the one that it began is newer.
    return await _one(session, _NEWEST.with_for_update())


async def last_generation(session: AsyncSession) -> int | None:
    """Return the number of the last log that has a leaf, whatever its state row says."""
    last = select(func.max(_entries.c.generation))
    found: int | None = (await (await session.connection()).execute(last)).scalar_one()
    return found


async def state(session: AsyncSession, generation: int | None = None) -> Generation | None:
    """Return a generation as last committed; the newest without a number."""
    query = _NEWEST if generation is None else _ONE.params(wanted=generation)
    return await _one(session, query)


async def generations(session: AsyncSession) -> list[Generation]:
    """Return every generation, the oldest first."""
    rows = await (await session.connection()).execute(select(_state).order_by(_state.c.generation))
    return [found for row in rows.mappings() if (found := _generation(row)) is not None]


async def begin_log(session: AsyncSession, begun: Generation) -> None:
    """Insert the state row of an empty log."""
    row = {name: getattr(begun, name) for name in Generation.__slots__}
    row["keys"] = "\n".join(begun.keys)
    await (await session.connection()).execute(insert(_state), row)


async def end_log(session: AsyncSession, generation: int, *, at: datetime) -> None:
    """End a generation for good."""
    ended = update(_state).where(_state.c.generation == generation).values(ended_at=at)
    await (await session.connection()).execute(ended)


_GROW = (
    update(_state)
    .where(
        _state.c.generation == bindparam("of"),
        _state.c.size == bindparam("old"),
        _state.c.ended_at.is_(None),
    )
    .values(
        size=bindparam("new_size"),
        last_minute=bindparam("minute"),
        root=bindparam("new_root"),
        checkpoint=bindparam("note"),
        keys=bindparam("signers"),
    )
)


async def grow(session: AsyncSession, old: Generation, new: Generation) -> bool:
    """Write the new size, root and checkpoint; False when somebody else did so meanwhile."""
    written = await (await session.connection()).execute(
        _GROW,
        {
            "of": old.generation,
            "old": old.size,
            "new_size": new.size,
            "minute": new.last_minute,
            "new_root": new.root,
            "note": new.checkpoint,
            "signers": "\n".join(new.keys),
        },
    )
    return written.rowcount == 1


async def edge(session: AsyncSession, generation: int, size: int) -> dict[int, bytes]:
    """Return the incomplete tiles of the right edge, by level."""
    positions = edge_positions(size)
    if not positions:
        return {}
    held = await tiles(session, generation, [(level, at) for level, (at, _) in positions.items()])
    return {
        level: held.get((level, at), b"")[: width * HASH_BYTES]
        for level, (at, width) in positions.items()
    }


async def tiles(
    session: AsyncSession, generation: int, places: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Return the hashes of tiles by (level, position), as last committed; a missing one is not."""
    query = select(_tiles.c.level, _tiles.c.position, _tiles.c.hashes).where(
        _tiles.c.generation == generation,
        or_(
            *(
                and_(_tiles.c.level == level, _tiles.c.position == position)
                for level, position in places
            )
        ),
    )
    found = await (await session.connection()).execute(query)
    return {(level, position): hashes for level, position, hashes in found}


async def tile_hashes(session: AsyncSession, generation: int, level: int, position: int) -> bytes:
    """Return the hashes of a tile as last committed; empty when there is none."""
    found = await tiles(session, generation, [(level, position)])
    return found.get((level, position), b"")


async def add_entries(
    session: AsyncSession, generation: int, first: int, leaves: Sequence[bytes]
) -> None:
    """Insert leaves from index `first` on."""
    await (await session.connection()).execute(
        insert(_entries),
        [
            {"generation": generation, "log_index": first + i, "leaf": leaf}
            for i, leaf in enumerate(leaves)
        ],
    )


# SQLite would join a list of places the wrong way round, and read a tenant's every record.
_PLACE_EACH = text(
    "UPDATE records SET log_generation = :generation, log_index = :place "
    "WHERE tenant = :of AND id = :record"
)
# PostgreSQL is left one way: along the primary key, from the first record to the last. By what it
# last knew of a tenant it may rather read their every record, and not know how many came since.
# What it is kept from it counts as a huge cost, for which it would compile the statement each time.
_ALONG_THE_KEY = text(
    "SELECT set_config('enable_nestloop', 'off', true), set_config('enable_hashjoin', 'off', true),"
    " set_config('enable_sort', 'off', true), set_config('jit', 'off', true)"
)
_PLACE_ALL = text(
    "UPDATE records SET log_generation = :generation, log_index = placed.at "
    "FROM unnest(CAST(:records AS text[]), CAST(:places AS bigint[])) placed (record, at) "
    "WHERE records.tenant = :of AND records.id = placed.record AND records.id BETWEEN "
    "(SELECT min(r) FROM unnest(CAST(:records AS text[])) r) AND "
    "(SELECT max(r) FROM unnest(CAST(:records AS text[])) r)"
)


async def place(
    session: AsyncSession, generation: int, first: int, rows: Sequence[Waiting]
) -> None:
    """Tell each record its place, a statement a tenant."""
    places: dict[str, dict[str, int]] = defaultdict(dict)
    for i, row in enumerate(rows):
        places[row.tenant][row.record] = first + i
    connection = await session.connection()
    is_postgresql = connection.dialect.name == "postgresql"
    if is_postgresql:
        await connection.execute(_ALONG_THE_KEY)
    for tenant, placed in places.items():
        await enter(session, tenant)
        of = {"generation": generation, "of": tenant}
        if is_postgresql:
            columns = {"records": list(placed), "places": list(placed.values())}
            await connection.execute(_PLACE_ALL, {**of, **columns})
        else:
            each = [{**of, "record": record, "place": place} for record, place in placed.items()]
            await connection.execute(_PLACE_EACH, each)


_PUT_TILE = text(
    "INSERT INTO log_tiles (generation, level, position, hashes) "
    "VALUES (:generation, :level, :position, :hashes) "
    "ON CONFLICT (generation, level, position) DO UPDATE SET hashes = excluded.hashes"
)


async def put_tiles(
    session: AsyncSession, generation: int, changed: Mapping[tuple[int, int], bytes]
) -> None:
    """Write the tiles that changed; a full tile is never written twice."""
    rows = [
        {"generation": generation, "level": level, "position": position, "hashes": hashes}
        for (level, position), hashes in changed.items()
    ]
    await (await session.connection()).execute(_PUT_TILE, rows)


_SOME = (
    select(_entries.c.leaf)
    .where(
        _entries.c.generation == bindparam("of"),
        _entries.c.log_index >= bindparam("first"),
        _entries.c.log_index < bindparam("end"),
    )
    .order_by(_entries.c.log_index)
)


async def entries(session: AsyncSession, generation: int, first: int, count: int) -> list[bytes]:
    """Return `count` leaves from index `first`."""
    found = await (await session.connection()).execute(
        _SOME, {"of": generation, "first": first, "end": first + count}
    )
    return list(found.scalars())


_SEQUENCERS = 0x7061_7373_6C6F_67
"""`passlog`: one number for the sequencers of one database."""
_LOCK = select(func.pg_try_advisory_xact_lock(_SEQUENCERS))
_WAIT = select(func.pg_advisory_xact_lock(_SEQUENCERS))


async def queue(session: AsyncSession) -> tuple[int, datetime | None]:
    """Return how many commitments wait, and since when the oldest does."""
    connection = await session.connection()
    count = (await connection.execute(select(func.count()).select_from(_outbox))).scalar_one()
    oldest = select(_outbox.c.tenant, _outbox.c.record).order_by(_outbox.c.id).limit(1)
    row = (await connection.execute(oldest)).first()
    if row is None:
        return count, None
    await enter(session, row.tenant)
    since = select(Record.occurred_at).where(Record.tenant == row.tenant, Record.id == row.record)
    return count, await session.scalar(since)


async def is_alone(session: AsyncSession) -> bool:
    """Say whether no other process sequences now; on SQLite nobody else can."""
    connection: AsyncConnection = await session.connection()
    if connection.dialect.name != "postgresql":
        return True
    return bool((await connection.execute(_LOCK)).scalar_one())


async def wait_until_alone(session: AsyncSession) -> None:
    """Hold up every other process that would sequence or begin a log, until this one commits.

    A log that is not there yet has no row that could be locked.
    """
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(_WAIT)


def tile_width(level: int, position: int, size: int) -> int:
    """Say how many hashes a tile has in the tree of `size`; 0 when it does not exist."""
    return max(0, min(TILE_WIDTH, (size >> 8 * level) - position * TILE_WIDTH))


async def locked_generation(session: AsyncSession, generation: int) -> Generation:
    """Return one generation, its row locked (NoResultFound)."""
    query = _ONE.params(wanted=generation).with_for_update()
    found = _generation((await (await session.connection()).execute(query)).mappings().one())
    assert found is not None  # noqa: S101 - `one` raised
    return found


async def whole_tiles(
    session: AsyncSession, generation: int, edge: Mapping[int, tuple[int, int]]
) -> dict[tuple[int, int], bytes]:
    """Return the tiles of the right edge as they are stored, not cut to any size."""
    places = [(level, position) for level, (position, _) in edge.items()]
    return await tiles(session, generation, places) if places else {}


async def numbered_entries(
    session: AsyncSession, generation: int, first: int, end: int
) -> list[tuple[int, bytes]]:
    """Return the leaves from index `first` to before `end` that there are, with their indices."""
    query = select(_entries.c.log_index, _entries.c.leaf).where(
        _entries.c.generation == generation,
        _entries.c.log_index >= first,
        _entries.c.log_index < end,
    )
    return [(index, leaf) for index, leaf in await (await session.connection()).execute(query)]


async def end_of_entries(session: AsyncSession, generation: int, *, before: int) -> int:
    """Return the place after the last leaf below index `before`; 0 when there is none."""
    last = select(func.max(_entries.c.log_index)).where(
        _entries.c.generation == generation, _entries.c.log_index < before
    )
    found = (await (await session.connection()).execute(last)).scalar_one()
    return 0 if found is None else max(0, int(found) + 1)


async def surplus(session: AsyncSession, of: Generation) -> list[tuple[str, str]]:
    """Return what a generation has beside its entries and tiles: where, and what."""
    connection = await session.connection()
    mine = _entries.c.generation == of.generation
    beyond = or_(_entries.c.log_index < 0, _entries.c.log_index >= of.size)
    found = [
        (f"entry {index}", "beyond the size of the log")
        for index in await connection.scalars(
            select(_entries.c.log_index).where(mine, beyond).limit(_SOME_SURPLUS)
        )
    ]
    last: dict[int, int] = {}
    level, count = 0, of.size
    while count:
        last[level] = (count - 1) // TILE_WIDTH
        level, count = level + 1, count // TILE_WIDTH
    inside = [
        and_(_tiles.c.level == level, _tiles.c.position.between(0, at))
        for level, at in last.items()
    ]
    query = select(_tiles.c.level, _tiles.c.position).where(_tiles.c.generation == of.generation)
    if inside:
        query = query.where(not_(or_(*inside)))
    found += [
        (f"tile {level}/{position}", "no tile of a log of this size")
        for level, position in await connection.execute(query.limit(_SOME_SURPLUS))
    ]
    return found


_SOME_SURPLUS = 20


async def strays(session: AsyncSession, known: Sequence[int]) -> dict[str, int]:
    """Return, by table, whether it has rows of a generation that does not exist (1 or 0)."""
    connection = await session.connection()
    found: dict[str, int] = {}
    for table in (_entries, _tiles):
        # Ranges between the known numbers: the key answers at once, however long the log is.
        edges = [None, *sorted(known), None]
        gaps = [
            and_(
                true(),
                *([] if below is None else [table.c.generation > below]),
                *([] if above is None else [table.c.generation < above]),
            )
            for below, above in pairwise(edges)
        ]
        found[table.name] = 0
        for gap in gaps:
            query = select(table.c.generation).where(gap).limit(1)
            if (await connection.execute(query)).first() is not None:
                found[table.name] = 1
    return found
