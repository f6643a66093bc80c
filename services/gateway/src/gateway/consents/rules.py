"""What is true about consent, with no clock, no database and no HTTP in sight."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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


class EndReason(StrEnum):
    """Why a consent ended, or why it was never given; the words people read are published."""

    REFUSED = "refused"
    LAPSED = "lapsed"
    CANCELLED_BY_TENANT = "cancelled_by_tenant"
    WITHDRAWN_BY_BENEFICIARY = "withdrawn_by_beneficiary"
    WITHDRAWN_BY_COUNSELLOR = "withdrawn_by_counsellor"
    WITHDRAWN_BY_TENANT = "withdrawn_by_tenant"
    WITHDRAWN_BY_OPERATOR = "withdrawn_by_operator"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    ERASED = "erased"
    BILAN_CLOSED = "bilan_closed"


class Method(StrEnum):
    """How a decision came to us (profile section 2.2)."""

    PAGE = "hosted_page"
    PAGE_AND_CODE = "hosted_page+code"
    ATTESTED = "counsellor_attested"


class Decision(StrEnum):
    """What was said to one purpose: by the beneficiary, or by a later act of theirs."""

    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """Granted first, and taken back since."""
    SUPERSEDED = "superseded"
    """Granted first, and decided again in a newer consent, whose decision counts."""


ANSWERS = frozenset((Decision.GRANTED, Decision.REFUSED))
"""What can be answered to a question; the other two come later."""


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
    """A refusal and the missing items."""

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
    missing = all_uncovered(asked, grants)
    return missing[0] if missing else None


def all_uncovered(asked: Asked, grants: Iterable[Mapping[str, Any]]) -> tuple[Uncovered, ...]:
    """Say everything that no single grant covers, in the order in which the gate looks.

    Without a grant for the purpose all of it would have to be asked for: all of it is named.
    """
    for_purpose = [
        g
        for g in grants
        if g["purpose"] == asked.purpose and g.get("decision", Decision.GRANTED) == Decision.GRANTED
    ]
    if not for_purpose:
        nothing = {"data_categories": (), "recipients": (), "jurisdictions": ()}
        return Uncovered(Refusal.PURPOSE, (asked.purpose,)), *_missing(asked, nothing)
    return min((_missing(asked, grant) for grant in for_purpose), key=len)


def _missing(asked: Asked, grant: Mapping[str, Any]) -> tuple[Uncovered, ...]:
    categories = (
        {"unclassified"}
        if asked.data_categories is None
        else asked.data_categories - set(grant["data_categories"])
    )
    recipients = {asked.recipient} - set(grant["recipients"])
    places = asked.jurisdictions - _places(grant["jurisdictions"])
    if not asked.jurisdictions:
        places = frozenset(("unknown",))
    found = (
        (Refusal.CATEGORY, categories),
        (Refusal.RECIPIENT, recipients),
        (Refusal.JURISDICTION, places),
    )
    return tuple(Uncovered(refusal, tuple(sorted(items))) for refusal, items in found if items)


def _places(jurisdictions: Iterable[str]) -> frozenset[str]:
    """Return the places named; the EEA names its members too."""
    named = frozenset(jurisdictions)
    return named | EEA if "EEA" in named else named


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


Explicit = Mapping[str, Mapping[str, Decision]]
"""The separate acts of GDPR art. 9: purpose, then special category, then what was said to it."""


def is_special(category: str) -> bool:
    """Say whether a data category is one of GDPR art. 9."""
    return category.startswith("special.")


def special_granted(grants: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the special categories that some grant allows by an explicit act (GDPR art. 9)."""
    allowed = {
        category
        for grant in grants
        if grant.get("decision") == Decision.GRANTED and grant.get("explicit")
        for category in grant["data_categories"]
        if is_special(category)
    }
    return tuple(sorted(allowed))


