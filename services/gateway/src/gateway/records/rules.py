"""A transparency record: its canonical form, its keys, its commitment (profile section 7).

No prompt, no output, no name, no free text: reasons are codes, content is bound by keyed digests.
"""

import calendar
import hashlib
import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keel.clock import rfc3339

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


SCHEMA_VERSION = "1.0.0"
"""Of the published schema (`docs/schemas/`) that every record is written against."""


class Actor(StrEnum):
    """Who acts in a record; an operator is none of them, and is left out (`withdrawn_by` says)."""

    COUNSELLOR = "conseiller"
    BENEFICIARY = "beneficiaire"
    SYSTEM = "systeme"
    SOFTWARE = "integrateur"


class Phase(StrEnum):
    """Where a record stands to the call of a model that it is about."""

    PRE_CALL = "pre_call"
    POST_CALL = "post_call"
    CONCURRENT = "concurrent"


class Retention(StrEnum):
    """How long a record is kept (`transparency-record.md` section 4.11)."""

    TWELVE_MONTHS = "std_12m"
    SIX_MONTHS = "min_6m"
    THIRTY_SIX_MONTHS = "control_36m"
    LEGAL_HOLD = "legal_hold"


_MONTHS = {
    Retention.TWELVE_MONTHS: 12,
    Retention.SIX_MONTHS: 6,
    Retention.THIRTY_SIX_MONTHS: 36,
}

_EVENT_TYPES: Mapping[Kind, str] = {
    Kind.CONSENT_AUTHORISED: "consent.granted",
    Kind.CONSENT_REVOKED: "consent.withdrawn",
    Kind.CONSENT_EXPIRED: "consent.expired",
    Kind.AI_DISPATCH: "ai.request.accepted",
    Kind.GATE_REFUSED: "ai.request.refused",
    Kind.AI_RESULT: "ai.generation.completed",
    Kind.AI_ERROR: "ai.generation.failed",
    Kind.AI_MARKED: "ai.output.marked",
    Kind.DISCLOSURE_SHOWN: "ai.disclosure.shown",
    Kind.HUMAN_REVIEW: "ai.output.reviewed",
    Kind.OUTPUT_SHARED: "ai.output.shared",
    Kind.OUTPUT_CONTESTED: "ai.output.contested",
    Kind.SUBJECT_ERASED: "beneficiary.key.destroyed",
    Kind.INCIDENT_OPENED: "incident.opened",
    Kind.INCIDENT_CLOSED: "incident.closed",
    Kind.LOG_ACCESSED: "log.accessed",
    Kind.SYSTEM_CONFIG: "system.version.changed",
}
_PHASES: Mapping[Kind, Phase] = {
    Kind.AI_DISPATCH: Phase.PRE_CALL,
    Kind.GATE_REFUSED: Phase.PRE_CALL,
    Kind.AI_RESULT: Phase.POST_CALL,
    Kind.AI_ERROR: Phase.POST_CALL,
    Kind.AI_CANCELLED: Phase.POST_CALL,
    Kind.AI_MARKED: Phase.POST_CALL,
    Kind.HUMAN_REVIEW: Phase.POST_CALL,
    Kind.OUTPUT_SHARED: Phase.POST_CALL,
    Kind.OUTPUT_CONTESTED: Phase.POST_CALL,
}


def event_types() -> Collection[str]:
    """Return the names of `transparency-record.md` section 3, of those kinds that have one."""
    return _EVENT_TYPES.values()


OF_THE_USE = frozenset(
    {
        "trace_id", "system_id", "system_version", "intended_purpose_ref", "provider_party",
        "deployer_party", "bilan_phase", "use_case_id", "use_case_version", "purpose_code",
        "legal_basis", "special_category_basis", "consent_scopes_required",
        "consent_scopes_present", "consent_checked_at", "necessity_code", "routing_decision",
        "oversight_level", "risk_class", "classification_record_ref", "dpia_ref", "ropa_ref",
    }
)  # fmt: skip
"""What every record of one use of AI says alike (M in section 4): those that come after the first
take it from there, so that a life cycle has one trace and no record says more than was seen."""

