"""The public log as files: what `/log/` serves, for an auditor offline (C2SP tlog-tiles)."""

import asyncio
from pathlib import Path
from typing import Any

from gateway.log import rules, store
from gateway.log.service import Log
from gateway.log.store import Generation
from keel.database import Database

_TILES_AT_ONCE = 16


async def export(database: Database, folder: Path) -> dict[str, Any]:
    """Write each generation under its number, and the newest at the top; returns what it wrote.

    Tiles and entries come first and the checkpoint last, as of when the export began: what breaks
    off leaves no checkpoint without its tiles. Files that are there already are written again.
    """
    async with database.begin() as session:
        generations = await store.generations(session)
    for generation in generations:
        await _export(database, generation, folder / str(generation.generation))
    newest = generations[-1] if generations else None
    if newest is not None:
        await _export(database, newest, folder)
    return {
        "folder": str(folder),
        "origin": None if newest is None else newest.origin,
        "size": 0 if newest is None else newest.size,
        "generations": [generation.generation for generation in generations],
    }


async def _export(database: Database, generation: Generation, folder: Path) -> None:
    width = rules.TILE_WIDTH
    for first in range(0, generation.size, width * _TILES_AT_ONCE):
        async with database.begin() as session:
            count = min(width * _TILES_AT_ONCE, generation.size - first)
            leaves = await Log(session, generation).entries(first, count)
        bundles = {
            (first + at) // width: leaves[at : at + width] for at in range(0, len(leaves), width)
        }
        await asyncio.to_thread(_write_entries, folder, bundles)
    level, count = 0, generation.size
    while count:
        for start in range(0, -(-count // width), _TILES_AT_ONCE):
            positions = range(start, min(start + _TILES_AT_ONCE, -(-count // width)))
            async with database.begin() as session:
                tiles = await store.tiles(
                    session, generation.generation, [(level, position) for position in positions]
                )
            cut = {
                position: tiles[level, position][
                    : store.tile_width(level, position, generation.size) * rules.HASH_BYTES
                ]
                for position in positions
                if (level, position) in tiles
            }
            await asyncio.to_thread(_write_tiles, folder, level, cut)
        level, count = level + 1, count // width
    notes = {
        "vkey": "".join(f"{key}\n" for key in generation.keys),
        "checkpoint": generation.checkpoint,
    }
    for name, text in notes.items():
        await asyncio.to_thread(_write, folder / name, text.encode())


def _write_entries(folder: Path, bundles: dict[int, list[bytes]]) -> None:
    for position, leaves in bundles.items():
        body = b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)
        _write(folder / "tile" / "entries" / _name(position, len(leaves)), body)


def _write_tiles(folder: Path, level: int, tiles: dict[int, bytes]) -> None:
    for position, hashes in tiles.items():
        name = _name(position, len(hashes) // rules.HASH_BYTES)
        _write(folder / "tile" / str(level) / name, hashes)


def _name(position: int, width: int) -> str:
    number = rules.write_tile_number(position)
    return number if width == rules.TILE_WIDTH else f"{number}.p/{width}"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