def explicit_asked(grants: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return each purpose and special category that needs an act of its own, as asked."""
    return [
        (grant["purpose"], category)
        for grant in grants
        for category in grant["data_categories"]
        if is_special(category)
    ]


def decided(
    grants: Sequence[Mapping[str, Any]],
    decisions: Mapping[str, Decision],
    explicit: Explicit | None = None,
) -> list[dict[str, Any]]:
    """Return the grants with the beneficiary's decisions; what was not decided is refused.

    A special category that was not granted by its own act is left out of its grant (GDPR art. 9,
    2, a); a grant of which nothing is left is refused.
    """
    return [_decided(g, decisions.get(g["purpose"]), (explicit or {})) for g in grants]


def _decided(
    grant: Mapping[str, Any], decision: Decision | None, explicit: Explicit
) -> dict[str, Any]:
    acts = explicit.get(grant["purpose"], {})
    kept = [
        c for c in grant["data_categories"] if not is_special(c) or acts.get(c) is Decision.GRANTED
    ]
    if decision is not Decision.GRANTED or not kept:
        return {**grant, "decision": str(Decision.REFUSED)}
    return {**grant, "data_categories": kept, "decision": str(Decision.GRANTED)}


def granted(grants: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the granted grants only."""
    return [dict(g) for g in grants if g.get("decision") == Decision.GRANTED]


def without(
    grants: Sequence[Mapping[str, Any]], purposes: Iterable[str], because: Decision
) -> list[dict[str, Any]]:
    """Return the grants with what was granted for `purposes` taken away."""
    gone = set(purposes)
    return [
        {**g, "decision": str(because)}
        if g["purpose"] in gone and g.get("decision") == Decision.GRANTED
        else dict(g)
        for g in grants
    ]


@dataclass(frozen=True, slots=True)
class Narrower:
    """What a token is to be limited to; None leaves a side as wide as the consent."""

    purposes: frozenset[str] | None = None
    data_categories: frozenset[str] | None = None
    recipients: frozenset[str] | None = None
    jurisdictions: frozenset[str] | None = None


def narrowed(
    grants: Sequence[Mapping[str, Any]], to: Narrower
) -> tuple[list[dict[str, Any]], Uncovered | None]:
    """Return the granted grants within `to`, and what of `to` no grant holds.

    A grant of which one side is left empty permits nothing and is left out.
    """
    chosen = [g for g in granted(grants) if to.purposes is None or g["purpose"] in to.purposes]
    sides = (
        (Refusal.PURPOSE, to.purposes, {g["purpose"] for g in chosen}),
        (Refusal.CATEGORY, to.data_categories, _all(chosen, "data_categories")),
        (Refusal.RECIPIENT, to.recipients, _all(chosen, "recipients")),
        (Refusal.JURISDICTION, to.jurisdictions, _places(_all(chosen, "jurisdictions"))),
    )
    for refusal, wanted, held in sides:
        beyond = (wanted or frozenset()) - held
        if beyond:
            return [], Uncovered(refusal, tuple(sorted(beyond)))
    kept = [_within(grant, to) for grant in chosen]
    return [
        g for g in kept if g["data_categories"] and g["recipients"] and g["jurisdictions"]
    ], None


def _all(grants: Iterable[Mapping[str, Any]], side: str) -> frozenset[str]:
    return frozenset(item for grant in grants for item in grant[side])


def _within(grant: Mapping[str, Any], to: Narrower) -> dict[str, Any]:
    kept = dict(grant)
    if to.data_categories is not None:
        kept["data_categories"] = [c for c in grant["data_categories"] if c in to.data_categories]
    if to.recipients is not None:
        kept["recipients"] = [r for r in grant["recipients"] if r in to.recipients]
    if to.jurisdictions is not None:
        kept["jurisdictions"] = sorted(to.jurisdictions & _places(grant["jurisdictions"]))
    return kept


def twelve_months_after(at: datetime) -> datetime:
    """Return the same day of the next year: the longest that a consent may last (section 2)."""
    try:
        return at.replace(year=at.year + 1)
    except ValueError:  # 29 February
        return at.replace(year=at.year + 1, day=28)


def end_of(at: datetime, *validity: timedelta | None) -> datetime:
    """Return when a consent given at `at` ends: the shortest of `validity`, twelve months at most.

    In whole seconds, as everybody is shown it.
    """
    ends = (at + length for length in validity if length is not None)
    return min(twelve_months_after(at), *ends).replace(microsecond=0)
