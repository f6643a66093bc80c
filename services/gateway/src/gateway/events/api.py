"""Events: what happened in a tenant, and whether its software was told."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

from gateway.access import EventCallerDep
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.events import store
from gateway.events.service import EventKind
from gateway.webhooks.api import DeliveryView, views
from gateway.webhooks.rules import MAX_ENDPOINTS
from gateway.wiring import WebhookEndpointsDep
from keel.database import SessionDep
from keel.identifiers import EventId
from keel.problems import problems

router = APIRouter(prefix="/v1", tags=["events"])

_Short = Annotated[str, StringConstraints(max_length=100)]


class EventView(BaseModel):
    """Something that happened: its kind, its time and the ids concerned; no content."""

    id: EventId
    kind: EventKind
    occurred_at: AwareDatetime
    data: dict[_Short, _Short] = Field(max_length=20)
    deliveries: list[DeliveryView] = Field(max_length=10 * MAX_ENDPOINTS)


class EventList(BaseModel):
    """One page of events."""

    items: list[EventView] = Field(max_length=200)
    next: EventId | None


class EventKindList(BaseModel):
    """Every kind of event."""

    items: list[EventKind] = Field(max_length=100)


@router.get("/events", responses=problems())
async def list_events(
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
    after: EventId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> EventList:
    """List what happened, oldest first, with the state of each delivery.

    Whoever was away goes on from the last id that they saw: nothing depends on a webhook.
    """
    shown, following = cut(await store.page(session, caller.tenant, after, limit), limit)
    deliveries = await endpoints.of_events(session, caller.tenant, shown)
    items = [
        EventView(
            id=event.id,
            kind=EventKind(event.kind),
            occurred_at=event.occurred_at,
            data=event.ids,
            deliveries=views(deliveries[event.id]),
        )
        for event in shown
    ]
    return EventList(items=items, next=following)


@router.get("/event-kinds", responses=problems())
async def list_event_kinds(_: EventCallerDep) -> EventKindList:
    """List the kinds of events that an endpoint may listen to."""
    return EventKindList(items=list(EventKind))
