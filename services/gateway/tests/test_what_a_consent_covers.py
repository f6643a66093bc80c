"""Coverage: purpose, data categories, recipient and places, each in one grant (profile section 4)."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.consents.rules import (
    Asked,
    ConsentStatus,
    Decision,
    Held,
    Narrower,
    Refusal,
    all_uncovered,
    coverage_refusal,
    decided,
    narrowed,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRANT = {
    "purpose": "analysis",
    "data_categories": ["cv", "notes"],
    "recipients": ["rcp_a"],
    "jurisdictions": ["FR", "EEA"],
    "decision": "granted",
}
ASKED = Asked("analysis", frozenset({"cv"}), "rcp_a", frozenset({"DE"}))
HELD = Held(ConsentStatus.AUTHORISED, 1, NOON + timedelta(days=1), [GRANT])


def refusal(asked=ASKED, held=HELD, epoch=1, at=NOON, details=(GRANT,)):
    found = coverage_refusal(asked, held, epoch=epoch, at=at, details=details)
    return None if found is None else found.refusal


def test_a_call_within_one_grant_is_covered():
    assert refusal() is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"asked": Asked("drafting", frozenset({"cv"}), "rcp_a", frozenset({"FR"}))}, Refusal.PURPOSE),
        ({"asked": Asked("analysis", frozenset({"cv", "tests"}), "rcp_a", frozenset({"FR"}))}, Refusal.CATEGORY),
        ({"asked": Asked("analysis", None, "rcp_a", frozenset({"FR"}))}, Refusal.CATEGORY),
        ({"asked": Asked("analysis", frozenset({"cv"}), "rcp_b", frozenset({"FR"}))}, Refusal.RECIPIENT),
        ({"asked": Asked("analysis", frozenset({"cv"}), "rcp_a", frozenset({"US"}))}, Refusal.JURISDICTION),
        ({"asked": Asked("analysis", frozenset({"cv"}), "rcp_a", frozenset())}, Refusal.JURISDICTION),
        ({"epoch": 2}, Refusal.STALE),
        ({"at": NOON + timedelta(days=1)}, Refusal.EXPIRED),
        ({"held": Held(ConsentStatus.REVOKED, 2, NOON, [GRANT])}, Refusal.REVOKED),
        ({"held": Held(ConsentStatus.AWAITING, 1, NOON + timedelta(days=1), [GRANT])}, Refusal.NOT_AUTHORISED),
        ({"held": Held(ConsentStatus.AUTHORISED, 1, NOON + timedelta(days=1), [{**GRANT, "decision": "refused"}])}, Refusal.PURPOSE),
        ({"held": Held(ConsentStatus.AUTHORISED, 1, NOON + timedelta(days=1), [{**GRANT, "decision": "withdrawn"}])}, Refusal.PURPOSE),
        ({"held": Held(ConsentStatus.AUTHORISED, 1, NOON + timedelta(days=1), [{**GRANT, "decision": "superseded"}])}, Refusal.PURPOSE),
        ({"held": Held(ConsentStatus.SUPERSEDED, 1, NOON + timedelta(days=1), [GRANT])}, Refusal.NOT_AUTHORISED),
        ({"details": ()}, Refusal.PURPOSE),
    ],
    ids=[
        "another purpose", "a category more", "unclassified data", "another recipient",
        "a place outside", "no place known", "an older token", "at the last instant",
        "withdrawn, even when expired too", "not answered yet", "refused",
        "one purpose withdrawn", "one purpose decided anew", "replaced by a newer one", "a narrower token",
    ],
)  # fmt: skip
def test_anything_outside_is_refused_and_named(change, expected):
    assert refusal(**change) is expected


def test_everything_that_one_grant_lacks_is_named_in_the_order_of_the_gate():
    asked = Asked("analysis", frozenset({"cv", "tests"}), "rcp_b", frozenset({"US"}))
    missing = all_uncovered(asked, [GRANT])
    assert [(m.refusal, m.missing) for m in missing] == [
        (Refusal.CATEGORY, ("tests",)),
        (Refusal.RECIPIENT, ("rcp_b",)),
        (Refusal.JURISDICTION, ("US",)),
    ]


def test_two_grants_are_never_added_up():
    elsewhere = {**GRANT, "recipients": ["rcp_b"], "data_categories": ["tests"]}
    both = Held(ConsentStatus.AUTHORISED, 1, NOON + timedelta(days=1), [GRANT, elsewhere])
    asked = Asked("analysis", frozenset({"tests"}), "rcp_a", frozenset({"FR"}))
    assert refusal(asked, both, details=(GRANT, elsewhere)) is Refusal.CATEGORY


def test_what_was_not_answered_is_refused():
    grants = decided([GRANT, {**GRANT, "purpose": "drafting"}], {"analysis": Decision.GRANTED})
    assert [g["decision"] for g in grants] == ["granted", "refused"]


def test_grants_that_share_nothing_give_a_token_for_neither():
    grants = [
        {"purpose": p, "data_categories": [c], "recipients": ["rcp_a"], "jurisdictions": ["FR"],
         "decision": "granted"}
        for p, c in (("analysis", "cv"), ("drafting", "notes"))
    ]  # fmt: skip
    asked = Narrower(purposes=frozenset({"analysis"}), data_categories=frozenset({"notes"}))
    kept, beyond = narrowed(grants, asked)
    assert (kept, beyond.refusal, beyond.missing) == ([], Refusal.CATEGORY, ("notes",))
