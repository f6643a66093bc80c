"""A pass lets in one call, to one service, for one operation, within a minute."""

from datetime import UTC, datetime, timedelta

import pytest

from keel.passes import Admission, PassMint, PassRefused
from keel.tokens import PublicKeys, SigningKey

KEY = SigningKey.generate()
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def admission(service="reports", at=NOON):
    return Admission(service, PublicKeys.of(KEY), now=lambda: at)


def a_pass(service="reports", operation="read_report", **named):
    mint = PassMint(KEY, now=lambda: NOON)
    return "Bearer " + mint.mint(service, operation, tenant="tnt_1", bilan="bil_1", **named)


def test_it_says_whom_the_call_is_about():
    admitted = admission().admit(a_pass(purpose="drafting", record="rec_1"), "read_report")
    assert (admitted.tenant, admitted.subject_bilan) == ("tnt_1", "bil_1")
    assert (admitted.purpose, admitted.record, admitted.beneficiary) == ("drafting", "rec_1", None)


@pytest.mark.parametrize(
    ("header", "door", "operation"),
    [
        (None, admission(), "read_report"),
        ("", admission(), "read_report"),
        ("Bearer", admission(), "read_report"),
        ("Basic " + a_pass()[7:], admission(), "read_report"),
        (a_pass("anonymizer"), admission(), "read_report"),
        (a_pass(operation="sign_off"), admission(), "read_report"),
        (a_pass(), admission(at=NOON + timedelta(seconds=60)), "read_report"),
        (a_pass(), admission(at=NOON - timedelta(seconds=31)), "read_report"),
        ("Bearer " + PassMint(SigningKey.generate()).mint("reports", "read_report", tenant="t"), admission(), "read_report"),
    ],
    ids=["none", "empty", "no token", "another scheme", "another service", "another operation", "too late", "too early", "a stranger's"],
)  # fmt: skip
def test_anything_else_is_refused(header, door, operation):
    with pytest.raises(PassRefused):
        door.admit(header, operation)


def test_it_is_used_once():
    door, header = admission(), a_pass()
    door.admit(header, "read_report")
    with pytest.raises(PassRefused):
        door.admit(header, "read_report")


def test_an_operation_about_a_bilan_refuses_a_pass_that_names_none():
    mint = PassMint(KEY, now=lambda: NOON).mint("reports", "read_report", tenant="tnt_1")
    admitted = admission().admit(f"Bearer {mint}", "read_report")
    with pytest.raises(PassRefused):
        _ = admitted.subject_bilan


def test_a_pass_knows_only_the_names_that_it_has():
    with pytest.raises(TypeError):
        a_pass(colour="red")
