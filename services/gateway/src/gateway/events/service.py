"""The verb of events: say that something happened, in the transaction in which it did."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import Event
from gateway.webhooks import store as deliveries
from keel.clock import utc_now
from keel.identifiers import new_id


class EventKind(StrEnum):
    """What can be told."""

    CONSENT_AUTHORISED = "consent.authorised"
    CONSENT_REJECTED = "consent.rejected"
    CONSENT_NARROWED = "consent.narrowed"
    CONSENT_REVOKED = "consent.revoked"
    CONSENT_EXPIRED = "consent.expired"
    CONSENT_SUPERSEDED = "consent.superseded"
    RESTRICTION_IMPOSED = "restriction.imposed"
    RESTRICTION_LIFTED = "restriction.lifted"


@dataclass(frozen=True, slots=True)
class Events:
    """Says what happened; who is told, and when, is the deliveries' business."""

    now: Callable[[], datetime] = utc_now

    async def emit(self, session: AsyncSession, tenant: str, kind: EventKind, **ids: str) -> str:
        """Write one event, and its way to each endpoint, in the caller's transaction; its id."""
        event = Event(
            tenant=tenant, id=new_id("evt"), kind=str(kind), occurred_at=self.now(), ids=ids
        )
        session.add(event)
        await session.flush()
        await deliveries.fan_out(session, event)
        return event.id
