"""What an operator and the metrics see of destructions: ids, times and counts, nobody's rows."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.destruction import store
from gateway.destruction.due import JOB
from gateway.tables import DueDestruction, DueRun
from keel.clock import rfc3339


@dataclass(frozen=True, slots=True)
class Seen:
    """How the destructions of the whole platform stand."""

    last_round_at: datetime | None
    """When the job of what is due last ran; None: never."""
    due: int
    restricted: int
    not_begun: int
    """Of the last round: what it saw, left alone by the person's own wish, and could not begin."""
    under_way: int
    failing: int
    """Those whose last try failed."""
    held: int
    """Those that wait for the end of a legal hold."""
    oldest_since: datetime | None
    """When the oldest one that is under way, and not held, was asked for."""

    def oldest_seconds(self, now: datetime) -> float:
        """Return for how long the oldest one has been under way; 0 when none is."""
        return 0.0 if self.oldest_since is None else (now - self.oldest_since).total_seconds()


async def seen(session: AsyncSession) -> Seen:
    """Return how destructions stand; a transaction of no tenant is enough."""
    queue = await store.queue(session)
    run = await session.get(DueRun, JOB)
    going = [place for place in queue if place.waits is None]
    return Seen(
        last_round_at=None if run is None else run.ran_at,
        due=0 if run is None else run.due,
        restricted=0 if run is None else run.restricted,
        not_begun=0 if run is None else run.failed,
        under_way=len(going),
        failing=sum(place.failures > 0 for place in going),
        held=len(queue) - len(going),
        oldest_since=min((place.since for place in going), default=None),
    )


async def listed(session: AsyncSession) -> list[dict[str, object]]:
    """Return a line for the job's last round, and one for each destruction that is not done."""
    now = await seen(session)
    head: dict[str, object] = {
        "job": JOB,
        "last_round_at": None if now.last_round_at is None else rfc3339(now.last_round_at),
        "due": now.due,
        "restricted": now.restricted,
        "not_begun": now.not_begun,
    }
    return [head, *map(_line, await store.queue(session))]


def _line(place: DueDestruction) -> dict[str, object]:
    return {
        "destruction": place.destruction,
        "tenant": place.tenant,
        "since": rfc3339(place.since),
        "failures": place.failures,
        "next_try_at": rfc3339(place.due_at),
        "waits": place.waits,
    }
