"""The checker accepts what a gate that holds can do, and names each thing that it cannot."""

import pytest


@pytest.fixture
def h(beside):
    return beside("history")


@pytest.fixture
def good(h):
    """Let out, received, withdrawn while the model worked, cancelled."""
    return [
        h.Logged(0, "rec_1", "consent.authorised", "cns_1"),
        h.Logged(1, "rec_2", "ai.dispatch", "cns_1"),
        h.Received("rec_2", 10.0),
        h.Logged(2, "rec_3", "consent.revoked", "cns_1"),
        h.Acknowledged("cns_1", 10.1),
        h.Logged(3, "rec_4", "ai.cancelled", "cns_1", "rec_2"),
    ]


def test_a_call_that_was_under_way_and_cancelled_is_no_fault(h, good):
    assert h.violations(good) == []


def test_bytes_that_were_let_out_before_may_arrive_after_and_how_late_is_told(h, good):
    assert h.lateness(good) == []
    good[2] = h.Received("rec_2", 10.25)
    assert h.violations(good) == []
    assert h.lateness(good) == pytest.approx([0.15])


def test_another_consent_is_another_story(h, good):
    other = [
        h.Logged(5, "rec_7", "ai.dispatch", "cns_2"),
        h.Received("rec_7", 11.0),
        h.Logged(6, "rec_8", "ai.result", "cns_2", "rec_7"),
        h.Delivered("rec_7", 11.1),
    ]
    assert h.violations(good + other) == []


def test_a_gate_that_checks_outside_its_transaction_is_caught(h, good):
    """It read the consent, the withdrawal committed, and only then it wrote: the log tells."""
    bad = [
        *good,
        h.Logged(4, "rec_5", "ai.dispatch", "cns_1"),
        h.Received("rec_5", 10.2),
        h.Logged(5, "rec_6", "ai.cancelled", "cns_1", "rec_5"),
    ]
    assert h.violations(bad) == [
        "ai.dispatch of cns_1 at 4, after its consent.revoked at 2",
        "rec_5 reached the model and started at 4, after the withdrawal of cns_1 at 2",
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda h, good: [e for e in good if not isinstance(e, h.Logged) or e.kind != "ai.dispatch"], "no ai.dispatch says so"),
        (lambda h, good: [*good, h.Received("rec_2", 10.05)], "2 times on one pass"),
        (lambda _h, good: good[:-1], "rec_2 has 0 closing records"),
        (lambda h, good: [*good, h.Logged(4, "rec_5", "ai.error", "cns_1", "rec_2")], "rec_2 has 2 closing records"),
        (lambda h, good: [*good[:-1], h.Logged(3, "rec_4", "ai.result", "cns_1", "rec_2")], "ai.result of cns_1 at 3, after"),
        (lambda h, good: [e for e in good if not isinstance(e, h.Logged) or e.kind != "consent.revoked"], "is not in the log"),
        (lambda h, good: [*good[:3], h.Logged(2, "rec_4", "ai.result", "cns_1", "rec_2"), h.Logged(3, "rec_3", "consent.revoked", "cns_1"), good[4], h.Delivered("rec_2", 12.0)], "was delivered long after"),
        (lambda h, good: [*good, h.Delivered("rec_9", 9.0)], "rec_9 was delivered and no ai.dispatch"),
        (lambda h, good: [*good, h.Delivered("rec_2", 10.0)], "rec_2 was delivered and no ai.result"),
    ],
    ids=["no record", "a pass used twice", "no end", "two ends", "a late result", "a lost withdrawal", "a late delivery", "out of nowhere", "what was cancelled"],
)  # fmt: skip
def test_each_thing_that_cannot_have_been_is_named(h, good, change, said):
    found = h.violations(change(h, good))
    assert any(said in violation for violation in found), found
