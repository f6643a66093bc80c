"""What a planned call would still need: the gate's questions, all of them, and no trace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus
from gateway.consents import store
from gateway.consents.rules import Asked, Refusal, all_uncovered, row_refusal
from gateway.consents.standing import Standing, held
from gateway.problems import BilanNotOpen, ProcessingRestricted
from gateway.tables import Bilan, Consent
from gateway.tenants.service import Caller
from keel.problems import NotFound


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that a call still needs: the code it would be refused with, and which items."""

    code: str
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Simulation:
    """Whether a call would be let out now, and everything that is missing when not."""

    missing: tuple[Missing, ...]
    consent: str | None
    epoch: int | None
    checked_at: datetime

    @property
    def allowed(self) -> bool:
        """Say whether nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Simulating(Standing):
    """The verb of looking ahead."""

    async def peek(self, session: AsyncSession, tenant: str, consent_id: str) -> Consent:
        """Return a consent of the tenant as its row says, unlocked and unchanged, or `NotFound`."""
        consent = await store.find(session, tenant, consent_id)
        if consent is None:
            raise NotFound
        return consent

    async def simulate(
        self,
        session: AsyncSession,
        caller: Caller,
        bilan: Bilan,
        asked: Asked,
        *,
        consent: Consent | None = None,
        restricted: str | None = None,
    ) -> Simulation:
        """Say what a call would need, on one `consent` or on the bilan's best one.

        `restricted` names what stops processing of the person's data by their wish, if anything.
        It reads and writes nothing: no record, no expiry, no lock. It permits nothing either; the
        gate asks again, in its own transaction.
        """
        at = self.now()
        rows = [consent] if consent is not None else await self._candidates(session, bilan)
        missing, best = _best(caller, asked, rows, at)
        if best is not consent and best is not None and not _stands(best, at):
            best = None
        around = () if bilan.status == BilanStatus.OPEN else (Missing(BilanNotOpen.code),)
        stopped = () if restricted is None else (Missing(ProcessingRestricted.code, (restricted,)),)
        return Simulation(
            missing=(*around, *stopped, *missing),
            consent=None if best is None else best.id,
            epoch=None if best is None else best.epoch,
            checked_at=at,
        )

    @staticmethod
    async def _candidates(session: AsyncSession, bilan: Bilan) -> list[Consent]:
        rows = await store.of_beneficiary(session, bilan.tenant, bilan.beneficiary)
        return [row for row in reversed(rows) if row.bilan == bilan.id]


def _stands(row: Consent, at: datetime) -> bool:
    return row_refusal(held(row), epoch=row.epoch, at=at) is None


def _best(
    caller: Caller, asked: Asked, rows: Sequence[Consent], at: datetime
) -> tuple[tuple[Missing, ...], Consent | None]:
    """Return the consent that lacks least, the newest of several, and what it lacks."""
    if not rows:
        nothing: Sequence[Mapping[str, Any]] = ()
        never = Missing(Refusal.NOT_AUTHORISED)
        return (never, *_uncovered(asked, nothing)), None
    weighed = [(_lacks(caller, asked, row, at), row) for row in rows]
    return min(weighed, key=lambda pair: len(pair[0]))


def _lacks(caller: Caller, asked: Asked, row: Consent, at: datetime) -> tuple[Missing, ...]:
    refusal = row_refusal(held(row), epoch=row.epoch, at=at)
    if refusal is not None:  # what an ended consent once held helps nobody
        return Missing(refusal), *_uncovered(asked, ())
    bound = () if row.client == caller.client else (Missing("consent_binding"),)
    return *bound, *_uncovered(asked, row.grants)


def _uncovered(asked: Asked, grants: Sequence[Mapping[str, Any]]) -> tuple[Missing, ...]:
    return tuple(Missing(m.refusal, m.missing) for m in all_uncovered(asked, grants))
