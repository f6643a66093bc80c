"""After an erasure no file holds a word of the person, nor a key of theirs; receipts still verify.

The search goes through every database file, write-ahead log, journal, temporary folder, key folder,
checkpoint copy and log output, for the planted words as UTF-8, UTF-16 and escaped JSON, and for the
keys as bytes, hexadecimal and base64.
"""

import base64
import hmac
import time

import pytest

from demo.centre import Refused
from demo.log_verifier import NotProved, VerifierKey, canonical, check_commitment, verify_receipt

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300), pytest.mark.full]
ON_BOTH = pytest.mark.parametrize(
    "installation",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)


def done(centre, destruction):
    until = time.monotonic() + 60
    while destruction["state"] != "done":
        assert time.monotonic() < until, destruction
        time.sleep(0.1)
        destruction = centre._get(f"/v1/destructions/{destruction['id']}")
    return destruction


def erase(played):
    asked = played.centre._send("DELETE", f"/v1/beneficiaries/{played.beneficiary}").json()
    return done(played.centre, asked)


def close(played):
    asked = {"outcome": "abandoned"}
    return done(played.centre, played.centre._create(f"/v1/bilans/{played.bilan}/closing", asked))


def receipts_of(played):
    records = played.centre.records(played.beneficiary)
    return {record["id"]: played.centre.record_receipt(record["id"]) for record in records}


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@ON_BOTH
def test_after_an_erasure_no_word_and_no_key_is_found_anywhere(installation, play_on, capsys):
    played, search = play_on(installation), installation.search
    keys = installation.learn_keys(played.bilan, played.beneficiary)
    assert {key.subject for key in keys} == {
        "gateway/content_keys", "gateway/record_keys", "anonymizer/content_keys",
        "reports/content_keys",
    }  # fmt: skip
    assert search.wrapped_keys().keys(), "the search finds keys that are there"
    assert search.planted() == {}, "nothing was ever stored in the clear"
    assert search.raw_keys() == {}
    before = receipts_of(played)
    key = VerifierKey.parse(played.centre.log_text("vkey"))
    assert len(before) > 8
    for receipt in before.values():
        verify_receipt(receipt, key)

    assert erase(played)["certificate"]["found_afterwards"] == 0
    at_once = search.wrapped_keys()
    assert search.planted() == {}
    assert search.raw_keys() == {}

    for record, old in before.items():
        receipt = played.centre.record_receipt(record)
        assert (receipt["salt"], receipt["record"]) == (None, None)
        assert receipt["leaf"] == old["leaf"]
        verify_receipt(receipt, key)
        verify_receipt(old, key)

    installation.maintain()
    assert search.wrapped_keys() == {}
    assert search.planted() == {}
    assert search.raw_keys() == {}
    with capsys.disabled():
        print(f"\nwrapped keys at once: {sum(at_once.values())} places; after maintenance: 0")  # noqa: T201 - a figure


@ON_BOTH
def test_after_a_closing_the_keys_of_its_content_are_gone(installation, play_on):
    played, search = play_on(installation), installation.search
    installation.learn_keys(played.bilan)
    assert close(played)["certificate"]["found_afterwards"] == 0
    assert search.planted() == {}
    assert search.raw_keys() == {}
    installation.maintain()
    assert search.wrapped_keys() == {}
    assert search.raw_keys() == {}


def test_on_sqlite_the_running_service_does_it_by_itself(on_sqlite, play_on, eventually):
    played, search = play_on(on_sqlite), on_sqlite.search
    on_sqlite.learn_keys(played.bilan, played.beneficiary)
    erase(played)
    eventually(lambda: not search.wrapped_keys(), seconds=60)


def test_a_platform_that_is_killed_after_an_erasure_shreds_at_its_next_start(on_sqlite, play_on):
    played, search = play_on(on_sqlite), on_sqlite.search
    on_sqlite.learn_keys(played.bilan, played.beneficiary)
    erase(played)
    on_sqlite.platform.stop(9)
    on_sqlite.platform.start()
    assert search.wrapped_keys() == {}
    assert on_sqlite.platform.operator("log", "audit")[0]["verdict"] == "consistent"


def test_no_temporary_file_is_left_and_the_labour_market_is_as_before(on_sqlite, play_on, tmp_path):
    market = on_sqlite.platform.data / "labour-market.sqlite3"
    before = market.read_bytes()
    files = {path.name for path in on_sqlite.platform.data.iterdir()}
    play_on(on_sqlite)
    assert market.read_bytes() == before
    assert list((tmp_path / "tmp").rglob("*")) == []
    assert {path.name for path in on_sqlite.platform.data.iterdir()} <= files


def test_whoever_holds_a_record_without_its_salt_confirms_nothing(on_sqlite, play_on):
    played = play_on(on_sqlite)
    before = receipts_of(played)
    erase(played)
    (kek,) = [p.read_bytes().strip() for p in on_sqlite.platform.data.rglob("gateway.kek")]
    for record, old in before.items():
        leaf, text = unpadded(old["leaf"]), canonical(dict(old["record"]))
        check_commitment(leaf, old["record"], unpadded(old["salt"]))  # with it, it is confirmed
        guesses = (
            b"", bytes(32), record.encode(), played.beneficiary.encode(), kek,
            hmac.digest(kek, record.encode(), "sha256"), hmac.digest(b"", text, "sha256"),
        )  # fmt: skip
        for guess in guesses:
            with pytest.raises(NotProved):
                check_commitment(leaf, old["record"], guess)
        assert played.centre.record_receipt(record)["salt"] is None
        with pytest.raises(Refused, match="410"):
            played.centre._get(f"/v1/records/{record}")
