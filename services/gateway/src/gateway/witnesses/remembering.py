"""What witnesses remember of our log: asked at a start, when the database may have been restored.

Best effort: a witness that does not answer in time is told in the log lines and left out. Only our
own signature makes a witness's word one of ours (C2SP tlog-witness, monitoring interface).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

import structlog

from gateway.log.copies import Kept
from gateway.log.keys import LogKeys
from gateway.log.rules import Checkpoint, NotACheckpoint, origin_of, signed_by
from gateway.witnesses.calling import Answer, Callers
from gateway.witnesses.rules import Witness, monitoring_path

logger = structlog.get_logger()

TIME_LIMIT = 2.0
"""Seconds that a start waits for all witnesses, asked at once for each log that has a key here."""
_NONE_YET = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.GONE})


@dataclass(frozen=True, slots=True)
class Remembered:
    """Asks every witness for the newest checkpoint of each of this installation's logs."""

    base: str
    """The origin of the installation's first log."""
    keys: LogKeys
    witnesses: Sequence[Witness]
    time_limit: float = TIME_LIMIT

    async def __call__(self) -> list[Kept]:
        """Return the checkpoints that witnesses showed under our own signature."""
        generations = sorted({key.generation for key in self.keys.all()})
        asked = [(witness, number) for witness in self.witnesses for number in generations]
        async with Callers(self.time_limit) as callers:
            shown = (self._ask(callers, witness, number) for witness, number in asked)
            return [kept for kept in await asyncio.gather(*shown) if kept is not None]

    async def _ask(self, callers: Callers, witness: Witness, generation: int) -> Kept | None:
        origin = origin_of(self.base, generation)
        answer = await callers.newest(witness, monitoring_path(origin))
        if answer.failure is None and answer.status in _NONE_YET:
            return None
        kept = self._read(answer, witness, generation, origin)
        if kept is None:
            logger.warning(
                "witness_not_heard_at_start",
                witness=witness.name,
                outcome=str(answer.failure or answer.status),
            )
        return kept

    def _read(self, answer: Answer, witness: Witness, generation: int, origin: str) -> Kept | None:
        if answer.failure is not None or answer.status != HTTPStatus.OK:
            return None
        try:
            note = answer.body.decode()
            checkpoint = Checkpoint.read(note)
        except (UnicodeDecodeError, NotACheckpoint):
            return None
        ours = [held.key.public_key() for held in self.keys.held(generation)]
        if checkpoint.origin != origin or not signed_by(note, origin, ours):
            return None
        return Kept(generation, checkpoint, f"The witness {witness.name}")
