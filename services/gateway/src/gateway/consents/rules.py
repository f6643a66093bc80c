"""What is true about consent, with no clock, no database and no HTTP in sight."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

EEA = frozenset(
    (
        "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE",
        "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
    )
)  # fmt: skip


class ConsentStatus(StrEnum):
    """The states of a consent (profile section 2.1)."""

    AWAITING = "awaiting"
    AUTHORISED = "authorised"
    REJECTED = "rejected"
    LAPSED = "lapsed"
    CANCELLED = "cancelled"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"


class Decision(StrEnum):
    """What the beneficiary said to one purpose."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """Granted first, and taken back since."""


ANSWERS = frozenset((Decision.GRANTED, Decision.REFUSED))
"""What can be answered to a question; the other comes later."""


class Refusal(StrEnum):
    """Why a call is not covered, in the order in which it is looked at."""

    BINDING = "consent_binding"
    NOT_AUTHORISED = "consent_not_authorised"
    REVOKED = "consent_revoked"
    EXPIRED = "consent_expired"
    STALE = "consent_stale"
    PURPOSE = "purpose_not_covered"
    CATEGORY = "category_not_covered"
    RECIPIENT = "recipient_not_covered"
    JURISDICTION = "jurisdiction_not_covered"


@dataclass(frozen=True, slots=True)
class Held:
    """A consent row, as the gate reads it under its lock."""

    status: ConsentStatus
    epoch: int
    expires_at: datetime
    grants: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation: what it is for, on what, by whom, where. `None` categories: all of them."""

    purpose: str
    data_categories: frozenset[str] | None
    recipient: str
    jurisdictions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Uncovered:
    """A refusal and the missing item."""

    refusal: Refusal
    missing: tuple[str, ...] = ()


def row_refusal(held: Held, *, epoch: int, at: datetime) -> Refusal | None:
    """Say why the row permits nothing at the instant `at`; None when it stands.

    Withdrawal outranks expiry: the beneficiary's own act is the reason that they are owed
    (GDPR art. 7(3)).
    """
    if held.status is ConsentStatus.REVOKED:
        return Refusal.REVOKED
    if held.status is ConsentStatus.EXPIRED:
        return Refusal.EXPIRED
    if held.status is not ConsentStatus.AUTHORISED:
        return Refusal.NOT_AUTHORISED
    if at >= held.expires_at:  # no job needs to run for an expiry to take effect
        return Refusal.EXPIRED
    if held.epoch != epoch:
        return Refusal.STALE
    return None


def uncovered(asked: Asked, grants: Iterable[Mapping[str, Any]]) -> Uncovered | None:
    """Say what no single grant covers; None when one covers it all (profile section 4)."""
    for_purpose = [
        g
        for g in grants
        if g["purpose"] == asked.purpose and g.get("decision", Decision.GRANTED) == Decision.GRANTED
    ]
    if not for_purpose:
        return Uncovered(Refusal.PURPOSE, (asked.purpose,))
    misses = [_missing(asked, grant) for grant in for_purpose]
    return None if None in misses else misses[0]


def _missing(asked: Asked, grant: Mapping[str, Any]) -> Uncovered | None:
    if asked.data_categories is None:
        return Uncovered(Refusal.CATEGORY, ("unclassified",))
    categories = asked.data_categories - set(grant["data_categories"])
    if categories:
        return Uncovered(Refusal.CATEGORY, tuple(sorted(categories)))
    if asked.recipient not in grant["recipients"]:
        return Uncovered(Refusal.RECIPIENT, (asked.recipient,))
    allowed = set(grant["jurisdictions"])
    if "EEA" in allowed:
        allowed |= EEA
    places = asked.jurisdictions - allowed
    if places or not asked.jurisdictions:
        return Uncovered(Refusal.JURISDICTION, tuple(sorted(places)) or ("unknown",))
    return None


def coverage_refusal(
    asked: Asked,
    held: Held,
    *,
    epoch: int,
    at: datetime,
    details: Iterable[Mapping[str, Any]],
) -> Uncovered | None:
    """Apply the whole test of the gate: the row stands, and covers; and the token does too."""
    standing = row_refusal(held, epoch=epoch, at=at)
    if standing is not None:
        return Uncovered(standing)
    return uncovered(asked, held.grants) or uncovered(asked, details)


def decided(
    grants: Sequence[Mapping[str, Any]], decisions: Mapping[str, Decision]
) -> list[dict[str, Any]]:
    """Return the grants with the beneficiary's decisions; what was not decided is refused."""
    return [
        {**grant, "decision": str(decisions.get(grant["purpose"], Decision.REFUSED))}
        for grant in grants
    ]


def granted(grants: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the granted grants only."""
    return [dict(g) for g in grants if g.get("decision") == Decision.GRANTED]
