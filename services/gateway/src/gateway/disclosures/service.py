"""The verb of disclosures: write down that a notice was shown, and whether that was in time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.rules import BilanStatus
from gateway.bilans.service import Bilans
from gateway.disclosures import store
from gateway.disclosures.rules import (
    NOTICES,
    Channel,
    Declared,
    Moment,
    Notice,
    Profile,
    observed,
)
from gateway.incidents.rules import IncidentClass
from gateway.incidents.service import Incidents, Opening
from gateway.problems import BilanNotOpen, DisclosureUnknown
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.tables import Bilan, Disclosure
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.identifiers import new_id


@dataclass(frozen=True, slots=True)
class Shown:
    """What the centre's software confirms."""

    bilan: str
    notice: str
    version: str
    sha256: str
    channel: Channel
    moment: Declared
    profile: Profile
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class Disclosures:
    """The verbs of disclosures."""

    bilans: Bilans
    incidents: Incidents
    records: Records
    now: Callable[[], datetime] = utc_now

    async def confirm(self, session: AsyncSession, caller: Caller, shown: Shown) -> Disclosure:
        """Write down that a notice was shown; one that came too late opens an incident.

        The instants are ours: the software says that it was shown, not when (I-11).

        Raises:
            NotFound: the bilan is not one of the tenant's.
            BilanNotOpen: it is no longer, or not yet, open.
            DisclosureUnknown: no notice of this id, version and digest, or not for this profile.
        """
        bilan = await self.bilans.find(session, caller.tenant, shown.bilan)
        notice = _notice(shown)
        if bilan.status != BilanStatus.OPEN:
            raise BilanNotOpen("Confirm a notice while the bilan is open.")
        moment = await self._moment(session, bilan, notice, shown.moment)
        at = self.now()
        row = Disclosure(
            tenant=caller.tenant,
            id=new_id("dsc"),
            bilan=bilan.id,
            beneficiary=bilan.beneficiary,
            notice=notice.id,
            version=notice.version,
            language=notice.language,
            audience=str(notice.audience),
            channel=str(shown.channel),
            moment=str(moment),
            accessibility_profile=str(shown.profile),
            confirmed_at=at,
            acknowledged_at=at if shown.acknowledged else None,
        )
        row.record = await self._record(session, caller, row)
        await store.add(session, row)
        if moment is Moment.LATE:
            late = Opening(IncidentClass.DISCLOSURE_LATE, bilan=bilan.id)
            await self.incidents.open(session, caller.tenant, late)
        return row

    async def _moment(
        self, session: AsyncSession, bilan: Bilan, notice: Notice, declared: Declared
    ) -> Moment:
        told = await store.first(session, bilan.tenant, bilan.id, notice.audience)
        used = await store.was_used(session, bilan.tenant, bilan.beneficiary, bilan.id)
        return observed(declared, was_used=used, was_told=told is not None)

    async def _record(self, session: AsyncSession, caller: Caller, row: Disclosure) -> str:
        acknowledged = row.acknowledged_at
        body = {
            "disclosure_id": row.notice,
            "disclosure_version": row.version,
            "language": row.language,
            "disclosure_audience": row.audience,
            "disclosure_channel": row.channel,
            "disclosure_moment": row.moment,
            "acknowledged_at": None if acknowledged is None else rfc3339(acknowledged),
            "accessibility_profile": row.accessibility_profile,
        }
        fact = Fact(
            Kind.DISCLOSURE_SHOWN,
            caller.tenant,
            body,
            beneficiary=row.beneficiary,
            bilan=row.bilan,
            client=caller.client,
            counsellor=caller.counsellor,
        )
        return await self.records.write(session, fact)

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        bilan_id: str,
        *,
        after: str | None,
        limit: int,
    ) -> Sequence[Disclosure]:
        """Return a bilan's disclosures, one more than the page holds, or raise `NotFound`."""
        await self.bilans.find(session, tenant, bilan_id)
        return await store.page(session, tenant, bilan=bilan_id, after=after, limit=limit)


def _notice(shown: Shown) -> Notice:
    notice = NOTICES.get((shown.notice, shown.version))
    if notice is None or notice.sha256 != shown.sha256 or shown.profile not in notice.profiles:
        raise DisclosureUnknown(
            "Show a notice of GET /v1/disclosures/notices word for word, and confirm it by its id, "
            "version and sha256, for a profile that it is written for."
        )
    return notice
