"""The verbs of incidents: open, close, list; and telling that the log is damaged."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.events.service import EventKind, Events
from gateway.incidents import store
from gateway.incidents.rules import IncidentClass, Origin, Outcome, deadline
from gateway.problems import IncidentState
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.service import Records
from gateway.tables import Incident
from gateway.tenants import store as tenant_store
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.database import Database
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import seal, unseal

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Opening:
    """What is known of an incident when it is opened."""

    incident_class: IncidentClass
    origin: Origin = Origin.OBSERVED
    aware_at: datetime | None = None
    """When somebody first knew; None: now."""
    description: str | None = None
    bilan: str | None = None


@dataclass(frozen=True, slots=True)
class Incidents:
    """The verbs of incidents. A record says codes and instants; words rest sealed in the row."""

    records: Records
    events: Events
    now: Callable[[], datetime] = utc_now

    async def open(
        self, session: AsyncSession, tenant: str, opening: Opening, *, caller: Caller | None = None
    ) -> Incident:
        """Open an incident; its time runs from when somebody first knew.

        Raises:
            IncidentState: it would have been known in the future.
        """
        at = self.now()
        aware_at = opening.aware_at or at
        if aware_at > at:
            raise IncidentState("Nobody can have known of it in the future: mend `aware_at`.")
        incident = Incident(
            tenant=tenant,
            id=new_id("inc"),
            incident_class=str(opening.incident_class),
            origin=str(opening.origin),
            bilan=opening.bilan,
            opened_at=at,
            aware_at=aware_at,
            deadline_at=deadline(opening.incident_class, aware_at),
        )
        if opening.description is not None:
            incident.description = await self._sealed(session, incident, opening.description)
        body = {
            "incident": incident.id,
            "incident_class": incident.incident_class,
            "incident_deadline_at": incident.deadline_at and rfc3339(incident.deadline_at),
        }
        incident.record = await self._record(
            session, incident, Kind.INCIDENT_OPENED, body, caller=caller
        )
        await store.add(session, incident)
        await self.events.emit(session, tenant, EventKind.INCIDENT_OPENED, incident=incident.id)
        return incident

    async def close(
        self,
        session: AsyncSession,
        caller: Caller,
        incident_id: str,
        outcome: Outcome,
        words: str | None,
    ) -> Incident:
        """Close an incident; what was decided then stays.

        Raises:
            NotFound: the tenant has no such incident.
            IncidentState: it was closed before.
        """
        incident = await store.find(session, caller.tenant, incident_id, locked=True)
        if incident is None:
            raise NotFound
        if incident.closed_at is not None:
            raise IncidentState("It was closed before; open another one if it happened again.")
        incident.closed_at, incident.outcome = self.now(), str(outcome)
        if words is not None:
            incident.closing = await self._sealed(session, incident, words)
        body = {
            "incident": incident.id,
            "incident_class": incident.incident_class,
            "incident_outcome": incident.outcome,
        }
        await self._record(
            session, incident, Kind.INCIDENT_CLOSED, body, caller=caller, prev=incident.record
        )
        await self.events.emit(
            session, caller.tenant, EventKind.INCIDENT_CLOSED, incident=incident.id
        )
        return incident

    async def find(self, session: AsyncSession, tenant: str, incident_id: str) -> Incident:
        """Return an incident of the tenant, or raise `NotFound`."""
        found = await store.find(session, tenant, incident_id)
        if found is None:
            raise NotFound
        return found

    async def page(
        self,
        session: AsyncSession,
        tenant: str,
        *,
        incident_class: IncidentClass | None,
        is_open: bool | None,
        after: str | None,
        limit: int,
    ) -> Sequence[Incident]:
        """Return incidents in the order of opening, one more than the page holds."""
        return await store.page(
            session,
            tenant,
            incident_class=incident_class,
            is_open=is_open,
            after=after,
            limit=limit,
        )

    async def words(
        self, session: AsyncSession, incident: Incident
    ) -> tuple[str | None, str | None]:
        """Return what was written when it was opened, and when it was closed."""
        key = await self.records.key_of(session, incident.tenant, None)
        about = f"{incident.tenant}|{incident.id}"
        first, last = (
            None if sealed is None else unseal(key, sealed, about).decode()
            for sealed in (incident.description, incident.closing)
        )
        return first, last

    async def tell_damage(self, database: Database) -> None:
        """Open `chain_broken` for each tenant that has none open: the log does not add up.

        Whoever found it stops, or answers, all the same: a database that cannot be written is one
        more reason to, and no reason to hide it.
        """
        try:
            async with database.begin() as session:
                tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
            for tenant in tenants:
                async with database.begin(tenant) as session:
                    if not await store.is_known(session, tenant, IncidentClass.CHAIN_BROKEN):
                        await self.open(session, tenant, Opening(IncidentClass.CHAIN_BROKEN))
        except Exception as error:  # noqa: BLE001 - as said
            logger.warning("incident_not_opened", error=type(error).__name__)

    async def _sealed(self, session: AsyncSession, incident: Incident, words: str) -> bytes:
        # Under the tenant's key: the register outlives every person in it (GDPR 33(5)).
        key = await self.records.key_of(session, incident.tenant, None)
        return seal(key, words.encode(), f"{incident.tenant}|{incident.id}")

    async def _record(
        self,
        session: AsyncSession,
        incident: Incident,
        kind: Kind,
        body: Mapping[str, Any],
        *,
        caller: Caller | None,
        prev: str | None = None,
    ) -> str:
        fact = Fact(
            kind,
            incident.tenant,
            body,
            client=None if caller is None else caller.client,
            counsellor=None if caller is None else caller.counsellor,
            prev=prev,
            actor=Actor.SYSTEM if caller is None else None,
        )
        return await self.records.write(session, fact)
