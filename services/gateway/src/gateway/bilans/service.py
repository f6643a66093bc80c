"""The verbs of bilans: create, agree, and open for an operation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans import store
from gateway.bilans.rules import BilanStatus, Funding, bounds_refusal
from gateway.counsellors.service import Counsellors
from gateway.events.service import EventKind, Events
from gateway.people.service import People
from gateway.problems import BilanBounds, BilanNotOpen, CounsellorNeeded, LastCounsellor
from gateway.tables import Assignment, Bilan
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
    counsellors: Counsellors
    events: Events
    now: Callable[[], datetime] = utc_now

    async def create(self, session: AsyncSession, tenant: str, plan: Plan) -> Bilan:
        """Create a draft bilan.

        Raises:
            BilanBounds: the hours or dates break the law's bounds.
            NotFound: the beneficiary or the counsellor is not one of the tenant's.
            CounsellorInactive: the counsellor was deactivated.
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
        await self.counsellors.active(session, tenant, plan.counsellor)
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
        await store.assign(session, self._assignment(bilan, plan.counsellor))
        return bilan

    def _assignment(self, bilan: Bilan, counsellor: str) -> Assignment:
        return Assignment(
            tenant=bilan.tenant,
            id=new_id("asg"),
            bilan=bilan.id,
            counsellor=counsellor,
            assigned_at=self.now(),
        )

    async def assign(
        self, session: AsyncSession, tenant: str, bilan_id: str, counsellor: str
    ) -> Assignment:
        """Let one more counsellor conduct a bilan; who does already keeps their assignment.

        Raises:
            NotFound: the bilan or the counsellor is not one of the tenant's.
            CounsellorInactive: the counsellor was deactivated.
        """
        bilan = await self.find(session, tenant, bilan_id, locked=True)
        await self.counsellors.active(session, tenant, counsellor)
        for held in await store.assignments(session, tenant, bilan_id, live=True):
            if held.counsellor == counsellor:
                return held
        made = self._assignment(bilan, counsellor)
        await store.assign(session, made)
        return made

    async def unassign(
        self, session: AsyncSession, tenant: str, bilan_id: str, assignment_id: str
    ) -> None:
        """End an assignment: from now on its counsellor has no access to the bilan.

        Raises:
            NotFound: there is no such assignment, or it ended.
            LastCounsellor: nobody would be left to conduct the bilan.
        """
        await self.find(session, tenant, bilan_id, locked=True)
        live = await store.assignments(session, tenant, bilan_id, live=True)
        ending = next((held for held in live if held.id == assignment_id), None)
        if ending is None:
            raise NotFound
        if len(live) == 1:
            raise LastCounsellor("Assign another counsellor first.")
        ending.ended_at = self.now()
        await session.flush()

    async def assignments(
        self, session: AsyncSession, tenant: str, bilan_id: str
    ) -> Sequence[Assignment]:
        """Return who conducts a bilan, and who did, in the order of assignment."""
        await self.find(session, tenant, bilan_id)
        return await store.assignments(session, tenant, bilan_id)

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
        await self.events.emit(session, tenant, EventKind.BILAN_OPENED, bilan=bilan.id)
        return bilan

    async def open_for(self, session: AsyncSession, caller: Caller, bilan_id: str) -> Bilan:
        """Return a bilan whose content the caller may work on.

        Raises:
            NotFound: it is not one of the tenant's.
            CounsellorNeeded: the call is not made for an assigned counsellor (LR-A04).
            SecrecyNoticeNeeded: that counsellor has not accepted the secrecy notice (LR-A21).
            BilanNotOpen: it has no agreement, or is closed.
            ProcessingRestricted: the person restricted the processing of their data (LR-E05).
        """
        bilan = await self.find(session, caller.tenant, bilan_id)
        await self.require_assigned(session, caller, bilan)
        if bilan.status != BilanStatus.OPEN:
            raise BilanNotOpen("Record the worker's agreement first: POST …/agreement.")
        await self.people.require_unrestricted(session, caller.tenant, bilan.beneficiary, ai=False)
        return bilan

    async def require_assigned(self, session: AsyncSession, caller: Caller, bilan: Bilan) -> str:
        """Return the assigned counsellor for whom the call is made.

        Raises:
            CounsellorNeeded: the call is not made for an assigned counsellor (LR-A04).
            SecrecyNoticeNeeded: that counsellor has not accepted the secrecy notice (LR-A21).
        """
        counsellor = caller.counsellor
        if counsellor is None or not await store.is_assigned(
            session, caller.tenant, bilan.id, counsellor
        ):
            raise CounsellorNeeded(
                "Draw a token with `counsellor` set to a counsellor of this bilan."
            )
        await self.counsellors.require_secrecy(session, caller.tenant, counsellor)
        return counsellor
