"""The verbs of the log: sequence what waits, prove what is in, audit the whole."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log import rules, store
from gateway.tables import LogState
from keel.clock import utc_now
from keel.database import Database
from keel.start import StartRefused

BATCH = 500
_KIND = "r"
"""Every record shows one kind: in a small centre, a kind and a minute would tell who did what."""


class LogDamaged(StartRefused):
    """What is stored is not what was signed; the start stops with this one sentence."""


@dataclass(frozen=True, slots=True)
class Sequencer:
    """Gives committed records their place; one at a time, fenced by the state row."""

    database: Database
    origin: str
    key: Ed25519PrivateKey
    genesis: Callable[[AsyncSession], Awaitable[object]]
    """Writes what leaf 0 says, in the transaction that begins the log."""
    now: Callable[[], datetime] = utc_now

    async def start(self) -> None:
        """Begin the log where there is none; else check that it adds up and is still ours.

        Raises:
            LogDamaged: the right edge does not give the signed root, or the checkpoint was signed
                under another origin or key.
        """
        async with self.database.begin() as session:
            state = await store.locked_state(session)
            if state is None:
                await self._begin(session)
                return
            edge = await store.edge(session, state.size)
            if rules.root_of_edge(edge) != state.root:
                raise LogDamaged(f"The tiles of size {state.size} do not give the signed root.")
            # Ed25519 is deterministic: the same origin, key and tree give the same note.
            signed = rules.Checkpoint(self.origin, state.size, state.root).sign(self.key)
            if signed != state.checkpoint:
                raise LogDamaged(
                    f"The checkpoint of size {state.size} was not signed for the origin "
                    f"{self.origin} with this log key. Give back the origin and the key with "
                    "which this log began, or begin a new log on a new database."
                )

    async def _begin(self, session: AsyncSession) -> None:
        empty = rules.Checkpoint(self.origin, 0, rules.EMPTY_ROOT)
        try:
            async with session.begin_nested():
                await store.begin_log(session, root=empty.root, checkpoint=empty.sign(self.key))
        except IntegrityError:  # another replica began it in the same moment
            return
        await self.genesis(session)

    async def step(self) -> int:
        """Sequence one batch in one transaction; returns how many records it took."""
        async with self.database.begin() as session:
            if not await store.waiting(session, limit=1):
                return 0
            state = await store.locked_state(session)
            if state is None:
                return 0
            rows = await store.waiting(session, limit=BATCH)
            if not rows:  # another sequencer took them while we waited for the lock
                return 0
            # The minute never goes back, even when the machine's clock does.
            minute = max(int(self.now().timestamp()) // rules.MINUTE, state.last_minute)
            leaves = [rules.leaf(r.commitment, kind=_KIND, minute=minute) for r in rows]
            await self._append(session, state, leaves, minute)
            await store.add_entries(session, state.size - len(leaves), leaves, rows)
            return len(rows)

    async def _append(
        self, session: AsyncSession, state: LogState, leaves: list[bytes], minute: int
    ) -> None:
        edge = await store.edge(session, state.size)
        tiles = rules.append(edge, state.size, [rules.leaf_hash(entry) for entry in leaves])
        await store.put_tiles(session, tiles)
        checkpoint = rules.Checkpoint(
            self.origin, state.size + len(leaves), rules.root_of_edge(edge)
        )
        state.size, state.root, state.last_minute = checkpoint.size, checkpoint.root, minute
        state.checkpoint = checkpoint.sign(self.key)


@dataclass(frozen=True, slots=True)
class Log:
    """Reading the log: only what the committed checkpoint covers."""

    session: AsyncSession

    async def checkpoint(self) -> tuple[int, str]:
        """Return the size and the signed note."""
        state = await store.state(self.session)
        if state is None:
            return 0, ""
        return state.size, state.checkpoint

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf `index` in the tree of `size`."""
        return await self._prove(lambda read: rules.inclusion_proof(read, index, size))

    async def consistency(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the tree of `old` is a prefix of the tree of `size`."""
        return await self._prove(lambda read: rules.consistency_proof(read, old, size))

    async def _prove(self, proof: Callable[[rules.ReadTile], list[bytes]]) -> list[bytes]:
        # Which tiles a proof reads does not depend on what they hold: a first pass over blank
        # tiles names them, and only those few are loaded.
        needed: set[tuple[int, int]] = set()

        def name(level: int, position: int) -> bytes:
            needed.add((level, position))
            return bytes(rules.TILE_WIDTH * rules.HASH_BYTES)

        proof(name)
        tiles = {at: await store.tile_hashes(self.session, *at) for at in needed}
        return proof(lambda level, position: tiles[level, position])

    async def audit(self) -> dict[str, object]:
        """Recompute everything from the leaves; the verdict is `consistent` or `damaged`."""
        size, note = await self.checkpoint()
        edge: dict[int, bytes] = {}
        leaves = await store.entries(self.session, 0, size)
        hashes = [rules.leaf_hash(entry) for entry in leaves]
        rebuilt = rules.append(edge, 0, hashes)
        held = await store.tiles_for(self.session, size)
        root = rules.root_of_edge(edge)
        signed = note.split("\n", 3)[1:3] if note else []
        checkpoint = rules.Checkpoint("", size, root).text.split("\n", 3)[1:3]
        holds = len(leaves) == size and signed == checkpoint and rebuilt == held
        return {
            "size": size,
            "root": checkpoint[1] if note else "",
            "verdict": "consistent" if holds else "damaged",
        }
