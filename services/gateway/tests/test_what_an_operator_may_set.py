"""Settings and key files that the profile does not allow stop the start, with the reason."""

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.keyring import Keyring
from gateway.settings import Settings
from keel.sealing import KeyFileRefused
from keel.settings import SettingsRefused


def read(**changed):
    return Settings.read(database_url="sqlite+aiosqlite://", keys_dir=Path("keys"), **changed)


@pytest.mark.parametrize(
    ("setting", "longest"),
    [
        ("access_token_lifetime", timedelta(seconds=900)),
        ("consent_token_lifetime", timedelta(seconds=600)),
        ("consent_validity", timedelta(days=366)),
        ("ceremony_validity", timedelta(days=7)),
        ("page_session", timedelta(minutes=15)),
    ],
)
def test_a_duration_of_the_profile_may_be_shorter_and_never_longer(setting, longest):
    assert getattr(read(**{setting: longest}), setting) == longest
    for wrong in (longest + timedelta(seconds=1), timedelta(), timedelta(milliseconds=500)):
        with pytest.raises(SettingsRefused, match=setting.upper()):
            read(**{setting: wrong})


@pytest.mark.parametrize("setting", ["attempt_deadline", "sequencer_interval"])
def test_no_wait_is_nothing_or_less(setting):
    with pytest.raises(SettingsRefused, match=setting.upper()):
        read(**{setting: timedelta()})


@pytest.mark.parametrize("setting", ["max_document_bytes", "max_body_bytes"])
def test_no_cap_is_nothing_or_less(setting):
    with pytest.raises(SettingsRefused, match=setting.upper()):
        read(**{setting: 0})


@pytest.mark.parametrize("name", ["access.pem", "pass.pem", "log.pem", "gateway.kek"])
def test_a_key_that_everybody_can_open_is_not_used(keys_dir, name):
    (keys_dir / name).chmod(0o640)
    Keyring.open(keys_dir)
    (keys_dir / name).chmod(0o644)
    with pytest.raises(KeyFileRefused, match=rf"{name} is open to everybody"):
        Keyring.open(keys_dir)
