"""The verb of events: say that something happened, in the transaction in which it did."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.service import Records
from gateway.tables import Event
from gateway.webhooks import store as deliveries
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.sealing import seal


class EventKind(StrEnum):
    """What can be told."""

    CONSENT_AUTHORISED = "consent.authorised"
    CONSENT_REJECTED = "consent.rejected"
    CONSENT_NARROWED = "consent.narrowed"
    CONSENT_LAPSED = "consent.lapsed"
    CONSENT_CANCELLED = "consent.cancelled"
    CONSENT_REVOKED = "consent.revoked"
    CONSENT_EXPIRED = "consent.expired"
    CONSENT_SUPERSEDED = "consent.superseded"
    CONSENT_CONFIRMATION_DUE = "consent.confirmation_due"
    """A counsellor attested a consent: the centre's channel confirms it to the person."""
    PHASE_CLOSED = "phase.closed"
    SHARE_REQUESTED = "share.requested"
    SHARE_AGREED = "share.agreed"
    SHARE_REFUSED = "share.refused"
    SHARE_ENDED = "share.ended"
    RETENTION_REQUESTED = "retention.requested"
    RETENTION_AGREED = "retention.agreed"
    RETENTION_REFUSED = "retention.refused"
    RETENTION_ENDED = "retention.ended"
    RESTRICTION_IMPOSED = "restriction.imposed"
    RESTRICTION_LIFTED = "restriction.lifted"
    OUTPUT_CONTESTED = "output.contested"
    BENEFICIARY_CODE_REQUESTED = "beneficiary.code_requested"
    CEREMONY_CODE_REQUESTED = "ceremony.code_requested"
    """The person is about to decide on a consent: the centre's channel hands them a code."""
    BILAN_OPENED = "bilan.opened"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_REFUSED = "run.refused"
    RUN_CANCELLED = "run.cancelled"
    RUN_FAILED = "run.failed"
    REPORT_SIGNED = "report.signed"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CLOSED = "incident.closed"
    DESTRUCTION_STARTED = "destruction.started"
    DESTRUCTION_COMPLETED = "destruction.completed"


@dataclass(frozen=True, slots=True)
class Events:
    """Says what happened; who is told, and when, is the deliveries' business."""

    records: Records
    now: Callable[[], datetime] = utc_now

    async def emit(
        self,
        session: AsyncSession,
        tenant: str,
        kind: EventKind,
        *,
        secret: Mapping[str, str] | None = None,
        **ids: str,
    ) -> str:
        """Write one event, and its way to each endpoint, in the caller's transaction; its id.

        `secret` is what the centre's channel has to hand to a person (a one-time code). It rests
        sealed under the key of the tenant's own records, bound to the event as
        `tenant|event id`, and whoever delivers the event unseals it into the payload.
        """
        event_id = new_id("evt")
        event = Event(tenant=tenant, id=event_id, kind=str(kind), occurred_at=self.now(), ids=ids)
        if secret is not None:
            key = await self.records.key_of(session, tenant, None)
            event.sealed = seal(key, json.dumps(secret).encode(), f"{tenant}|{event_id}")
        session.add(event)
        await session.flush()
        await deliveries.fan_out(session, event)
        return event_id
