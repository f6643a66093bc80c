"""Calls in flight, by the consent that they rest on, so that whatever ends it can stop them.

A call is in flight from before its gate until its answer is handed over: while a model works and
while the person's words are given back. When its consent falls, the caller is told nothing more
and the work is cancelled, once.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


def _nobody_listens() -> None:
    """Hush nobody."""


@dataclass(slots=True, eq=False)
class Flight:
    """One call: the consent at its epoch, the work, and when that was last known to stand."""

    tenant: str
    consent: str
    epoch: int
    task: asyncio.Task[object]
    hush: Callable[[], None]
    known_at: float
    fallen: bool = field(default=False)


class InFlight:
    """The running calls of this process."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._flights: dict[str, set[Flight]] = defaultdict(set)
        self._now = now

    def __bool__(self) -> bool:
        """Say whether anything is in flight."""
        return bool(self._flights)

    @contextmanager
    def on(
        self, tenant: str, consent: str, epoch: int, hush: Callable[[], None] = _nobody_listens
    ) -> Iterator[None]:
        """Let the present task be cancelled while it works on `consent` as of `epoch`.

        `hush` is called in the same breath: whatever was said and not handed on stays unsaid.
        """
        task = asyncio.current_task()
        if task is None:  # pragma: no cover - only outside an event loop
            yield
            return
        flight = Flight(tenant, consent, epoch, task, hush, self._now())
        self._flights[consent].add(flight)
        try:
            yield
        finally:
            self._forget(flight)

    def _forget(self, flight: Flight) -> None:
        flights = self._flights.get(flight.consent)
        if flights is not None:
            flights.discard(flight)
            if not flights:
                del self._flights[flight.consent]

    def cancel(self, consent: str, *, before: int | None = None) -> None:
        """Cancel what runs on `consent`; with `before`, only what began at an earlier epoch."""
        for flight in tuple(self._flights.get(consent, ())):
            if before is None or flight.epoch < before:
                self._fall(flight)

    def _fall(self, flight: Flight) -> None:
        # Once: a second cancellation would hit the work while it writes down how it ended.
        self._forget(flight)
        flight.fallen = True
        flight.hush()
        flight.task.cancel("the consent ended")

    def held(self) -> Mapping[str, frozenset[str]]:
        """Return the consents in flight, by tenant."""
        found: dict[str, set[str]] = defaultdict(set)
        for consent, flights in self._flights.items():
            for flight in flights:
                found[flight.tenant].add(consent)
        return {tenant: frozenset(consents) for tenant, consents in found.items()}

    def settle(self, tenant: str, stands: Mapping[str, int], *, asked: float) -> None:
        """Compare with the rows as read after `asked`: the epochs of the consents that stand."""
        for flights in tuple(self._flights.values()):
            for flight in tuple(flights):
                if flight.tenant != tenant:
                    continue
                if stands.get(flight.consent) == flight.epoch:
                    flight.known_at = max(flight.known_at, asked)
                elif flight.known_at < asked:  # not what took off after the question
                    self._fall(flight)

    def forsake(self, *, before: float) -> int:
        """Cancel what nobody could vouch for since `before`; returns how many calls that were."""
        flights = [f for held in self._flights.values() for f in held if f.known_at < before]
        for flight in flights:
            self._fall(flight)
        return len(flights)
