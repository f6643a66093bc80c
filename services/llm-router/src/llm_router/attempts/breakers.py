"""A breaker for each deployment: after some failures in a row it rests, then one call tries it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from math import ceil
from time import monotonic


@dataclass(slots=True)
class _State:
    failures: int = 0
    rests_until: float = 0.0
    is_being_tried: bool = False


@dataclass(slots=True)
class Breakers:
    """What this process knows of its upstreams' health; lost with it, on purpose."""

    failures_in_a_row: int = 5
    rest: timedelta = timedelta(seconds=15)
    now: Callable[[], float] = monotonic
    _states: dict[str, _State] = field(default_factory=dict)

    def wait_s(self, deployment: str) -> int | None:
        """Say how long `deployment` is left alone, in whole seconds; None when it may be called.

        When its rest is over, the first to ask may try it; the others wait for the outcome.
        """
        state = self._states.get(deployment)
        if state is None or state.failures < self.failures_in_a_row:
            return None
        left = state.rests_until - self.now()
        if left > 0:
            return ceil(left)
        if state.is_being_tried:
            return 1
        state.is_being_tried = True
        return None

    def resting(self) -> frozenset[str]:
        """Return the deployments that would be refused now."""
        at = self.now()
        return frozenset(
            name
            for name, state in self._states.items()
            if state.failures >= self.failures_in_a_row
            and (state.rests_until > at or state.is_being_tried)
        )

    def succeeded(self, deployment: str) -> None:
        """Forget its failures."""
        self._states.pop(deployment, None)

    def failed(self, deployment: str) -> None:
        """Count a failure; let it rest when they are enough in a row."""
        state = self._states.setdefault(deployment, _State())
        state.failures += 1
        state.is_being_tried = False
        if state.failures >= self.failures_in_a_row:
            state.rests_until = self.now() + self.rest.total_seconds()

    def abandoned(self, deployment: str) -> None:
        """The caller left before the outcome was known: somebody else may try."""
        if (state := self._states.get(deployment)) is not None:
            state.is_being_tried = False
