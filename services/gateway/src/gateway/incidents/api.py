"""Incidents of a centre: what went wrong, by when whom to tell, how it ended (GDPR 33(5))."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import GovernanceCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.incidents.rules import IncidentClass, Origin, Outcome
from gateway.incidents.service import Incidents, Opening
from gateway.problems import IncidentState
from gateway.tables import Incident
from gateway.wiring import IncidentsDep
from keel.database import SessionDep
from keel.identifiers import IncidentId, RecordId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/incidents", tags=["governance"], route_class=IdempotentRoute)

Words = Annotated[
    str | None,
    Field(
        max_length=4000,
        description="Your own words; sealed, in no record. They outlive an erasure: name nobody.",
    ),
]

_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
"""Nobody knew before: an instant that no calendar can show again is refused as it comes."""


class NewIncident(BaseModel):
    """What went wrong. The time to tell of it runs from `aware_at`: now, where it is not given."""

    model_config = ConfigDict(extra="forbid")

    incident_class: IncidentClass
    aware_at: AwareDatetime | None = Field(default=None, ge=_EARLIEST)
    description: Words = None


class IncidentClosing(BaseModel):
    """How it ended."""

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    description: Words = None


class IncidentSummary(BaseModel):
    """An incident without its words; with `closed_at`, it is over."""

    model_config = ConfigDict(from_attributes=True)

    id: IncidentId
    incident_class: IncidentClass
    origin: Origin
    opened_at: AwareDatetime
    aware_at: AwareDatetime
    deadline_at: AwareDatetime | None = Field(
        description="By when the authority is told; null where none has to be."
    )
    record: RecordId
    closed_at: AwareDatetime | None
    outcome: Outcome | None


class IncidentView(IncidentSummary):
    """An incident with the words of those who opened and closed it."""

    description: str | None = Field(max_length=4000)
    closing: str | None = Field(max_length=4000)


class IncidentPage(BaseModel):
    """Incidents in the order of opening; `next` is the cursor of the following page."""

    items: list[IncidentSummary] = Field(max_length=200)
    next: IncidentId | None = None


async def _view(session: AsyncSession, incidents: Incidents, incident: Incident) -> IncidentView:
    first, last = await incidents.words(session, incident)
    known = IncidentSummary.model_validate(incident).model_dump()
    return IncidentView(**known, description=first, closing=last)


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(IncidentState))
async def open_incident(
    body: NewIncident, session: SessionDep, incidents: IncidentsDep, caller: GovernanceCallerDep
) -> IncidentView:
    """Open an incident. Its record holds the class and the deadline, never the words."""
    opening = Opening(body.incident_class, Origin.DECLARED, body.aware_at, body.description)
    made = await incidents.open(session, caller.tenant, opening, caller=caller)
    return await _view(session, incidents, made)


@router.get("", responses=problems())
async def list_incidents(
    session: SessionDep,
    incidents: IncidentsDep,
    caller: GovernanceCallerDep,
    incident_class: IncidentClass | None = None,
    state: Literal["open", "closed"] | None = None,
    after: IncidentId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> IncidentPage:
    """List the centre's incidents, those that the platform noticed itself included."""
    rows = await incidents.page(
        session,
        caller.tenant,
        incident_class=incident_class,
        is_open=None if state is None else state == "open",
        after=after,
        limit=limit,
    )
    shown, following = cut(rows, limit)
    return IncidentPage(
        items=[IncidentSummary.model_validate(row) for row in shown], next=following
    )


@router.get("/{incident_id}", responses=problems(NotFound))
async def read_incident(
    incident_id: IncidentId,
    session: SessionDep,
    incidents: IncidentsDep,
    caller: GovernanceCallerDep,
) -> IncidentView:
    """Return one incident."""
    found = await incidents.find(session, caller.tenant, incident_id)
    return await _view(session, incidents, found)


@router.post(
    "/{incident_id}/closing",
    status_code=status.HTTP_201_CREATED,
    responses=problems(NotFound, IncidentState),
)
async def close_incident(
    incident_id: IncidentId,
    body: IncidentClosing,
    session: SessionDep,
    incidents: IncidentsDep,
    caller: GovernanceCallerDep,
) -> IncidentView:
    """Close an incident, once."""
    closed = await incidents.close(session, caller, incident_id, body.outcome, body.description)
    return await _view(session, incidents, closed)
