"""The verbs of bilans: create, agree, and open for an operation."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus, Funding, bounds_refusal
from gateway.people.service import People
from gateway.problems import BilanBounds, BilanNotOpen, CounsellorNeeded
from gateway.tables import Bilan
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.identifiers import new_id
from keel.problems import NotFound


@dataclass(frozen=True, slots=True)
class Plan:
    """What is agreed on before a bilan starts."""

    beneficiary: str
    counsellor: str
    funding: Funding
    planned_minutes: int
    support_minutes: int
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Bilans:
    """The verbs of bilans."""

    people: People
    now: Callable[[], datetime] = utc_now

    async def create(self, session: AsyncSession, tenant: str, plan: Plan) -> Bilan:
        """Create a draft bilan.

        Raises:
            BilanBounds: the hours or dates break the law's bounds.
            NotFound: the beneficiary or the counsellor is not one of the tenant's.
        """
        refusal = bounds_refusal(
            planned_minutes=plan.planned_minutes,
            support_minutes=plan.support_minutes,
            starts_on=plan.starts_on,
            ends_on=plan.ends_on,
        )
        if refusal is not None:
            raise BilanBounds(refusal)
        await self.people.beneficiary(session, tenant, plan.beneficiary)
        await self.people.counsellor(session, tenant, plan.counsellor)
        bilan = Bilan(
            tenant=tenant,
            id=new_id("bil"),
            beneficiary=plan.beneficiary,
            counsellor=plan.counsellor,
            funding=str(plan.funding),
            planned_minutes=plan.planned_minutes,
            support_minutes=plan.support_minutes,
            starts_on=plan.starts_on.isoformat(),
            ends_on=plan.ends_on.isoformat(),
            status=str(BilanStatus.DRAFT),
            created_at=self.now(),
        )
        session.add(bilan)
        await session.flush()
        return bilan

    async def find(
        self, session: AsyncSession, tenant: str, bilan_id: str, *, locked: bool = False
    ) -> Bilan:
        """Return a bilan of the tenant, or raise `NotFound`."""
        bilan = await session.get(Bilan, (tenant, bilan_id), with_for_update=locked or None)
        if bilan is None:
            raise NotFound
        return bilan

    async def agree(
        self, session: AsyncSession, tenant: str, bilan_id: str, *, agreed_on: date, method: str
    ) -> Bilan:
        """Record the worker's own agreement to the bilan and open it (L6313-4; LR-A01).

        Raises:
            BilanNotOpen: it was agreed to before, or is closed.
        """
        bilan = await self.find(session, tenant, bilan_id, locked=True)
        if bilan.status != BilanStatus.DRAFT:
            raise BilanNotOpen("The agreement was recorded before; it keeps its date.")
        bilan.agreement = {
            "agreed_on": agreed_on.isoformat(),
            "method": method,
            "recorded_at": rfc3339(self.now()),
        }
        bilan.status = str(BilanStatus.OPEN)
        await session.flush()
        return bilan

    async def open_for(self, session: AsyncSession, caller: Caller, bilan_id: str) -> Bilan:
        """Return a bilan whose content the caller may work on.

        Raises:
            NotFound: it is not one of the tenant's.
            CounsellorNeeded: the call is not made for the assigned counsellor (LR-A04).
            BilanNotOpen: it has no agreement, or is closed.
        """
        bilan = await self.find(session, caller.tenant, bilan_id)
        if caller.counsellor != bilan.counsellor:
            raise CounsellorNeeded(
                "Draw a token with `counsellor` set to the counsellor of this bilan."
            )
        if bilan.status != BilanStatus.OPEN:
            raise BilanNotOpen("Record the worker's agreement first: POST …/agreement.")
        return bilan
