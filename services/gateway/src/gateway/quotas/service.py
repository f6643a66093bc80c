"""The verbs of quotas: spend one, give one back, report, read.

Each process reserves a block in the database and hands it out from memory: no request waits for
another tenant's row, and the sum of what all processes reserved never passes the contract. What is
left is given back at the end of a process. One that is killed keeps its block from being used.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from fastapi import Request

from gateway.edge.rates import Standing, standings_of
from gateway.problems import QuotaExceeded
from gateway.quotas import rules, store
from gateway.quotas.rules import QuotaKind
from keel.clock import rfc3339, utc_now
from keel.database import Database
from keel.problems import Problem

log = structlog.get_logger()

BLOCK = 20
REPORTED_EVERY = timedelta(minutes=1)
_Key = tuple[str, QuotaKind]

_REFUSALS = range(400, 500)
_STOPPED = frozenset({409})
"""What was under way when it was stopped has cost what it costs."""

_WHAT_TO_DO = {
    QuotaKind.ASSISTED_RUNS: "Mode `computed` stays free.",
    QuotaKind.DOCUMENTS: "Documents that were taken in stay readable.",
}


@dataclass(slots=True)
class _Held:
    """What this process may still hand out of one tenant's month."""

    period: str
    limit: int | None
    reserved: int
    left: int = 0
    used: int = 0
    """Handed out since the last report, less what was given back; below 0 where that was reported
    before."""


@dataclass(frozen=True, slots=True)
class UsageOfMonth:
    """What a tenant used of its contract."""

    kind: QuotaKind
    period: str
    used: int
    reserved: int
    limit: int | None
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Quotas:
    """The verbs of quotas."""

    database: Database
    block: int = BLOCK
    now: Callable[[], datetime] = utc_now
    _held: dict[_Key, _Held] = field(default_factory=dict)
    _locks: dict[_Key, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))

    @asynccontextmanager
    async def one(self, tenant: str, kind: QuotaKind) -> AsyncIterator[None]:
        """Do something that counts; what is refused before it was done does not.

        Raises:
            QuotaExceeded: the contract's number for this month is used up.
        """
        period = await self.spend(tenant, kind)
        try:
            yield
        except Problem as refusal:
            if refusal.status in _REFUSALS and refusal.status not in _STOPPED:
                self.give_back(tenant, kind, period)
            raise

    async def spend(self, tenant: str, kind: QuotaKind) -> str:
        """Take one; returns the month that it was taken from.

        Raises:
            QuotaExceeded: the contract's number for this month is used up.
        """
        period = rules.period_of(self.now())
        async with self._locks[tenant, kind]:
            held = self._held.get((tenant, kind))
            if held is None or held.period != period or not held.left:
                held = await self._reserve(tenant, kind, period, held)
            held.left -= 1
            held.used += 1
        return period

    def give_back(self, tenant: str, kind: QuotaKind, period: str) -> None:
        """Put one back that was not used after all."""
        held = self._held.get((tenant, kind))
        if held is not None and held.period == period:
            held.left += 1
            held.used -= 1

    async def _reserve(
        self, tenant: str, kind: QuotaKind, period: str, held: _Held | None
    ) -> _Held:
        used, over = 0, 0
        async with self.database.begin(tenant) as session:
            if held is not None:
                used, over = held.used, held.left if held.period != period else 0
                await store.report(session, tenant, kind, held.period, used=used, given_back=over)
            taken, limit, reserved = await store.reserve(session, tenant, kind, period, self.block)
        fresh = _Held(period, limit, reserved, taken)
        if held is not None and held.period == period:  # what came back while we wrote
            fresh.left, fresh.used = taken + held.left, held.used - used
        self._held[tenant, kind] = fresh
        if not fresh.left:
            raise self._exceeded(kind, fresh)
        return fresh

    def _exceeded(self, kind: QuotaKind, held: _Held) -> QuotaExceeded:
        ends = rules.end_of(held.period)
        wait = max(1, round((ends - self.now()).total_seconds()))
        return QuotaExceeded(
            f"The contract allows {held.limit} a month, and they are used. Ask your operator for "
            f"more, or wait until {rfc3339(ends)}. {_WHAT_TO_DO[kind]}",
            members={"quota": str(kind), "violated-policies": [kind.policy]},
            headers={"Retry-After": str(wait)},
        )

    def tell(self, request: Request, tenant: str, kind: QuotaKind) -> None:
        """Let the answer's `RateLimit` fields say where the tenant stands."""
        standing = self.standing(tenant, kind)
        if standing is not None:
            standings_of(request.scope)[kind.policy] = standing

    def standing(self, tenant: str, kind: QuotaKind) -> Standing | None:
        """Say where a tenant stands, as far as this process knows; None without a limit."""
        held = self._held.get((tenant, kind))
        if held is None or held.limit is None:
            return None
        wait = round((rules.end_of(held.period) - self.now()).total_seconds())
        left = max(0, held.limit - held.reserved + held.left)
        return Standing(kind.policy, held.limit, None, left, max(0, wait))

    async def report(self, tenant: str | None = None, *, closing: bool = False) -> None:
        """Write down what was used; `closing` gives back what this process will not hand out."""
        for key in [key for key in self._held if tenant in {None, key[0]}]:
            async with self._locks[key]:
                held = self._held[key]
                used, over = held.used, held.left if closing else 0
                if not used and not over:
                    continue
                async with self.database.begin(key[0]) as session:
                    await store.report(session, *key, held.period, used=used, given_back=over)
                # Not to 0: somebody may have given back while we wrote.
                held.used, held.left = held.used - used, held.left - over

    async def close(self) -> None:
        """Report, and give back what was not handed out; where that fails, nothing is handed out.

        The end of a process waits for no database: its block then stays reserved.
        """
        try:
            await self.report(closing=True)
        except Exception as error:  # noqa: BLE001 - as said
            log.warning("usage_not_reported", error=type(error).__name__)

    async def read(self, tenant: str) -> list[UsageOfMonth]:
        """Return what a tenant used this month; other processes' last uses may follow."""
        await self.report(tenant)
        period = rules.period_of(self.now())
        async with self.database.begin(tenant) as session:
            rows = {row.kind: row for row in await store.of_period(session, tenant, period)}
            limits = {kind: await store.limit_of(session, tenant, kind) for kind in QuotaKind}
        return [
            UsageOfMonth(
                kind,
                period,
                rows[kind].used if kind in rows else 0,
                rows[kind].reserved if kind in rows else 0,
                limits[kind],
                rules.end_of(period),
            )
            for kind in QuotaKind
        ]

    async def set_limits(self, tenant: str, limits: dict[QuotaKind, int | None]) -> None:
        """Write down what a contract allows a month; None: no limit."""
        async with self.database.begin(tenant) as session:
            for kind, per_month in limits.items():
                await store.set_limit(session, tenant, kind, per_month)
