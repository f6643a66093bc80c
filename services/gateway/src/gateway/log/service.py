"""The verbs of the log: sequence what waits, prove what is in, audit the whole."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log import rules, store
from gateway.log.store import Generation
from keel.clock import utc_now
from keel.database import Database
from keel.start import StartRefused

BATCH = 500
OPAQUE = "r"
"""The kind that every leaf shows: in a small centre, a kind and a minute tell who did what."""
_FIRST = 1


class LogDamaged(StartRefused):
    """What is stored is not what was signed; the start stops with this one sentence."""


class Overtaken(Exception):  # noqa: N818 - a state, seen by the next step
    """Somebody else wrote the state row although we held its lock; nothing of ours is kept."""


@dataclass(frozen=True, slots=True)
class Sequencer:
    """Gives committed records their place; one at a time, fenced by the newest state row."""

    database: Database
    origin: str
    key: Ed25519PrivateKey
    genesis: Callable[[AsyncSession], Awaitable[object]]
    """Writes what leaf 0 says, in the transaction that begins the log."""
    opaque_kinds: bool = True
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
            edge = await store.edge(session, state.generation, state.size)
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
            if not state.keys:  # of a release that did not write them down
                await store.grow(session, state, replace(state, keys=self._signers()))

    def _signers(self) -> tuple[str, ...]:
        return (rules.verifier_key(self.origin, self.key),)

    async def _begin(self, session: AsyncSession) -> None:
        empty = rules.Checkpoint(self.origin, 0, rules.EMPTY_ROOT)
        begun = Generation(
            generation=_FIRST,
            origin=self.origin,
            size=0,
            last_minute=0,
            root=empty.root,
            checkpoint=empty.sign(self.key),
            keys=self._signers(),
            begun_at=self.now(),
            ended_at=None,
        )
        try:
            async with session.begin_nested():
                await store.begin_log(session, begun)
        except IntegrityError:  # another replica began it in the same moment
            return
        await self.genesis(session)

    async def keep_up(self) -> bool:
        """Sequence one batch, unless another process does; says whether more may wait.

        Raises:
            Overtaken: the fence was broken; nothing was written.
        """
        async with self.database.begin() as session:
            if not await store.is_alone(session):
                return False
            return await self._batch(session) == BATCH

    async def step(self) -> int:
        """Sequence one batch, after whoever does so now; returns how many records it took.

        Raises:
            Overtaken: the fence was broken; nothing was written.
        """
        async with self.database.begin() as session:
            return await self._batch(session)

    async def _batch(self, session: AsyncSession) -> int:
        if not await store.has_waiting(session):
            return 0
        state = await store.locked_state(session)
        if state is None:
            return 0
        rows = await store.take(session, limit=BATCH)
        if not rows:  # another sequencer took them while we waited for the lock
            return 0
        await self._append(session, state, rows)
        return len(rows)

    async def _append(
        self, session: AsyncSession, state: Generation, rows: list[store.Waiting]
    ) -> None:
        # The minute never goes back, even when the machine's clock does.
        minute = max(int(self.now().timestamp()) // rules.MINUTE, state.last_minute)
        leaves = [
            rules.leaf(
                row.commitment, kind=OPAQUE if self.opaque_kinds else row.kind, minute=minute
            )
            for row in rows
        ]
        edge = await store.edge(session, state.generation, state.size)
        changed = rules.append(edge, state.size, [rules.leaf_hash(leaf) for leaf in leaves])
        signed = rules.Checkpoint(state.origin, state.size + len(leaves), rules.root_of_edge(edge))
        grown = replace(
            state,
            size=signed.size,
            root=signed.root,
            last_minute=minute,
            checkpoint=signed.sign(self.key),
            keys=self._signers(),
        )
        # First, so that whoever does not hold the fence writes nothing.
        if not await store.grow(session, state, grown):
            raise Overtaken
        await store.put_tiles(session, state.generation, changed)
        await store.add_entries(session, state.generation, state.size, leaves)
        await store.place(session, state.generation, state.size, rows)


@dataclass(frozen=True, slots=True)
class Log:
    """Reading one generation of the log: only what its committed checkpoint covers."""

    session: AsyncSession
    generation: Generation

    @classmethod
    async def newest(cls, session: AsyncSession) -> "Log | None":
        """Return the log that grows; None before it began."""
        return await cls.of(session, None)

    @classmethod
    async def of(cls, session: AsyncSession, generation: int | None) -> "Log | None":
        """Return a generation by its number, the newest without one; None when there is none."""
        found = await store.state(session, generation)
        return None if found is None else cls(session, found)

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        """Return the audit path of leaf `index` in the tree of `size`."""
        return await self._prove(lambda read: rules.inclusion_proof(read, index, size))

    async def consistency(self, old: int, size: int) -> list[bytes]:
        """Return the proof that the tree of `old` is a prefix of the tree of `size`."""
        return await self._prove(lambda read: rules.consistency_proof(read, old, size))

    async def entries(self, first: int, count: int) -> list[bytes]:
        """Return `count` leaves from index `first`."""
        return await store.entries(self.session, self.generation.generation, first, count)

    async def tile(self, level: int, position: int) -> bytes:
        """Return the hashes of a tile, as many as there are."""
        return await store.tile_hashes(self.session, self.generation.generation, level, position)

    async def _prove(self, proof: Callable[[rules.ReadTile], list[bytes]]) -> list[bytes]:
        # Which tiles a proof reads does not depend on what they hold: a first pass over blank
        # tiles names them, and only those few are loaded.
        needed: set[tuple[int, int]] = set()

        def name(level: int, position: int) -> bytes:
            needed.add((level, position))
            return bytes(rules.TILE_WIDTH * rules.HASH_BYTES)

        proof(name)
        if not needed:
            return []
        tiles = await store.tiles(self.session, self.generation.generation, sorted(needed))
        return proof(lambda level, position: tiles[level, position])
