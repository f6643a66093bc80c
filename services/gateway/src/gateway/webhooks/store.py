"""Rows of endpoints and deliveries, and the platform's queue of what is due."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.edge.listing import after_cursor
from gateway.tables import Delivery, DueDelivery, Event, WebhookEndpoint
from gateway.webhooks.rules import DeliveryStatus, Failure
from keel.identifiers import new_id

_LOOKED_AT = 500


async def endpoints(session: AsyncSession, tenant: str) -> Sequence[WebhookEndpoint]:
    """Return every endpoint of a tenant in the order of creation."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.tenant == tenant)
    return (await session.scalars(query.order_by(WebhookEndpoint.id))).all()


async def page_of_endpoints(
    session: AsyncSession, tenant: str, after: str | None, limit: int
) -> Sequence[WebhookEndpoint]:
    """Return one page of the tenant's endpoints, and one more."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.tenant == tenant)
    return (await session.scalars(after_cursor(query, WebhookEndpoint.id, after, limit))).all()


async def find(
    session: AsyncSession, tenant: str, endpoint: str, *, locked: bool = False
) -> WebhookEndpoint | None:
    """Return an endpoint of the tenant."""
    return await session.get(WebhookEndpoint, (tenant, endpoint), with_for_update=locked or None)


async def listening(session: AsyncSession, tenant: str, kind: str) -> list[str]:
    """Return the ids of the enabled endpoints that listen to `kind`."""
    query = select(WebhookEndpoint.id, WebhookEndpoint.kinds).where(
        WebhookEndpoint.tenant == tenant, WebhookEndpoint.enabled
    )
    return [i for i, kinds in await session.execute(query) if kinds is None or kind in kinds]


async def told_of(session: AsyncSession, tenant: str, kind: str) -> bool:
    """Say whether an endpoint, in service or switched off, was registered for `kind`."""
    query = select(WebhookEndpoint.kinds).where(WebhookEndpoint.tenant == tenant)
    return any(kinds is None or kind in kinds for kinds in await session.scalars(query))


async def fan_out(session: AsyncSession, event: Event) -> None:
    """Put one delivery for each endpoint that listens, in the transaction of the event."""
    for endpoint in await listening(session, event.tenant, event.kind):
        delivery = new_id("dlv")
        session.add(
            Delivery(
                tenant=event.tenant,
                id=delivery,
                event=event.id,
                endpoint=endpoint,
                status=str(DeliveryStatus.PENDING),
                attempts=0,
                created_at=event.occurred_at,
            )
        )
        session.add(
            DueDelivery(
                delivery=delivery, tenant=event.tenant, endpoint=endpoint, due_at=event.occurred_at
            )
        )
    await session.flush()


async def page_of_deliveries(
    session: AsyncSession,
    endpoint: WebhookEndpoint,
    status: str | None,
    after: str | None,
    limit: int,
) -> Sequence[Delivery]:
    """Return one page of an endpoint's deliveries, and one more."""
    query = select(Delivery).where(
        Delivery.tenant == endpoint.tenant, Delivery.endpoint == endpoint.id
    )
    if status is not None:
        query = query.where(Delivery.status == status)
    return (await session.scalars(after_cursor(query, Delivery.id, after, limit))).all()


async def deliveries_of(
    session: AsyncSession, tenant: str, events: Sequence[str]
) -> Sequence[Delivery]:
    """Return every delivery of some events, oldest first."""
    query = select(Delivery).where(Delivery.tenant == tenant, Delivery.event.in_(events))
    return (await session.scalars(query.order_by(Delivery.id))).all()


async def park_all(
    session: AsyncSession, endpoint: WebhookEndpoint, failure: str, *, at: datetime, but: str | None
) -> None:
    """Park whatever is still on its way to an endpoint, one delivery excepted."""
    parked = (
        update(Delivery)
        .where(
            Delivery.tenant == endpoint.tenant,
            Delivery.endpoint == endpoint.id,
            Delivery.status == str(DeliveryStatus.PENDING),
            Delivery.id != (but or ""),
        )
        .values(status=str(DeliveryStatus.PARKED), last_failure=failure, ended_at=at)
    )
    await session.execute(parked)
    waiting = delete(DueDelivery).where(
        DueDelivery.endpoint == endpoint.id, DueDelivery.delivery != (but or "")
    )
    await session.execute(waiting)


async def remove(session: AsyncSession, endpoint: WebhookEndpoint) -> None:
    """Delete an endpoint with all that was to be sent to it."""
    await session.execute(
        delete(Delivery).where(Delivery.tenant == endpoint.tenant, Delivery.endpoint == endpoint.id)
    )
    await session.execute(delete(DueDelivery).where(DueDelivery.endpoint == endpoint.id))
    await session.delete(endpoint)
    await session.flush()


