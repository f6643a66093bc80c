"""What a delivery is: its states, its schedule, its bytes and its signature (Standard Webhooks)."""

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from standardwebhooks import Webhook

from keel.clock import rfc3339

MAX_ENDPOINTS = 20
"""Of one tenant: each event is written once for each of them."""

ROTATION = timedelta(hours=24)
"""How long the secret before the present one signs beside it."""

SEALED_FOR = timedelta(minutes=15)
"""How long a one-time code waits to be handed over; then it is worth nothing and is deleted."""

RETRIES = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(hours=24),
)
JITTER = 0.1
"""Retries are spread by a tenth either way, so that a receiver that comes back is not run over."""

_SECRET_BYTES = 32
_PREFIX = "whsec_"


class DeliveryStatus(StrEnum):
    """How far one event has come on its way to one endpoint."""

    PENDING = "pending"
    DELIVERED = "delivered"
    PARKED = "parked"


class Failure(StrEnum):
    """Why an attempt did not deliver, or why there will be none."""

    ADDRESS_REFUSED = "address_refused"
    NAME_UNKNOWN = "name_unknown"
    TIMED_OUT = "timed_out"
    CONNECTION_FAILED = "connection_failed"
    TLS_FAILED = "tls_failed"
    STATUS = "status"
    REDIRECTED = "redirected"
    GONE = "gone"
    ENDPOINT_DISABLED = "endpoint_disabled"
    CODE_EXPIRED = "code_expired"


def new_secret() -> str:
    """Return a fresh signing secret of 256 random bits, as Standard Webhooks writes it."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def retry_in(attempts: int, spread: float) -> timedelta | None:
    """Return how long to wait after `attempts` failed ones; None when that was the last.

    `spread` is between -1 and 1 and moves the wait by up to a tenth.
    """
    if attempts > len(RETRIES):
        return None
    return RETRIES[attempts - 1] * (1 + JITTER * spread)


def body_of(kind: str, occurred_at: datetime, data: Mapping[str, Any]) -> str:
    """Return the payload: what happened, when, and the ids concerned."""
    payload = {"type": kind, "timestamp": rfc3339(occurred_at), "data": dict(data)}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def signed_headers(
    event: str, body: str, signing: Sequence[str], *, at: datetime
) -> dict[str, str]:
    """Return the headers that prove who sent `body`; one signature a secret."""
    return {
        "webhook-id": event,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(s).sign(event, at, body) for s in signing),
    }
