"""`python -m gateway webhook replay`: what was given up is sent again; a slip is told in one line."""

import asyncio

import pytest

from gateway.__main__ import SERVICE
from gateway.app import create_app
from gateway.events.service import EventKind
from gateway.settings import Settings
from gateway.webhooks.service import disable
from keel.clock import utc_now
from keel.commands import REFUSED, main

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
URL = "https://hooks.centre.fr/"


@pytest.fixture
def parked(gateway_url, keys_dir, monkeypatch):
    """A delivery that was parked, on a platform that does not run."""
    monkeypatch.setenv("GATEWAY_DATABASE_URL", gateway_url)
    monkeypatch.setenv("GATEWAY_KEYS_DIR", str(keys_dir))

    async def park():
        app = create_app(Settings.read())
        state = app.state
        async with state.database.begin() as session:
            tenant = (await state.tenants.create(session, "Centre", None)).tenant
            endpoint, _ = await state.webhook_endpoints.register(session, tenant, URL, None)
            await state.events.emit(session, tenant, EventKind.CONSENT_EXPIRED)
            await disable(session, endpoint, because="request", at=utc_now())
            endpoint.enabled = True
        await state.database.close()
        return endpoint

    return asyncio.run(park())


def operator(capsys, *verb):
    status = main(SERVICE, ["webhook", "replay", *verb])
    told = capsys.readouterr()
    return status, told.out, told.err


def test_what_was_parked_for_an_endpoint_is_due_again(parked, capsys):
    assert operator(capsys, "--endpoint", parked.id)[:2] == (0, '{"replayed": 1}\n')
    assert operator(capsys, "--endpoint", parked.id)[:2] == (1, '{"replayed": 0}\n')


@pytest.mark.parametrize("verb", [("--endpoint", "whk_1"), ("--delivery", "' or 1=1"), ("--endpoint", "whk_01M83KWZ52NZMF5C32BZ8ZX74T", "--since", "yesterday")])  # fmt: skip
def test_a_slip_is_told_in_one_line(parked, capsys, verb):
    status, out, told = operator(capsys, *verb)
    assert (status, out, told.count("\n")) == (REFUSED, "", 1)
    assert "body." in told