async def lease(
    session: AsyncSession,
    *,
    at: datetime,
    until: datetime,
    limit: int,
    each: int,
    busy: Sequence[str],
) -> Sequence[DueDelivery]:
    """Take up to `limit` due deliveries until an instant, at most `each` of one endpoint.

    What another worker is taking at this moment is passed over. What a worker took and never
    brought back is due again when its time is over.
    """
    free = (
        DueDelivery.due_at <= at,
        or_(DueDelivery.leased_until.is_(None), DueDelivery.leased_until <= at),
        DueDelivery.endpoint.not_in(busy),
    )
    # The oldest only: a backlog of one endpoint is looked at a piece at a time.
    oldest = (
        select(DueDelivery.delivery, DueDelivery.endpoint, DueDelivery.due_at)
        .where(*free)
        .order_by(DueDelivery.due_at)
        .limit(_LOOKED_AT)
        .subquery()
    )
    place = func.row_number().over(
        partition_by=oldest.c.endpoint, order_by=(oldest.c.due_at, oldest.c.delivery)
    )
    ranked = select(oldest.c.delivery, place.label("place")).subquery()
    fair = select(ranked.c.delivery).where(ranked.c.place <= each)
    query = (
        select(DueDelivery)
        .where(DueDelivery.delivery.in_(fair), *free)
        .order_by(DueDelivery.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = (await session.scalars(query)).all()
    for due in taken:
        due.leased_until = until
    await session.flush()
    return taken


async def let_go_of_leases(session: AsyncSession) -> None:
    """Make everything free that somebody took and never brought back."""
    await session.execute(update(DueDelivery).values(leased_until=None))


async def find_delivery(session: AsyncSession, tenant: str, delivery: str) -> Delivery | None:
    """Return a delivery of the tenant, locked, as it is now."""
    query = select(Delivery).where(Delivery.tenant == tenant, Delivery.id == delivery)
    locked = query.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(locked)


async def event_of(session: AsyncSession, tenant: str, delivery: str) -> Event | None:
    """Return the event of a delivery, locked."""
    query = (
        select(Event)
        .join(Delivery, (Delivery.tenant == Event.tenant) & (Delivery.event == Event.id))
        .where(Delivery.tenant == tenant, Delivery.id == delivery)
        .with_for_update(of=Event)
    )
    return await session.scalar(query)


async def take_out(session: AsyncSession, delivery: str) -> None:
    """Take a delivery out of the queue."""
    await session.execute(delete(DueDelivery).where(DueDelivery.delivery == delivery))


async def due(session: AsyncSession, delivery: str) -> DueDelivery | None:
    """Return a delivery's place in the queue, locked."""
    return await session.get(DueDelivery, delivery, with_for_update=True)


async def put_back(session: AsyncSession, delivery: Delivery, due_at: datetime) -> None:
    """Make a delivery due at an instant, whether or not it stands in the queue."""
    row = await due(session, delivery.id)
    if row is None:
        row = DueDelivery(
            delivery=delivery.id, tenant=delivery.tenant, endpoint=delivery.endpoint, due_at=due_at
        )
        session.add(row)
    row.due_at, row.leased_until = due_at, None
    await session.flush()


async def sealed_before(session: AsyncSession, before: datetime) -> Sequence[Event]:
    """Return the tenant's events whose code has waited since before an instant."""
    query = select(Event).where(Event.sealed.is_not(None), Event.occurred_at <= before)
    return (await session.scalars(query.order_by(Event.id).with_for_update())).all()


async def pending_of(session: AsyncSession, event: Event) -> Sequence[Delivery]:
    """Return the deliveries of an event that are still on their way, locked."""
    query = select(Delivery).where(
        Delivery.tenant == event.tenant,
        Delivery.event == event.id,
        Delivery.status == str(DeliveryStatus.PENDING),
    )
    return (await session.scalars(query.order_by(Delivery.id).with_for_update())).all()


async def parked(
    session: AsyncSession, endpoint: str, since: datetime | None
) -> Sequence[Delivery]:
    """Return what was given up on its way to an endpoint, locked; `since` counts from its end.

    Without what carried a code that came too late.
    """
    query = select(Delivery).where(
        Delivery.endpoint == endpoint,
        Delivery.status == str(DeliveryStatus.PARKED),
        Delivery.last_failure != str(Failure.CODE_EXPIRED),
    )
    if since is not None:
        query = query.where(Delivery.ended_at >= since)
    return (await session.scalars(query.order_by(Delivery.id).with_for_update())).all()


async def forget(session: AsyncSession, *, before: datetime, limit: int = 500) -> int:
    """Delete the tenant's oldest events from before an instant, and what became of them."""
    query = select(Event.id).where(Event.occurred_at < before).order_by(Event.id).limit(limit)
    old = (await session.scalars(query)).all()
    gone = (await session.scalars(select(Delivery.id).where(Delivery.event.in_(old)))).all()
    await session.execute(delete(Delivery).where(Delivery.id.in_(gone)))
    await session.execute(delete(DueDelivery).where(DueDelivery.delivery.in_(gone)))
    await session.execute(delete(Event).where(Event.id.in_(old)))
    return len(old)
