"""The verbs of witnesses: show each the newest checkpoint, keep what they cosigned.

None of them is waited for: a witness that hangs, lies or is gone costs its own question, and the
log goes on being sequenced. What it says of a larger tree than ours counts only where it can show
it under our own signature: then our database is behind what we published.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log.service import Log
from gateway.log.store import Generation
from gateway.witnesses import rules, store
from gateway.witnesses.calling import Answer, Callers
from gateway.witnesses.rules import Outcome, Witness
from keel.clock import utc_now
from keel.database import Database

logger = structlog.get_logger()

_TRIES = 3
"""Questions to one witness in one round: one that names another size each time is left alone."""
_REFRESHED_EVERY = timedelta(hours=1)
"""A log at rest is cosigned anew: a cosignature also says until when nothing larger was seen."""
_LONGEST_PAUSE_SECONDS = 600.0
_KEPT = timedelta(days=30)


class LogBehind(Exception):  # noqa: N818 - a state, which only a start on the right database ends
    """The database was restored behind what we published; what we sign now would be a fork."""


@dataclass(slots=True)
class _Standing:
    """What this process remembers of a witness between two rounds; losing it costs one question."""

    size: int | None = None
    """What it said that it cosigned last."""
    failures: int = 0
    not_before: float = 0.0
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class Witnesses:
    """The verbs of witnesses; one that is configured is asked, one that is not is forgotten."""

    database: Database
    witnesses: Sequence[Witness]
    quorum: int
    interval: timedelta
    now: Callable[[], datetime] = utc_now
    _standing: dict[str, _Standing] = field(default_factory=dict)
    _larger: set[int] = field(default_factory=set)
    """The generation of which we signed a larger tree than ours: our database was restored."""

    def require_we_are_not_behind(self) -> None:
        """Refuse to sign on a database that is behind what we published.

        Raises:
            LogBehind: a witness showed a larger tree under our own signature.
        """
        if self._larger:
            raise LogBehind

    async def run(self, stop: asyncio.Event) -> None:
        """Ask again and again, until the stop."""
        if not self.witnesses:
            await stop.wait()
            return
        async with Callers() as callers:
            while not stop.is_set():
                await self.ask(callers)
                try:
                    await asyncio.wait_for(stop.wait(), self.interval.total_seconds())
                except TimeoutError:
                    continue

    async def ask(self, callers: Callers) -> None:
        """Show every witness that is due the newest checkpoint, all at once."""
        async with self.database.begin() as session:
            log = await Log.newest(session)
            if log is None or log.generation.size == 0:
                return
            shown = log.generation
            self._larger.intersection_update({shown.generation})
            cosigned = await store.standing(session, shown.generation)
            enough = await self._newest(session, shown)
            await store.forget(
                session,
                shown.generation,
                before=self.now() - _KEPT,
                but=None if enough is None else enough[0],
            )
        due = [w for w in self.witnesses if self._is_due(w, shown, cosigned.get(w.id))]
        asked = (self._ask_one(callers, w, shown, cosigned.get(w.id)) for w in due)
        for witness, outcome in zip(due, await asyncio.gather(*asked), strict=True):
            self._note(witness, outcome)

    def _of(self, witness: Witness) -> _Standing:
        return self._standing.setdefault(witness.id, _Standing())

    def _is_due(
        self, witness: Witness, shown: Generation, held: tuple[int, datetime] | None
    ) -> bool:
        if time.monotonic() < self._of(witness).not_before:
            return False
        if held is None or held[0] != shown.size:
            return True
        return held[1] < self.now() - _REFRESHED_EVERY

    async def _ask_one(
        self,
        callers: Callers,
        witness: Witness,
        shown: Generation,
        held: tuple[int, datetime] | None,
    ) -> Outcome:
        old = self._of(witness).size
        if old is None:
            old = 0 if held is None else held[0]
        if old > shown.size:  # a restored database: the witness says itself what it holds
            old = 0
        for _ in range(_TRIES):
            body = rules.request(old, await self._proof(shown, old), shown.checkpoint)
            answer = await callers.add_checkpoint(witness, body)
            if answer.failure is not None:
                return answer.failure
            if answer.status == HTTPStatus.OK:
                return await self._keep(witness, shown, answer)
            if answer.status != HTTPStatus.CONFLICT:
                return _SAID.get(answer.status, Outcome.REFUSED)
            named = rules.size_held(answer.body)
            if named is None or named == old:
                return Outcome.REFUSED
            if named > shown.size:
                await self._look_at_larger(callers, witness, shown)
                return Outcome.AHEAD
            old = named
        return Outcome.REFUSED

    async def _proof(self, shown: Generation, old: int) -> list[bytes]:
        if not 0 < old < shown.size:
            return []
        async with self.database.begin() as session:
            return await Log(session, shown).consistency(old, shown.size)

    async def _keep(self, witness: Witness, shown: Generation, answer: Answer) -> Outcome:
        now = int(self.now().timestamp())
        given = rules.cosignature(witness, shown.checkpoint, answer.body, now=now)
        if given is None:
            return Outcome.FORGED
        async with self.database.begin() as session:
            await store.keep(
                session,
                store.Kept(
                    generation=shown.generation,
                    size=shown.size,
                    witness=witness.id,
                    checkpoint=shown.checkpoint,
                    line=given.line,
                    cosigned_at=datetime.fromtimestamp(given.at, UTC),
                ),
            )
        self._of(witness).size = shown.size
        return Outcome.COSIGNED

    async def _look_at_larger(self, callers: Callers, witness: Witness, shown: Generation) -> None:
        """See whether a witness can show what it says: a larger tree under our own signature."""
        answer = await callers.newest(witness, rules.monitoring_path(shown.origin))
        if answer.status != HTTPStatus.OK or answer.failure is not None:
            return
        try:
            note = answer.body.decode()
        except UnicodeDecodeError:
            return
        size = rules.size_that_we_signed(note, shown.origin, shown.keys)
        async with self.database.begin() as session:
            log = await Log.of(session, shown.generation)
        # Meanwhile another process may have signed it, and shown it to the witness.
        if size is not None and log is not None and size > log.generation.size:
            logger.critical("log_behind_its_witness", size=log.generation.size, witnessed=size)
            self._larger.add(shown.generation)

    def _note(self, witness: Witness, outcome: Outcome) -> None:
        """Remember how it went; say it once, and ask less and less often where it does not."""
        standing = self._of(witness)
        if outcome is Outcome.COSIGNED:
            standing.failures, standing.not_before = 0, 0.0
        else:
            standing.failures += 1
            standing.size = None
            pause = self.interval.total_seconds() * 2.0 ** min(standing.failures - 1, 10)
            standing.not_before = time.monotonic() + min(pause, _LONGEST_PAUSE_SECONDS)
        if outcome is not standing.outcome:
            say = logger.info if outcome is Outcome.COSIGNED else logger.warning
            say("witness_answered", witness=witness.name, outcome=str(outcome))
        standing.outcome = outcome

    @property
    def ids(self) -> list[str]:
        """The witnesses that are configured now."""
        return [witness.id for witness in self.witnesses]

    async def _newest(self, session: AsyncSession, of: Generation) -> tuple[int, str] | None:
        if not self.witnesses:
            return None
        return await store.newest_with(session, of.generation, self.ids, self.quorum)

    async def newest(self, session: AsyncSession, of: Generation) -> str:
        """Return a generation's newest checkpoint; lines of who cosigned this size follow."""
        return await self._with_lines(session, of, of.size, of.checkpoint)

    async def witnessed(self, session: AsyncSession, of: Generation) -> str | None:
        """Return the newest checkpoint that enough witnesses cosigned, with their lines."""
        newest = await self._newest(session, of)
        return None if newest is None else await self._with_lines(session, of, *newest)

    async def covering(
        self, session: AsyncSession, of: Generation, index: int
    ) -> tuple[int, str] | None:
        """Return the size and the note of the newest checkpoint over a leaf, for its proof.

        One that enough witnesses cosigned comes before a newer one that they have not: it says
        more. None where no checkpoint covers the leaf.
        """
        if index >= of.size:
            return None
        newest = await self._newest(session, of)
        size, checkpoint = (
            newest if newest is not None and index < newest[0] else (of.size, of.checkpoint)
        )
        return size, await self._with_lines(session, of, size, checkpoint)

    async def _with_lines(
        self, session: AsyncSession, of: Generation, size: int, checkpoint: str
    ) -> str:
        if not self.witnesses:
            return checkpoint
        found = await store.lines(session, of.generation, size, self.ids)
        return checkpoint + "".join(line + "\n" for line in found)

    @property
    def saw_us_larger(self) -> bool:
        """Say whether a witness showed a larger tree, signed by us, than our database has."""
        return bool(self._larger)

    async def last_at(self, session: AsyncSession) -> dict[str, datetime | None]:
        """Return when each witness last cosigned, by its name and its own clock."""
        log = await Log.newest(session)
        if log is None or not self.witnesses:
            return {}
        held = await store.standing(session, log.generation.generation)
        return {w.name: held[w.id][1] if w.id in held else None for w in self.witnesses}

    async def behind_by(self, session: AsyncSession) -> dict[str, int]:
        """Return how many leaves each witness has not cosigned, by its name."""
        log = await Log.newest(session)
        if log is None or not self.witnesses:
            return {}
        held = await store.standing(session, log.generation.generation)
        size = log.generation.size
        return {w.name: size - (held[w.id][0] if w.id in held else 0) for w in self.witnesses}


_SAID: dict[int, Outcome] = {
    HTTPStatus.NOT_FOUND: Outcome.UNKNOWN_LOG,
    HTTPStatus.FORBIDDEN: Outcome.UNKNOWN_KEY,
    HTTPStatus.UNPROCESSABLE_ENTITY: Outcome.INCONSISTENT,
}