OF_THIS_RECORD = frozenset(
    {
        "schema_version", "event_type", "phase", "actor_type", "retention_class", "erase_after",
        "refusals_since_last", "ended_at",
    }
)  # fmt: skip
"""What a record says of itself: no other takes it over."""


def erase_after(occurred_at: datetime, retention_class: str) -> date | None:
    """Return the last day on which a record of this class is kept; None under a legal hold.

    In calendar months of UTC, from the day on which it was written: a record of 31 August that is
    kept for six months is kept to the end of 28 February (I-14).
    """
    months = _MONTHS.get(Retention(retention_class))
    if months is None:
        return None
    day = occurred_at.date()
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return day.replace(
        year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1])
    )


def kept_since(today: date, retention_class: str) -> date | None:
    """Return the first day whose records are still kept today; None when all of them are.

    A record of any earlier day is due: `erase_after` of it is past.
    """
    months = _MONTHS.get(Retention(retention_class))
    if months is None:
        return None
    day = datetime.combine(today - timedelta(days=31 * months), time(), UTC)
    while (last := erase_after(day, retention_class)) is not None and last < today:
        day += timedelta(days=1)
    return day.date()


def of_the_use(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a record says of a use of AI that is as true of what comes after it."""
    return {name: value for name, value in body.items() if name in OF_THE_USE}


def of_the_call(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a pre-call record says of its call, for the record that completes it."""
    return {name: value for name, value in body.items() if name not in OF_THIS_RECORD}


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
    actor: Actor | None = None
    """Who acted; None: the counsellor or the software that the members above name, if any."""


def _actor(fact: Fact) -> Actor | None:
    if fact.actor is not None:
        return fact.actor
    if fact.counsellor is not None:
        return Actor.COUNSELLOR
    return Actor.SOFTWARE if fact.client else None


def _about_itself(
    fact: Fact, occurred_at: datetime, trace_id: str | None, kept: Retention
) -> dict[str, Any]:
    """Return what a record says of itself, whatever it is about; the fact itself says more."""
    until, actor = erase_after(occurred_at, kept), _actor(fact)
    return {
        "schema_version": SCHEMA_VERSION,
        "event_type": _EVENT_TYPES.get(fact.kind),
        "phase": _PHASES.get(fact.kind),
        "trace_id": trace_id,
        "actor_type": None if actor is None else str(actor),
        "retention_class": str(kept),
        "erase_after": None if until is None else until.isoformat(),
    }


def _consent(fact: Fact) -> dict[str, Any] | None:
    if fact.consent is None:
        return None
    epoch = {} if fact.consent_epoch is None else {"epoch": fact.consent_epoch}
    return {"id": fact.consent, **epoch}


def record_of(
    fact: Fact,
    *,
    record_id: str,
    occurred_at: datetime,
    trace_id: str | None = None,
    kept: Retention = Retention.TWELVE_MONTHS,
) -> dict[str, Any]:
    """Return the private record (section 7.1); unknown members are left out, never invented."""
    body = {**_about_itself(fact, occurred_at, trace_id, kept), **fact.body}
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
        "consent": _consent(fact),
        "prev": fact.prev,
        # What was not observed is absent (I-4): a null would say that somebody looked.
        "body": {name: value for name, value in body.items() if value is not None},
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


def commitment(salted_by: bytes, text: bytes) -> bytes:
    """HMAC-SHA256 over a record's canonical form, 32 bytes: what the public leaf commits to."""
    return hmac.new(salted_by, b"bct-record/v1\n" + text, hashlib.sha256).digest()


def content_digest(key: bytes, content: bytes) -> str:
    """Bind content to a record by a keyed digest, 64 hexadecimal characters (I-2).

    A plain hash of a short line of a CV can be guessed back; this one only with the person's key.
    """
    bound = HKDF(algorithm=SHA256(), length=32, salt=b"", info=b"bct-digest/v1").derive(key)
    return hmac.new(bound, content, hashlib.sha256).hexdigest()
