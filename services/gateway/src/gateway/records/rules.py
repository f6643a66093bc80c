"""A transparency record: its canonical form, its keys, its commitment (profile section 7).

No prompt, no output, no name, no free text: reasons are codes, content is bound by keyed digests.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keel.clock import rfc3339
from keel.strict_json import canonical

DEPLOYMENT = "deployment"
"""Whose records are about the installation itself: the genesis of its log, its keys."""


class Kind(StrEnum):
    """What a record is about (section 7.1)."""

    LOG_GENESIS = "log.genesis"
    CONSENT_REQUESTED = "consent.requested"
    CONSENT_AUTHORISED = "consent.authorised"
    CONSENT_REJECTED = "consent.rejected"
    CONSENT_NARROWED = "consent.narrowed"
    CONSENT_REVOKED = "consent.revoked"
    CONSENT_SUPERSEDED = "consent.superseded"
    CONSENT_EXPIRED = "consent.expired"
    RUN_COMPUTED = "run.computed"
    AI_DISPATCH = "ai.dispatch"
    GATE_REFUSED = "gate.refused"
    AI_RESULT = "ai.result"
    AI_ERROR = "ai.error"
    AI_CANCELLED = "ai.cancelled"
    AI_MARKED = "ai.marked"
    DISCLOSURE_SHOWN = "disclosure.shown"
    HUMAN_REVIEW = "human.review"
    OUTPUT_SHARED = "output.shared"
    OUTPUT_CONTESTED = "output.contested"
    BILAN_DESTROYED = "bilan.destroyed"
    SUBJECT_ERASED = "subject.erased"
    INCIDENT_OPENED = "incident.opened"
    INCIDENT_CLOSED = "incident.closed"
    LOG_ACCESSED = "log.accessed"
    KEY_ROTATED = "key.rotated"
    SYSTEM_CONFIG = "system.config"


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened, before it has an id and a key. An absent field was not observed."""

    kind: Kind
    tenant: str
    body: Mapping[str, Any] = field(default_factory=dict)
    beneficiary: str | None = None
    bilan: str | None = None
    client: str | None = None
    counsellor: str | None = None
    consent: str | None = None
    consent_epoch: int | None = None
    prev: str | None = None


def record_of(fact: Fact, *, record_id: str, occurred_at: datetime) -> dict[str, Any]:
    """Return the private record (section 7.1); unknown members are left out, never invented."""
    record: dict[str, Any] = {
        "v": 1,
        "id": record_id,
        "kind": str(fact.kind),
        "occurred_at": rfc3339(occurred_at),
        "tenant": fact.tenant,
        "beneficiary": fact.beneficiary,
        "bilan": fact.bilan,
        "client": fact.client,
        "act": fact.counsellor,
        "consent": None
        if fact.consent is None
        else {"id": fact.consent, "epoch": fact.consent_epoch},
        "prev": fact.prev,
        # What was not observed is absent (I-4): a null would say that somebody looked.
        "body": {name: value for name, value in fact.body.items() if value is not None},
    }
    return {name: value for name, value in record.items() if value is not None}


def _derive(key: bytes, purpose: str, record_id: str) -> bytes:
    info = purpose.encode() + b"\x00" + record_id.encode()
    return HKDF(algorithm=SHA256(), length=32, salt=b"", info=info).derive(key)


def salt(key: bytes, record_id: str) -> bytes:
    """HKDF-SHA256 of the subject's key for the commitment's salt, 32 bytes (section 7.2)."""
    return _derive(key, "bct-salt/v1", record_id)


def encryption_key(key: bytes, record_id: str) -> bytes:
    """HKDF-SHA256 of the subject's key for the record's encryption, 32 bytes (section 7.2)."""
    return _derive(key, "bct-enc/v1", record_id)


def commitment(salted_by: bytes, record: Mapping[str, Any]) -> bytes:
    """HMAC-SHA256 over the canonical record, 32 bytes: what the public leaf commits to."""
    message = b"bct-record/v1\n" + canonical(dict(record))
    return hmac.new(salted_by, message, hashlib.sha256).digest()


def content_digest(key: bytes, content: bytes) -> str:
    """Bind content to a record by a keyed digest, 64 hexadecimal characters (I-2).

    A plain hash of a short line of a CV can be guessed back; this one only with the person's key.
    """
    bound = HKDF(algorithm=SHA256(), length=32, salt=b"", info=b"bct-digest/v1").derive(key)
    return hmac.new(bound, content, hashlib.sha256).hexdigest()
