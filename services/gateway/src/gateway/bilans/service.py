"""The verbs of bilans: create, agree, and open for an operation."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans import store
from gateway.bilans.rules import (
    MIN_SUPPORT_MINUTES,
    BilanStatus,
    Funding,
    agreed_refusal,
    asks_convention,
    bounds_refusal,
    signatures_of,
)
from gateway.conventions import store as convention_store
from gateway.conventions.rules import ConventionStatus, status_on
from gateway.counsellors.service import Counsellors
from gateway.destruction.keys import refuse_erased
from gateway.events.service import EventKind, Events
from gateway.people.rules import keyed_digest
from gateway.people.service import People
from gateway.problems import (
    BilanBounds,
    BilanNotOpen,
    ConventionNeeded,
    CounsellorNeeded,
    EmployerIsTenant,
    EmployerUnknown,
    HoursExceeded,
    LastCounsellor,
    SignatureDate,
    TenantSirenNeeded,
)
from gateway.tables import Assignment, Bilan, BilanAgreement, Tenant
from gateway.tenants.rules import is_siren
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound

_EMPLOYER = "bct-employer/v1"


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
    public_service: bool = False
    """The worker is a public agent: other texts apply beside these, and loosen none (LR-A22)."""
    employer_siren: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What an edit gives anew; None leaves a value as it was."""

    planned_minutes: int | None = None
    support_minutes: int | None = None
    starts_on: date | None = None
    ends_on: date | None = None


@dataclass(frozen=True, slots=True)
class Agreed:
    """The worker's own agreement, as it is reported."""

    agreed_on: date
    method: str
    document_sha256: str | None


