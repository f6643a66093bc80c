"""The verbs of counsellors: create, accept secrecy, qualify, deactivate."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.counsellors import store
from gateway.counsellors.rules import (
    SECRECY_VERSION,
    QualificationKind,
    is_valid_period,
    secrecy_sha256,
)
from gateway.problems import (
    CounsellorInactive,
    CounsellorNeeded,
    QualificationPeriod,
    SecrecyNoticeNeeded,
    SecrecyNoticeUnknown,
)
from gateway.records.service import Records
from gateway.tables import Counsellor, Qualification, SecrecyAcceptance
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal


@dataclass(frozen=True, slots=True)
class Counsellors:
    """The verbs of counsellors. Names are not asked for; the tenant keeps them."""

    records: Records
    now: Callable[[], datetime] = utc_now

    async def add(self, session: AsyncSession, tenant: str, reference: str | None) -> Counsellor:
        """Create a counsellor; the tenant's own reference is sealed under the tenant's key."""
        counsellor = Counsellor(tenant=tenant, id=new_id("usr"), created_at=self.now())
        if reference is not None:
            key = await self.records.key_of(session, tenant, None)
            counsellor.reference = seal(key, reference.encode(), counsellor.id)
        await store.add(session, counsellor)
        return counsellor

    async def find(self, session: AsyncSession, tenant: str, counsellor_id: str) -> Counsellor:
        """Return a counsellor of the tenant, or raise `NotFound`."""
        found = await store.find(session, tenant, counsellor_id)
        if found is None:
            raise NotFound
        return found

    async def active(self, session: AsyncSession, tenant: str, counsellor_id: str) -> Counsellor:
        """Return a counsellor who can be given work.

        Raises:
            NotFound: it is not one of the tenant's.
            CounsellorInactive: they were deactivated.
        """
        found = await self.find(session, tenant, counsellor_id)
        if found.deactivated_at is not None:
            raise CounsellorInactive("Name a counsellor who still works at this centre.")
        return found

    async def page(
        self, session: AsyncSession, tenant: str, *, after: str | None, limit: int
    ) -> Sequence[Counsellor]:
        """Return counsellors in the order of creation, one more than the page holds."""
        return await store.page(session, tenant, after=after, limit=limit)

    async def deactivate(
        self, session: AsyncSession, tenant: str, counsellor_id: str
    ) -> Counsellor:
        """Let nobody act as this counsellor any more; the first deactivation keeps its date."""
        found = await store.find(session, tenant, counsellor_id, locked=True)
        if found is None:
            raise NotFound
        if found.deactivated_at is None:
            found.deactivated_at = self.now()
            await session.flush()
        return found

    async def accept_secrecy(
        self, session: AsyncSession, caller: Caller, counsellor_id: str, version: str
    ) -> SecrecyAcceptance:
        """Record that a counsellor accepted the secrecy notice; the first time keeps its date.

        Raises:
            SecrecyNoticeUnknown: another version than the one that is shown now.
            CounsellorNeeded: the call is made for another counsellor: nobody accepts for them.
        """
        # Locked, so that of two clicks one is the acceptance.
        if await store.find(session, caller.tenant, counsellor_id, locked=True) is None:
            raise NotFound
        if version != SECRECY_VERSION:
            raise SecrecyNoticeUnknown(
                "Show the text of GET /v1/secrecy-notice, and send its `version`.",
                members={"version": SECRECY_VERSION},
            )
        if caller.counsellor not in {None, counsellor_id}:
            raise CounsellorNeeded("A counsellor accepts for themselves.")
        held = await store.acceptance(session, caller.tenant, counsellor_id, version)
        if held is not None:
            return held
        accepted = SecrecyAcceptance(
            tenant=caller.tenant,
            id=new_id("sec"),
            counsellor=counsellor_id,
            notice_version=version,
            notice_sha256=secrecy_sha256(),
            client=caller.client,
            accepted_at=self.now(),
        )
        await store.add(session, accepted)
        return accepted

    async def require_secrecy(self, session: AsyncSession, tenant: str, counsellor_id: str) -> None:
        """Refuse the content of a bilan to who has not accepted the secrecy notice (LR-A21).

        Raises:
            SecrecyNoticeNeeded: they have not accepted the version that is shown now.
        """
        if await store.acceptance(session, tenant, counsellor_id, SECRECY_VERSION) is None:
            raise SecrecyNoticeNeeded(
                "Show the counsellor GET /v1/secrecy-notice and record their acceptance: "
                "POST /v1/counsellors/{id}/secrecy-acceptances."
            )

    async def qualify(
        self,
        session: AsyncSession,
        tenant: str,
        counsellor_id: str,
        *,
        kind: QualificationKind,
        code: str,
        obtained_on: date,
        expires_on: date | None,
    ) -> Qualification:
        """Record a training on AI or a certification for a test.

        Raises:
            QualificationPeriod: it would end before it began.
        """
        if not is_valid_period(obtained_on, expires_on):
            raise QualificationPeriod("`expires_on` comes after `obtained_on`.")
        await self.find(session, tenant, counsellor_id)
        made = Qualification(
            tenant=tenant,
            id=new_id("qlf"),
            counsellor=counsellor_id,
            kind=str(kind),
            code=code,
            obtained_on=obtained_on.isoformat(),
            expires_on=None if expires_on is None else expires_on.isoformat(),
            recorded_at=self.now(),
        )
        await store.add(session, made)
        return made

    async def qualifications(
        self,
        session: AsyncSession,
        tenant: str,
        counsellor_id: str,
        *,
        after: str | None,
        limit: int,
    ) -> Sequence[Qualification]:
        """Return a counsellor's qualifications, one more than the page holds."""
        await self.find(session, tenant, counsellor_id)
        return await store.qualifications(session, tenant, counsellor_id, after=after, limit=limit)
