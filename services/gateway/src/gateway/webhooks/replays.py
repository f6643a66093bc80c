"""Sending again what was given up, with the whole schedule before it."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Delivery
from gateway.webhooks import store
from gateway.webhooks.rules import DeliveryStatus
from keel.clock import utc_now


async def of_delivery(session: AsyncSession, tenant: str, delivery_id: str) -> int:
    """Make one delivery due now, whatever became of it; 0 when the tenant has no such one."""
    delivery = await store.find_delivery(session, tenant, delivery_id)
    if delivery is None:
        return 0
    await _again(session, delivery)
    return 1


async def of_endpoint(session: AsyncSession, endpoint: str, *, since: datetime | None) -> int:
    """Make due now what was parked, since an instant or ever, on its way to an endpoint.

    What was parked because a one-time code came too late stays: the code is gone.
    """
    parked = await store.parked(session, endpoint, since)
    for delivery in parked:
        await _again(session, delivery)
    return len(parked)


async def _again(session: AsyncSession, delivery: Delivery) -> None:
    delivery.status, delivery.attempts = str(DeliveryStatus.PENDING), 0
    delivery.ended_at = None
    await store.put_back(session, delivery, utc_now())
