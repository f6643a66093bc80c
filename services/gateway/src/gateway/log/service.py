"""The verbs of the log: sequence what waits, begin a generation, prove what is in."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log import rules, store
from gateway.log.copies import Copies, Kept
from gateway.log.keys import LogKeys
from gateway.log.store import Generation
from keel.clock import utc_now
from keel.database import Database
from keel.start import StartRefused

logger = structlog.get_logger()

BATCH = 500
_ANY_SIZE = 2**53
OPAQUE = "r"
"""The kind that every leaf shows: in a small centre, a kind and a minute tell who did what."""


class LogDamaged(StartRefused):
    """What is stored is not what was signed; the start stops with this one sentence."""


class Overtaken(Exception):  # noqa: N818 - a state, seen by the next step
    """Somebody else wrote the state row although we held its lock; nothing of ours is kept."""


class NewOrigin(StrEnum):
    """Why a log ended and another began."""

    RESTORED = "restored"
    """The database is behind what was published: it was put back to an earlier state."""
    DAMAGED = "damaged"
    KEY_LOST = "key_lost"
    KEY_EXPOSED = "key_exposed"
    OTHER = "other"


_GO_ON = (
    "Restore a whole backup, or let a new log begin: `python -m gateway log new-origin --reason …`."
)


@dataclass(slots=True)
class _Seen:
    """What this process knows of the log beside the database."""

    compared: bool = False
    """Whether the copies were compared with the database."""
    last: Kept | None = None
    """The last checkpoint that it committed."""


@dataclass(frozen=True, slots=True)
class Sequencer:
    """Gives committed records their place; one at a time, fenced by the newest state row."""

    database: Database
    base: str
    """The origin of the installation's first log."""
    keys: LogKeys
    genesis: Callable[[AsyncSession, dict[str, Any]], Awaitable[str]]
    """Writes what leaf 0 says, in the transaction that begins a log; returns the record's id."""
    copies: Copies
    opaque_kinds: bool = True
    now: Callable[[], datetime] = utc_now
    _seen: _Seen = field(default_factory=_Seen)

    async def start(self) -> None:
        """Begin the log where there is none; else check that it adds up and is still ours.

        A database that is behind a copy of the checkpoint, or behind what a witness knows under our
        signature, begins the next log.

        Raises:
            LogDamaged: the tiles do not give the signed root, or the checkpoint was signed under
                another origin or key, or the log does not continue a copy of its checkpoint.
            CopyRefused, LogKeyMissing: as `log.copies` and `log.keys` say.
        """
        self.copies.open()
        kept = await self.copies.known()
        async with self.database.begin() as session:
            await store.wait_until_alone(session)
            state = await store.locked_state(session)
            if state is None:
                state = await self._begin(session, kept)
            else:
                await self._check(session, state)
                state = await self._compared(session, state, kept)
        self._seen.compared = True
        await self._committed(state)

    async def look(self) -> int:
        """Check the log that grows as a start does; returns its size, 0 before it began.

        Raises:
            LogDamaged: as `start` says.
        """
        async with self.database.begin() as session:
            state = await store.locked_state(session)
            if state is None:
                return 0
            await self._check(session, state)
            return state.size

    async def _check(self, session: AsyncSession, state: Generation) -> None:
        if state.origin != rules.origin_of(self.base, state.generation):
            raise LogDamaged(
                f"This database holds the log {state.origin}, and the origin is set to "
                f"{self.base}. Give back the origin with which it began."
            )
        edge = await store.edge(session, state.generation, state.size)
        log = Log(session, state)
        if not state.root == rules.root_of_edge(edge) == await log.root(state.size):
            raise _not_its_root(state)
        if not await self._leaves_are_hashed(log, edge):
            raise LogDamaged(f"The last entries of {state.origin} are not in its tiles. {_GO_ON}")
        signed = rules.Checkpoint(state.origin, state.size, state.root).text
        held = [key.key.public_key() for key in self.keys.held(state.generation)]
        signers = rules.signed_by(state.checkpoint, state.origin, held)
        if not state.checkpoint.startswith(f"{signed}\n") or not signers:
            raise LogDamaged(
                f"The checkpoint of {state.origin} was not signed for its size {state.size} and "
                "root with a log key that is held here. Give back the key with which this log "
                f"was signed. {_GO_ON}"
            )
        if not state.keys:  # of a release that did not write them down
            await store.grow(session, state, replace(state, keys=tuple(signers)))

    async def _leaves_are_hashed(self, log: "Log", edge: dict[int, bytes]) -> bool:
        """Say whether the leaves of the last, incomplete tile are those that it hashes."""
        tile = edge.get(0, b"")
        count = len(tile) // rules.HASH_BYTES
        leaves = await log.entries(log.generation.size - count, count)
        return tile == b"".join(map(rules.leaf_hash, leaves))

    async def _compared(
        self, session: AsyncSession, state: Generation, kept: Kept | None
    ) -> Generation:
        """Return the log that may grow: this one, or the next where the database is behind."""
        if kept is None:
            return state
        if kept.age > (state.generation, state.size):
            return await self._begin_next(session, state, kept, NewOrigin.RESTORED)
        log = await Log.of(session, kept.generation)
        if log is None or kept.checkpoint.size > log.generation.size:
            return state  # of a log that ended before: that is why the newer one began
        if await log.root(kept.checkpoint.size) != kept.checkpoint.root:
            raise LogDamaged(
                f"{kept.where} holds another root of {kept.checkpoint.origin} for the size "
                f"{kept.checkpoint.size} than this database. {_GO_ON}"
            )
        return state

    async def _begin(self, session: AsyncSession, kept: Kept | None) -> Generation:
        """Begin the log of an empty database: the first, unless a copy tells of one before."""
        if await store.last_generation(session) is not None:
            begun = await store.state(session)  # by another replica, since we looked
            if begun is not None:
                return begun
            raise LogDamaged(
                f"The database holds leaves of the log {self.base} but no state of it. {_GO_ON}"
            )
        if kept is not None:
            return await self._begin_next(session, None, kept, NewOrigin.RESTORED)
        first = rules.FIRST
        keys = self.keys.signers(first, self.base, at=self.now())
        return await self._insert(session, first, keys, {}, self._minute_begun(None))

    async def _begin_next(
        self, session: AsyncSession, state: Generation | None, kept: Kept | None, why: NewOrigin
    ) -> Generation:
        """End a log and begin the next, whose genesis names the last that is known of the old."""
        known = None if state is None else _kept(state, "")
        old = max((k for k in (known, kept) if k is not None), key=lambda k: k.age)
        number = old.generation + 1
        while self.keys.is_used(number):
            number += 1
        origin = rules.origin_of(self.base, number)
        key = self.keys.obtain_unused(number, origin, at=self.now())
        about = {
            "reason": str(why),
            "previous_origin": old.checkpoint.origin,
            "previous_size": old.checkpoint.size,
            "previous_root": old.checkpoint.root.hex(),
        }
        if state is not None:
            about["held_origin"], about["held_size"] = state.origin, state.size
        begun_at = self._minute_begun(state)
        if state is not None:
            await store.end_log(session, state.generation, at=begun_at)
        logger.warning("log_begins_anew", origin=origin, reason=str(why))
        return await self._insert(session, number, [key], about, begun_at)

    def _minute_begun(self, after: Generation | None) -> datetime:
        """Return when a log begins: the minute of its first leaf, after the last of the old one."""
        minute = int(self.now().timestamp()) // rules.MINUTE
        if after is not None:
            minute = max(minute, after.last_minute)
        return datetime.fromtimestamp(minute * rules.MINUTE, UTC)

    async def _insert(
        self,
        session: AsyncSession,
        number: int,
        keys: Sequence[Ed25519PrivateKey],
        about: dict[str, Any],
        begun_at: datetime,
    ) -> Generation:
        """Begin a generation with its genesis as leaf 0, whatever else waits."""
        empty = rules.Checkpoint(rules.origin_of(self.base, number), 0, rules.EMPTY_ROOT)
        begun = Generation(
            generation=number,
            origin=empty.origin,
            size=0,
            last_minute=int(begun_at.timestamp()) // rules.MINUTE,
            root=empty.root,
            checkpoint=empty.sign(*keys),
            keys=tuple(rules.verifier_key(empty.origin, key) for key in keys),
            begun_at=begun_at,
            ended_at=None,
        )
        await store.begin_log(session, begun)
        genesis = await self.genesis(session, {"origin": begun.origin, **about})
        waiting = await store.take_one(session, genesis)
        return await self._append(session, begun, [waiting], minute=begun.last_minute)

    async def begin_anew(self, why: NewOrigin) -> Generation:
        """End the log that grows, whatever is wrong with it, and begin the next.

        Raises:
            LogKeyMissing: there is no key for it, and none can be made.
        """
        self.copies.open()
        kept = await self.copies.known()
        async with self.database.begin() as session:
            await store.wait_until_alone(session)
            state = await store.locked_state(session)
            left = await self._left(session) if state is None else None
            if state is None and left is None:
                begun = await self._begin(session, kept)
            else:
                kept = max((k for k in (left, kept) if k), key=lambda k: k.age, default=None)
                begun = await self._begin_next(session, state, kept, why)
        self._seen.compared = True
        await self._committed(begun)
        return begun

    async def _left(self, session: AsyncSession) -> Kept | None:
        """Return what the leaves and tiles say of a log whose state is gone; None without any."""
        number = await store.last_generation(session)
        if number is None:
            return None
        size = await store.end_of_entries(session, number, before=_ANY_SIZE)
        root = rules.root_of_edge(await store.edge(session, number, size))
        return Kept(number, rules.Checkpoint(rules.origin_of(self.base, number), size, root), "")

    async def keep_up(self) -> bool:
        """Sequence one batch, unless another process does; says whether more may wait.

        Raises:
            Overtaken: the fence was broken; nothing was written.
            LogDamaged, CopyRefused, LogKeyMissing: as `start` says.
        """
        return await self._sequence(queue=False) == BATCH

    async def step(self) -> int:
        """Sequence one batch, after whoever does so now; returns how many records it took.

        Raises:
            as `keep_up` says.
        """
        return await self._sequence(queue=True)

    async def _sequence(self, *, queue: bool) -> int:
        kept = self._seen.last
        if not self._seen.compared:
            kept = await self.copies.known()
        async with self.database.begin() as session:
            if not queue and not await store.is_alone(session):
                return 0
            if not await store.has_waiting(session):
                return 0
            state = await store.locked_state(session)
            if state is None:
                return 0
            # Also a database that was put back while this process ran is behind.
            if not self._seen.compared or _is_behind(state, kept):
                state = await self._compared(session, state, kept)
            rows = await store.take(session, limit=BATCH)
            # None: another sequencer took them while we waited for the lock.
            grown = await self._append(session, state, rows) if rows else state
        self._seen.compared = True
        await self._committed(grown)
        return len(rows)

    async def _committed(self, state: Generation) -> None:
        """Remember what was committed, and copy it."""
        last = self._seen.last
        self._seen.last = _kept(state, "This process")
        self.keys.growing = state.generation
        if last is None or last.age != self._seen.last.age:
            await self.copies.put(state.checkpoint)

    async def _append(
        self,
        session: AsyncSession,
        state: Generation,
        rows: list[store.Waiting],
        *,
        minute: int | None = None,
    ) -> Generation:
        at = self.now()
        if minute is None:
            # It never goes back, even when the machine's clock does.
            minute = max(int(at.timestamp()) // rules.MINUTE, state.last_minute)
        leaves = [
            rules.leaf(
                row.commitment, kind=OPAQUE if self.opaque_kinds else row.kind, minute=minute
            )
            for row in rows
        ]
        edge = await store.edge(session, state.generation, state.size)
        last = rules.Checkpoint(state.origin, state.size, rules.root_of_edge(edge))
        if not state.checkpoint.startswith(f"{last.text}\n"):  # what was signed last (section 7.4)
            raise _not_its_root(state)
        changed = rules.append(edge, state.size, [rules.leaf_hash(leaf) for leaf in leaves])
        signed = rules.Checkpoint(state.origin, state.size + len(leaves), rules.root_of_edge(edge))
        keys = self.keys.signers(state.generation, state.origin, at=at)
        grown = replace(
            state,
            size=signed.size,
            root=signed.root,
            last_minute=minute,
            checkpoint=signed.sign(*keys),
            keys=tuple(rules.verifier_key(state.origin, key) for key in keys),
        )
        # First, so that whoever does not hold the fence writes nothing.
        if not await store.grow(session, state, grown):
            raise Overtaken
        await store.put_tiles(session, state.generation, changed)
        await store.add_entries(session, state.generation, state.size, leaves)
        await store.place(session, state.generation, state.size, rows)
        return grown


def _kept(state: Generation, where: str) -> Kept:
    checkpoint = rules.Checkpoint(state.origin, state.size, state.root)
    return Kept(state.generation, checkpoint, where)


def _not_its_root(state: Generation) -> LogDamaged:
    return LogDamaged(
        f"The tiles of {state.origin} do not give its root of size {state.size}. {_GO_ON}"
    )


def _is_behind(state: Generation, kept: Kept | None) -> bool:
    return kept is not None and kept.age > (state.generation, state.size)


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

    async def root(self, size: int) -> bytes:
        """Return the root that the tiles give for a size that the log has reached."""
        try:
            return (await self._prove(lambda read: [rules.root_of(read, size)]))[0]
        except (LookupError, ValueError):  # a tile is missing or too short
            return b""

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
