"""What was done with AI for a person, as pages that they can read: PDF, rendered by reports."""

import base64
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans import store as bilan_store
from gateway.bilans.service import Bilans
from gateway.exports import store
from gateway.exports.rules import written
from gateway.french_dates import french_date, french_time
from gateway.log.service import Log
from gateway.people.service import People
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.service import Records
from gateway.records.telling import Told, told
from gateway.services import REPORTS, About, Services
from gateway.tables import Beneficiary, Tenant
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.database import Database
from keel.sealing import unseal

_MOST = 2000
"""Of each kind, the newest; the copy of one's data has all of them."""


@dataclass(frozen=True, slots=True)
class Registers:
    """The verb of registers. The records are told here; reports only puts them on pages."""

    database: Database
    services: Services
    records: Records
    people: People
    bilans: Bilans
    public_url: str
    now: Callable[[], datetime] = utc_now

    async def of(self, tenant: str, beneficiary: str, *, caller: Caller | None = None) -> bytes:
        """Return a person's register as PDF; without a caller, they ask on their own page.

        Raises:
            NotFound, CounsellorNeeded, SecrecyNoticeNeeded: as `tell` says.
            ServiceUnavailable: the reports service does not answer.
        """
        by = caller or Caller(tenant, "", frozenset(), None)
        body, count = await self._told(tenant, beneficiary, caller)
        pages = await self.services.call(
            REPORTS,
            "render_transparency_report",
            "POST",
            "/transparency-reports",
            About.tenant_of(by),
            json=body,
            timeout=120,
        )
        await self._record(by, beneficiary, count)
        return pages.content

    async def tell(self, tenant: str, beneficiary: str, *, caller: Caller) -> dict[str, Any]:
        """Return the same as values: what the pages are made of.

        Raises:
            NotFound: the person is not one of the tenant's.
            CounsellorNeeded: a client asks, for nobody who is assigned to each of their bilans.
            SecrecyNoticeNeeded: that counsellor has not accepted the secrecy notice (LR-A21).
        """
        body, count = await self._told(tenant, beneficiary, caller)
        await self._record(caller, beneficiary, count)
        return body

    async def _told(
        self, tenant: str, beneficiary: str, caller: Caller | None
    ) -> tuple[dict[str, Any], int]:
        """Return what is told, and of how many records."""
        async with self.database.begin(tenant) as session:
            person = await self.people.beneficiary(session, tenant, beneficiary)
            if caller is not None:
                for bilan in await bilan_store.of_beneficiary(session, tenant, beneficiary):
                    await self.bilans.require_assigned(session, caller, bilan)
            reference = await self._reference(session, person)
            rows = await store.records(session, tenant, beneficiary)
            read = await self.records.read_each(session, tenant, rows)
            centre = await session.get(Tenant, tenant)
            log = await Log.newest(session)
        opened = [record for record in read if record is not None]
        history = told(opened, await self.services.legal_names(tenant))
        name = "" if centre is None else centre.name
        body = {**self._head(beneficiary, name, log), "person": reference, **_told(history)}
        return body, len(opened)

    async def _reference(self, session: AsyncSession, person: Beneficiary) -> str:
        """Return what the centre calls the person; empty where it gave no reference of its own."""
        key = await self.records.keys.find(session, person.tenant, person.id)
        if key is None or person.reference is None:
            return ""
        return unseal(key, person.reference, person.id).decode()

    def _head(self, beneficiary: str, centre: str, log: Log | None) -> dict[str, Any]:
        at = self.now()
        state = None if log is None else log.generation
        return {
            "beneficiary": beneficiary,
            "centre": centre,
            "made_at": rfc3339(at),
            "made_on": f"{french_date(at)} à {french_time(at)} (heure de Paris)",
            "log": {
                "origin": "–" if state is None else state.origin,
                "url": f"{self.public_url}/log/",
                "size": 0 if state is None else state.size,
                "root": "" if state is None else base64.b64encode(state.root).decode(),
            },
        }

    async def _record(self, by: Caller, beneficiary: str, count: int) -> None:
        fact = Fact(
            Kind.LOG_ACCESSED,
            by.tenant,
            {"query_class": "export_register", "returned": count},
            beneficiary=beneficiary,
            client=by.client or None,
            counsellor=by.counsellor,
            actor=None if by.client else Actor.BENEFICIARY,
        )
        async with self.database.begin(by.tenant) as session:
            await self.records.write(session, fact)


def _told(history: Told) -> dict[str, Any]:
    uses = [_use(use) for use in map(asdict, history.uses[:_MOST])]
    computed = [_use(use) for use in map(asdict, history.computed[:_MOST])]
    noted = {
        "unused": [written(asdict(one)) for one in history.unused[:_MOST]],
        "consents": [written(asdict(one)) for one in history.consents[:_MOST]],
    }
    return {"uses": uses, "computed": computed, **noted}


def _use(use: dict[str, Any]) -> dict[str, Any]:
    shown = ("record", "when", "what", "computed", "contested", "lines")
    return {name: written(use[name]) for name in shown}