@dataclass(frozen=True, slots=True)
class Bilans:
    """The verbs of bilans."""

    people: People
    counsellors: Counsellors
    events: Events
    min_support: timedelta = timedelta(minutes=MIN_SUPPORT_MINUTES)
    now: Callable[[], datetime] = utc_now

    async def create(self, session: AsyncSession, tenant: str, plan: Plan) -> Bilan:
        """Create a draft bilan.

        Raises:
            BilanBounds: the hours or dates break the law's bounds.
            NotFound: the beneficiary or the counsellor is not one of the tenant's.
            BeneficiaryErased: the person was erased.
            CounsellorInactive: the counsellor was deactivated.
            EmployerUnknown: no SIREN, or none where the funding makes the employer a party.
            EmployerIsTenant: the employer is the centre itself (LR-A11).
            TenantSirenNeeded: the centre's own SIREN is not on record.
        """
        self._keep_bounds(plan.planned_minutes, plan.support_minutes, plan.starts_on, plan.ends_on)
        await self.people.hold(session, tenant, plan.beneficiary)
        await self.counsellors.active(session, tenant, plan.counsellor)
        bilan = Bilan(
            tenant=tenant,
            id=new_id("bil"),
            beneficiary=plan.beneficiary,
            counsellor=plan.counsellor,
            funding=str(plan.funding),
            public_service=plan.public_service,
            employer_digest=await self._employer(session, tenant, plan),
            planned_minutes=plan.planned_minutes,
            support_minutes=plan.support_minutes,
            starts_on=plan.starts_on.isoformat(),
            ends_on=plan.ends_on.isoformat(),
            status=str(BilanStatus.DRAFT),
            created_at=self.now(),
        )
        await store.add(session, bilan)
        await store.add(session, self._assignment(bilan, plan.counsellor))
        return bilan

    def _keep_bounds(
        self, planned_minutes: int, support_minutes: int, starts_on: date, ends_on: date
    ) -> None:
        refusal = bounds_refusal(
            planned_minutes=planned_minutes,
            support_minutes=support_minutes,
            starts_on=starts_on,
            ends_on=ends_on,
            min_support_minutes=int(self.min_support.total_seconds()) // 60,
        )
        if refusal is not None:
            raise BilanBounds(refusal)

    async def _employer(self, session: AsyncSession, tenant: str, plan: Plan) -> bytes | None:
        """Return the keyed digest of the employer's SIREN, once it is not the tenant's."""
        if plan.employer_siren is None:
            if asks_convention(plan.funding):
                raise EmployerUnknown("The employer is a party here: send `employer_siren`.")
            return None
        if not is_siren(plan.employer_siren):
            raise EmployerUnknown("A SIREN has nine digits, the last of which checks the others.")
        own = await self._own_siren(session, tenant)
        if own is None:
            raise TenantSirenNeeded(
                "Ask the operator to put the centre's SIREN on record (`tenant set-siren`): nobody "
                "can tell without it that the centre is not the employer."
            )
        if own == plan.employer_siren:
            raise EmployerIsTenant("Another organisation conducts it (Code du travail R6313-5).")
        return await self._siren_digest(session, tenant, plan.employer_siren)

    async def require_no_employer(self, session: AsyncSession, tenant: str, siren: str) -> None:
        """Refuse a number as the centre's own where it is an employer's (LR-A11).

        Raises:
            EmployerIsTenant: a bilan names the organisation of this number as the employer.
        """
        digest = await self._siren_digest(session, tenant, siren)
        if await store.names_employer(session, tenant, digest):
            raise EmployerIsTenant(
                "A bilan of this tenant names this organisation as the employer; another "
                "organisation conducts it (Code du travail R6313-5)."
            )

    async def _siren_digest(self, session: AsyncSession, tenant: str, siren: str) -> bytes:
        key = await self.people.records.key_of(session, tenant, None)
        return keyed_digest(key, _EMPLOYER, siren)

    @staticmethod
    async def _own_siren(session: AsyncSession, tenant: str) -> str | None:
        row = await session.get(Tenant, tenant)
        return None if row is None else row.siren

    async def change(
        self, session: AsyncSession, tenant: str, bilan: Bilan, change: Change
    ) -> Bilan:
        """Change the dates or hours of a bilan; the caller read it with a lock.

        Raises:
            BilanBounds: the hours or dates break the law's bounds.
            BilanNotOpen: it is closed.
            HoursExceeded: interviews lasted longer already.
        """
        if bilan.status == BilanStatus.CLOSED:
            raise BilanNotOpen("A closed bilan keeps its dates and hours.")
        starts_on = change.starts_on or date.fromisoformat(bilan.starts_on)
        ends_on = change.ends_on or date.fromisoformat(bilan.ends_on)
        planned = change.planned_minutes or bilan.planned_minutes
        support = change.support_minutes or bilan.support_minutes
        self._keep_bounds(planned, support, starts_on, ends_on)
        if await store.interview_minutes(session, tenant, bilan.id) > planned:
            raise HoursExceeded("Interviews lasted longer than this already.")
        bilan.planned_minutes, bilan.support_minutes = planned, support
        bilan.starts_on, bilan.ends_on = starts_on.isoformat(), ends_on.isoformat()
        await session.flush()
        return bilan

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        beneficiary: str | None,
        status: BilanStatus | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Bilan]:
        """Return bilans in the order of creation, one more than the page holds."""
        return await store.page(
            session, tenant, beneficiary=beneficiary, status=status, after=after, limit=limit
        )

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
        await store.add(session, made)
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
        self, session: AsyncSession, caller: Caller, bilan_id: str, agreed: Agreed
    ) -> Bilan:
        """Record the worker's own agreement to the bilan and open it (L6313-4; LR-A01).

        Raises:
            BilanNotOpen: it was agreed to before, or is closed.
            ConventionNeeded: the funding asks for a convention that is not signed (LR-A17).
            EmployerIsTenant: the centre's SIREN is now the employer's (LR-A11).
            SignatureDate: the day is still to come, or long before the bilan.
        """
        bilan = await self.find(session, caller.tenant, bilan_id, locked=True)
        if bilan.status != BilanStatus.DRAFT:
            raise BilanNotOpen("The agreement was recorded before; it keeps its date.")
        refusal = agreed_refusal(
            agreed.agreed_on, created_on=bilan.created_at.date(), today=self.now().date()
        )
        if refusal is not None:
            raise SignatureDate(refusal)
        await self._require_convention(session, bilan)
        await self._require_other_employer(session, bilan)
        made = BilanAgreement(
            tenant=bilan.tenant,
            id=new_id("bag"),
            bilan=bilan.id,
            agreed_on=agreed.agreed_on.isoformat(),
            method=agreed.method,
            document_sha256=agreed.document_sha256,
            recorded_by=caller.counsellor or caller.client,
            recorded_at=self.now(),
        )
        bilan.status = str(BilanStatus.OPEN)
        await store.add(session, made)
        await self.events.emit(
            session,
            bilan.tenant,
            EventKind.BILAN_OPENED,
            bilan=bilan.id,
            beneficiary=bilan.beneficiary,
        )
        return bilan

    async def _require_convention(self, session: AsyncSession, bilan: Bilan) -> None:
        if not asks_convention(Funding(bilan.funding)):
            return
        held = await convention_store.newest(session, bilan.tenant, bilan.id)
        today = self.now().date()
        if held is None or status_on(signatures_of(held), today) is not ConventionStatus.SIGNED:
            raise ConventionNeeded(
                "Record the draft (POST …/convention) and the three signatures first."
            )

    async def _require_other_employer(self, session: AsyncSession, bilan: Bilan) -> None:
        """Compare once more: the centre's own number may have been put on record since."""
        own = await self._own_siren(session, bilan.tenant)
        if own is None or bilan.employer_digest is None:
            return
        digest = await self._siren_digest(session, bilan.tenant, own)
        if hmac.compare_digest(digest, bilan.employer_digest):
            raise EmployerIsTenant("Another organisation conducts it (Code du travail R6313-5).")

    async def agreement(self, session: AsyncSession, tenant: str, bilan_id: str) -> BilanAgreement:
        """Return the worker's agreement to a bilan; `NotFound` while there is none."""
        await self.find(session, tenant, bilan_id)
        held = await store.agreement(session, tenant, bilan_id)
        if held is None:
            raise NotFound("The worker's agreement is not recorded yet.")
        return held

    async def hold_open(self, session: AsyncSession, caller: Caller, bilan_id: str) -> Bilan:
        """Return a bilan to whose content the caller may add: its closing waits until it is there.

        Raises:
            As `open_for` says.
        """
        await store.hold(session, caller.tenant, bilan_id)
        return await self.open_for(session, caller, bilan_id)

    async def open_for(
        self, session: AsyncSession, caller: Caller, bilan_id: str, *, locked: bool = False
    ) -> Bilan:
        """Return a bilan whose content the caller may work on.

        Raises:
            NotFound: it is not one of the tenant's.
            CounsellorNeeded: the call is not made for an assigned counsellor (LR-A04).
            SecrecyNoticeNeeded: that counsellor has not accepted the secrecy notice (LR-A21).
            BilanNotOpen: it has no agreement, or is closed.
            BeneficiaryErased: its person was erased.
            ProcessingRestricted: the person restricted the processing of their data (LR-E05).
        """
        bilan = await self.find(session, caller.tenant, bilan_id, locked=locked)
        await self.require_assigned(session, caller, bilan)
        await self.require_unclosed(session, bilan)
        if bilan.status != BilanStatus.OPEN:
            raise BilanNotOpen("Record the worker's agreement first: POST …/agreement.")
        await self.people.require_unrestricted(session, caller.tenant, bilan.beneficiary, ai=False)
        return bilan

    async def closed_for(
        self, session: AsyncSession, caller: Caller, bilan_id: str
    ) -> Bilan | None:
        """Return a bilan that is over, for a counsellor who conducted it; None while it is not.

        Raises:
            NotFound, CounsellorNeeded, SecrecyNoticeNeeded: as `open_for` says.
            BeneficiaryErased: its person was erased.
        """
        bilan = await self.find(session, caller.tenant, bilan_id)
        if bilan.status != BilanStatus.CLOSED:
            return None
        await refuse_erased(session, bilan.tenant, bilan.beneficiary)
        await self.require_assigned(session, caller, bilan)
        return bilan

    async def require_unclosed(self, session: AsyncSession, bilan: Bilan) -> None:
        """Refuse what would add to a bilan that is over, as its row is now.

        Raises:
            BeneficiaryErased: with its person.
            BilanNotOpen: it was closed, and its content is destroyed.
        """
        if await store.status(session, bilan.tenant, bilan.id) == BilanStatus.CLOSED:
            await refuse_erased(session, bilan.tenant, bilan.beneficiary)
            raise BilanNotOpen("The bilan is closed: its content is destroyed, and none is added.")

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
