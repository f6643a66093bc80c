"""Rows of incidents."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.incidents.rules import IncidentClass
from gateway.tables import Incident


async def add(session: AsyncSession, incident: Incident) -> None:
    """Insert an incident."""
    session.add(incident)
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, incident_id: str, *, locked: bool = False
) -> Incident | None:
    """Return an incident of the tenant."""
    return await session.get(Incident, (tenant, incident_id), with_for_update=locked or None)


async def page(
    session: AsyncSession,
    tenant: str,
    *,
    incident_class: str | None,
    is_open: bool | None,
    after: str | None,
    limit: int,
) -> Sequence[Incident]:
    """Return incidents in the order of opening, one more than the page holds."""
    query = select(Incident).where(Incident.tenant == tenant)
    if incident_class is not None:
        query = query.where(Incident.incident_class == incident_class)
    if is_open is not None:
        closed = Incident.closed_at.is_not(None)
        query = query.where(~closed if is_open else closed)
    return (await session.scalars(after_cursor(query, Incident.id, after, limit))).all()


async def is_known(session: AsyncSession, tenant: str, incident_class: IncidentClass) -> bool:
    """Say whether an incident of this class is open."""
    query = select(Incident.id).where(
        Incident.tenant == tenant,
        Incident.incident_class == str(incident_class),
        Incident.closed_at.is_(None),
    )
    return (await session.scalars(query.limit(1))).first() is not None
