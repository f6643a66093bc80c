"""What a person may ask to stop, and on which ground (GDPR 18 and 21; LR-E05)."""

from collections.abc import Iterable
from enum import StrEnum


class RestrictionKind(StrEnum):
    """`restriction` stops all processing but storage; `objection` stops every use of AI."""

    RESTRICTION = "restriction"
    OBJECTION = "objection"


class Side(StrEnum):
    """Who imposed or lifted it: the person on their own page, or their centre for them."""

    BENEFICIARY = "beneficiary"
    TENANT = "tenant"


class Ground(StrEnum):
    """Why: GDPR 18(1)(a) to (d), and 21(1)."""

    ACCURACY_CONTESTED = "accuracy_contested"
    UNLAWFUL_PROCESSING = "unlawful_processing"
    LEGAL_CLAIMS = "legal_claims"
    OBJECTION_PENDING = "objection_pending"
    PARTICULAR_SITUATION = "particular_situation"


def may_lift(side: str, imposed_by: str) -> bool:
    """Say whether a side may lift what `imposed_by` imposed: nobody lifts for the person."""
    return side == Side.BENEFICIARY or imposed_by == Side.TENANT


_GROUNDS = {
    RestrictionKind.OBJECTION: frozenset({Ground.PARTICULAR_SITUATION}),
    RestrictionKind.RESTRICTION: frozenset(Ground) - {Ground.PARTICULAR_SITUATION},
}


def grounds_of(kind: RestrictionKind) -> frozenset[Ground]:
    """Return the grounds that the law knows for this kind."""
    return _GROUNDS[kind]


def stops(kinds: Iterable[str], *, ai: bool) -> RestrictionKind | None:
    """Say which standing restriction stops an operation; None when it may go on."""
    standing = set(kinds)
    if RestrictionKind.RESTRICTION in standing:
        return RestrictionKind.RESTRICTION
    if ai and RestrictionKind.OBJECTION in standing:
        return RestrictionKind.OBJECTION
    return None
