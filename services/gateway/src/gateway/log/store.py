"""Rows of the log: outbox, entries, tiles, and the one state row that fences the sequencer."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log.rules import HASH_BYTES, TILE_WIDTH, edge_positions
from gateway.tables import Base, LogEntry, LogOutbox, LogState, LogTile, Record
from keel.tenancy import enter

_STATE = 1
_records = Base.metadata.tables[Record.__tablename__]
_outbox = Base.metadata.tables[LogOutbox.__tablename__]
_PLACE = (
    update(_records)
    .where(_records.c.tenant == bindparam("of"), _records.c.id == bindparam("record"))
    .values(log_index=bindparam("place"))
)


async def enqueue(session: AsyncSession, *, tenant: str, record: str, commitment: bytes) -> None:
    """Put a commitment in the outbox, in the caller's business transaction."""
    row = {"tenant": tenant, "record": record, "commitment": commitment}
    await (await session.connection()).execute(_outbox.insert().inline(), row)


async def waiting(session: AsyncSession, *, limit: int) -> Sequence[LogOutbox]:
    """Return the oldest waiting commitments."""
    return (await session.scalars(select(LogOutbox).order_by(LogOutbox.id).limit(limit))).all()


async def locked_state(session: AsyncSession) -> LogState | None:
    """Return the state row, locked against every other sequencer."""
    return await session.scalar(select(LogState).where(LogState.id == _STATE).with_for_update())


async def state(session: AsyncSession) -> LogState | None:
    """Return the state row as last committed."""
    return await session.get(LogState, _STATE)


async def begin_log(session: AsyncSession, *, root: bytes, checkpoint: str) -> LogState:
    """Insert the state row of an empty log."""
    row = LogState(id=_STATE, size=0, last_minute=0, root=root, checkpoint=checkpoint)
    session.add(row)
    await session.flush()
    return row


async def edge(session: AsyncSession, size: int) -> dict[int, bytes]:
    """Return the incomplete tiles of the right edge, by level."""
    found: dict[int, bytes] = {}
    for level, (position, width) in edge_positions(size).items():
        tile = await tile_hashes(session, level, position)
        found[level] = tile[: width * HASH_BYTES]
    return found


async def tile_hashes(session: AsyncSession, level: int, position: int) -> bytes:
    """Return the hashes of a tile as last committed; empty when there is none."""
    found = await session.scalar(
        select(LogTile.hashes).where(LogTile.level == level, LogTile.position == position)
    )
    return found or b""


async def add_entries(
    session: AsyncSession, first: int, leaves: Sequence[bytes], rows: Sequence[LogOutbox]
) -> None:
    """Give each waiting record its place, and take it out of the outbox."""
    await session.execute(
        insert(LogEntry),
        [{"log_index": first + i, "leaf": entry} for i, entry in enumerate(leaves)],
    )
    places: dict[str, list[dict[str, object]]] = defaultdict(list)
    for i, row in enumerate(rows):
        places[row.tenant].append({"of": row.tenant, "record": row.record, "place": first + i})
    for tenant, placed in places.items():
        await enter(session, tenant)
        await (await session.connection()).execute(_PLACE, placed)
    await session.execute(delete(LogOutbox).where(LogOutbox.id.in_([row.id for row in rows])))


async def put_tiles(session: AsyncSession, tiles: dict[tuple[int, int], bytes]) -> None:
    """Write the tiles that changed; a full tile is never written twice."""
    for (level, position), hashes in tiles.items():
        held = await session.get(LogTile, (level, position))
        if held is None:
            session.add(LogTile(level=level, position=position, hashes=hashes))
        else:
            held.hashes = hashes
    await session.flush()


async def entries(session: AsyncSession, first: int, count: int) -> list[bytes]:
    """Return `count` leaves from index `first`."""
    found = await session.scalars(
        select(LogEntry.leaf)
        .where(LogEntry.log_index >= first, LogEntry.log_index < first + count)
        .order_by(LogEntry.log_index)
    )
    return list(found)


async def tiles_for(session: AsyncSession, size: int) -> dict[tuple[int, int], bytes]:
    """Return every tile of a tree of `size`; small logs only, proofs read single tiles."""
    found = await session.execute(select(LogTile.level, LogTile.position, LogTile.hashes))
    return {
        (level, position): hashes[: _width(level, position, size) * HASH_BYTES]
        for level, position, hashes in found
    }


def _width(level: int, position: int, size: int) -> int:
    return max(0, min(TILE_WIDTH, (size >> 8 * level) - position * TILE_WIDTH))


def tile_width(level: int, position: int, size: int) -> int:
    """Say how many hashes a tile has in the tree of `size`; 0 when it does not exist."""
    return _width(level, position, size)
