"""The audit: everything recomputed from the leaves."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log import rules, store
from gateway.log.service import Log
from gateway.tables import LogTile


async def audit(session: AsyncSession) -> dict[str, object]:
    """Recompute the newest generation; the verdict is `consistent` or `damaged`."""
    log = await Log.newest(session)
    if log is None:
        return {"size": 0, "root": "", "verdict": "consistent"}
    state = log.generation
    edge: dict[int, bytes] = {}
    leaves = await log.entries(0, state.size)
    rebuilt = rules.append(edge, 0, [rules.leaf_hash(entry) for entry in leaves])
    query = select(LogTile.level, LogTile.position, LogTile.hashes)
    rows = await session.execute(query.where(LogTile.generation == state.generation))
    held = {
        (level, at): hashes[: store.tile_width(level, at, state.size) * rules.HASH_BYTES]
        for level, at, hashes in rows
    }
    root = rules.root_of_edge(edge)
    signed = state.checkpoint.split("\n", 3)[1:3]
    checkpoint = rules.Checkpoint("", state.size, root).text.split("\n", 3)[1:3]
    holds = len(leaves) == state.size and signed == checkpoint and rebuilt == held
    return {
        "size": state.size,
        "root": checkpoint[1],
        "verdict": "consistent" if holds else "damaged",
    }
