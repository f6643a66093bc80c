"""Signing keys: by their dates, by hand, at once; two replicas on one folder of keys."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

import gateway.__main__ as command
from gateway import rotation
from gateway.app import create_app
from gateway.keyring import Keyring, Role, Use, key_files, write_signing
from gateway.operators.api import operator_app
from gateway.records.rules import DEPLOYMENT
from gateway.settings import Settings
from gateway.tables import Record
from keel.commands import main
from keel.passes import Admission, PassMint, PassRefused
from keel.tokens import SigningKey, TokenRefused

BEGIN = datetime(2026, 9, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
WITHIN = 1.0
"""Seconds in which every replica refuses a key that was taken away."""


@pytest.fixture
def folder(keys_dir):
    for use in Use:
        write_signing(keys_dir / f"{use}.pem", SigningKey.generate(), BEGIN, first_used_at=BEGIN)
    return keys_dir


def kid_of(folder, use, role):
    found = [file.kid for file in key_files(folder) if (file.use, file.role) == (use, role)]
    return found[0] if found else None


def until(condition, within=WITHIN):
    ends = time.monotonic() + within
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def knows(ring, kid):
    try:
        ring.find(kid)
    except TokenRefused:
        return False
    return True


@pytest.mark.parametrize("use", Use)
def test_run_every_day_it_publishes_a_day_before_use_and_changes_within_ninety_days(folder, use):
    current, seen = kid_of(folder, use, Role.CURRENT), {}
    for day in range(200):
        at = BEGIN + day * DAY
        for change in rotation.rotate(folder, at=at):
            if change.use is use:
                seen.setdefault(change.step, []).append((day, change))
        assert rotation.rotate(folder, at=at) == []  # the day's work is done once
    published, activated = seen["published"], seen["activated"]
    assert [day for day, _ in published] == [88, 177]
    assert [day for day, _ in activated] == [89, 178]
    assert [change.old for _, change in activated] == [current, activated[0][1].new]
    for (told, first), (used, second) in zip(published, activated, strict=True):
        assert first.new == second.new
        assert (used - told) * DAY >= rotation.LEAD
    deleted = [day for day, _ in seen.get("deleted", [])]
    assert deleted == ([] if use is Use.RECEIPT else [90, 179])


def test_an_old_key_verifies_until_its_last_token_is_over_and_an_hour_more(folder):
    old = kid_of(folder, Use.ACCESS, Role.CURRENT)
    rotation.rotate(folder, at=BEGIN + 88 * DAY)
    changed = BEGIN + 89 * DAY
    rotation.rotate(folder, at=changed)
    ring = Keyring.open(folder).access
    assert ring.kid != old
    over = changed + timedelta(seconds=900) + timedelta(hours=1)
    rotation.rotate(folder, at=over - timedelta(seconds=1))
    assert knows(Keyring.open(folder).access, old)
    rotation.rotate(folder, at=over)
    assert not knows(Keyring.open(folder).access, old)


def test_the_key_that_comes_is_published_and_does_not_sign_yet(folder):
    current = kid_of(folder, Use.ACCESS, Role.CURRENT)
    rotation.rotate(folder, at=BEGIN + 88 * DAY)
    keyring = Keyring.open(folder)
    following = kid_of(folder, Use.ACCESS, Role.NEXT)
    assert {current, following} <= {key["kid"] for key in keyring.published().to_jwks()["keys"]}
    assert keyring.access.kid == current


@pytest.mark.parametrize("steps", [1, 2])
def test_a_rotation_that_stopped_half_way_is_ended_by_the_next(folder, steps):
    rotation.rotate(folder, at=BEGIN + 88 * DAY)
    current, following = (kid_of(folder, Use.ACCESS, r) for r in (Role.CURRENT, Role.NEXT))
    (folder / "access.old-1800000000.pem").hardlink_to(folder / "access.pem")
    if steps == 2:
        key = next(f.key for f in key_files(folder) if f.kid == following)
        at = BEGIN + 89 * DAY
        write_signing(folder / "access.pem", key, at - DAY, first_used_at=at)
    rotation.rotate(folder, at=BEGIN + 89 * DAY)
    ring = Keyring.open(folder).access
    assert ring.kid == following
    assert knows(ring, current)
    assert kid_of(folder, Use.ACCESS, Role.NEXT) is None


def test_the_dates_survive_a_copy_of_the_folder(folder, tmp_path):
    rotation.rotate(folder, at=BEGIN + 88 * DAY)
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    for file in folder.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
        (copy / file.name).chmod(0o600)
    assert rotation.rotate(copy, at=BEGIN + 88 * DAY + timedelta(hours=23)) == []
    assert {c.step for c in rotation.rotate(copy, at=BEGIN + 89 * DAY)} == {"activated"}


def test_every_replica_follows_within_a_second(folder):
    here, there = Keyring.open(folder), Keyring.open(folder)
    old = here.consent.kid
    assert knows(there.consent, old)
    rotation.revoke(folder, old, at=BEGIN)
    began = time.monotonic()
    assert until(lambda: not (knows(here.consent, old) or knows(there.consent, old)))
    assert time.monotonic() - began < WITHIN
    assert here.consent.kid == there.consent.kid != old
    # Nobody waits for the fresh key: what one replica signs with it, the others know at once.
    fresh = Keyring.open(folder)
    rotation.revoke(folder, fresh.consent.kid, at=BEGIN)
    signer = Keyring.open(folder)
    time.sleep(0.01)  # a token takes longer to reach another replica
    assert knows(here.consent, signer.consent.kid)


def test_another_use_does_not_know_the_key(folder):
    keyring = Keyring.open(folder)
    rings = {use: getattr(keyring, "passes" if use is Use.PASS else use) for use in Use}
    for use, ring in rings.items():
        for other, theirs in rings.items():
            assert knows(ring, theirs.kid) is (use is other)


def test_a_file_that_is_no_key_is_no_key_and_the_others_go_on(folder):
    keyring = Keyring.open(folder)
    (folder / "access.old-1800000000.pem").write_text("not a key")
    old = SigningKey.generate()
    write_signing(folder / "pass.old-999999999999.pem", old, BEGIN, first_used_at=BEGIN)
    dated = b"Published: 2026-13-41T99:00:00Z\n" + SigningKey.generate().to_pem()
    (folder / "receipt.next.pem").write_bytes(dated)
    (folder / "receipt.next.pem").chmod(0o600)
    (folder / "consent.next.pem").write_bytes(SigningKey.generate().to_pem())
    (folder / "consent.next.pem").chmod(0o644)  # open to everybody
    time.sleep(0.6)
    assert keyring.access.sign("at+jwt", {})
    assert {file.path.name for file in key_files(folder)} == {f"{use}.pem" for use in Use}


def test_a_key_that_is_taken_away_is_unknown_although_another_file_says_nonsense(folder):
    """A slip in one file must not keep good what was taken away in an emergency."""
    keyring = Keyring.open(folder)
    taken = keyring.consent.kid
    (folder / "consent.pem").unlink()
    old = SigningKey.generate()
    write_signing(folder / "access.old-999999999999.pem", old, BEGIN, first_used_at=BEGIN)
    assert until(lambda: not knows(keyring.consent, taken))
    assert not knows(keyring.access, old.kid)
    assert keyring.access.sign("at+jwt", {})


def test_the_inside_services_follow_the_pass_keys(folder, tmp_path):
    path = tmp_path / "pass-jwks.json"
    rotation.publish_passes(folder, path)
    admission = Admission.from_file("reports", path)
    mint = PassMint(Keyring.open(folder).passes)

    def enters(token):
        try:
            admission.admit(f"Bearer {token}", "op")
        except PassRefused:
            return False
        return True

    assert enters(mint.mint("reports", "op", tenant="t"))
    old = [mint.mint("reports", "op", tenant="t") for _ in range(100)]
    rotation.revoke(folder, kid_of(folder, Use.PASS, Role.CURRENT), at=BEGIN)
    rotation.publish_passes(folder, path)
    assert until(lambda: not enters(old.pop()))
    fresh = PassMint(Keyring.open(folder).passes)
    assert enters(fresh.mint("reports", "op", tenant="t"))
    path.write_text("{")
    later = [fresh.mint("reports", "op", tenant="t") for _ in range(100)]
    assert until(lambda: not enters(later.pop()))


async def test_two_gateways_refuse_a_revoked_key_and_the_record_says_so(app, centre, keys_dir):
    twin = create_app(app.state.settings)
    addresses = {"a": httpx.ASGITransport(app), "b": httpx.ASGITransport(twin)}
    old = app.state.keyring.access.kid
    operator = httpx.ASGITransport(operator_app(app.state))

    async def entered(name):
        async with httpx.AsyncClient(transport=addresses[name], base_url="http://gateway") as http:
            headers = {"Authorization": f"Bearer {centre.token}"}
            return (await http.get("/v1/records", headers=headers)).status_code

    assert [await entered(name) for name in addresses] == [200, 200]
    async with httpx.AsyncClient(transport=operator, base_url="http://operator") as http:
        listed = (await http.get("/keys")).json()
        assert {(k["use"], k["role"]) for k in listed} == {(str(u), "current") for u in Use}
        held = await http.delete(f"/keys/{old}")
        assert (held.status_code, held.json()["code"]) == (409, "key_in_use")
        [done] = (await http.post(f"/keys/{old}/revocation")).json()
        assert (done["kid_old"], done["reason"]) == (old, "emergency")
        assert (await http.post("/keys/rotation")).json() == []
    await asyncio.sleep(0.8 * WITHIN)
    assert [await entered(name) for name in addresses] == [401, 401]
    assert app.state.keyring.access.kid == twin.state.keyring.access.kid == done["kid_new"]
    await centre.log_in()
    assert [await entered(name) for name in addresses] == [200, 200]
    async with app.state.database.begin(DEPLOYMENT) as session:
        rows = await session.scalars(select(Record).where(Record.kind == "key.rotated"))
        [record] = [await app.state.records.read(session, row) for row in rows]
    assert done.items() <= record["body"].items()
    assert json.loads((keys_dir / "pass-jwks.json").read_text())["keys"]
    await twin.state.database.close()


async def test_without_a_current_key_nothing_is_signed_and_it_is_said(centre, keys_dir):
    (keys_dir / "access.pem").rename(keys_dir / "access.pem.away")
    assert until(lambda: not (keys_dir / "access.pem").exists())
    time.sleep(0.6)  # noqa: ASYNC251 - the folder is looked at twice a second
    answer = await centre.http.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(centre.client_id, centre.client_secret),
    )
    assert (answer.status_code, answer.json()["code"]) == (503, "signing_key_missing")


def test_the_verbs_of_keys_work_directly(gateway_url, keys_dir, monkeypatch, capsys):
    monkeypatch.delenv("GATEWAY_OPERATOR_SOCKET", raising=False)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", gateway_url)
    monkeypatch.setenv("GATEWAY_KEYS_DIR", str(keys_dir))

    def run(*words):
        status = main(command.SERVICE, ("keys", *words))
        return status, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    _, listed = run("list")
    kid = next(line["kid"] for line in listed if line["use"] == "pass")
    assert run("rotate") == (0, [])
    status, [done] = run("revoke", "--", kid)
    assert (status, done["use"], done["kid_old"]) == (0, "pass", kid)
    published = json.loads((keys_dir / "pass-jwks.json").read_text())["keys"]
    assert [key["kid"] for key in published] == [done["kid_new"]]
    assert run("retire", "--", done["kid_new"]) == (2, [])
    assert run("revoke", "--", kid) == (2, [])
    assert run("retire", "") == (2, [])


@pytest.fixture
def chores(gateway_url, folder):
    """A gateway whose chores come round at once, on a folder whose keys are long due."""

    def app(**given):
        settings = Settings(
            database_url=gateway_url,
            keys_dir=folder,
            public_url="http://gateway",
            chores_interval=timedelta(milliseconds=20),
            webhook_interval=timedelta(hours=1),
            sequencer_interval=timedelta(hours=1),
            **given,
        )
        return create_app(settings)

    return app


async def soon(condition, within=10):
    ends = time.monotonic() + within
    while not condition() and time.monotonic() < ends:  # noqa: ASYNC110 - of the file system
        await asyncio.sleep(0.02)
    return condition()


def long_due(folder):
    begin = datetime.now(UTC) - 90 * DAY
    for use in Use:
        write_signing(folder / f"{use}.pem", SigningKey.generate(), begin, first_used_at=begin)


async def test_the_worker_does_by_itself_what_is_due(chores, folder):
    long_due(folder)
    app = chores()
    async with app.router.lifespan_context(app):
        assert await soon(lambda: all(kid_of(folder, use, Role.NEXT) for use in Use))
        published = json.loads((folder / "pass-jwks.json").read_text())
        assert kid_of(folder, Use.PASS, Role.NEXT) in {key["kid"] for key in published["keys"]}

        async def written():
            async with app.state.database.begin(DEPLOYMENT) as session:
                return [r.kind for r in await session.scalars(select(Record))].count("key.rotated")

        for _ in range(200):
            if await written() == len(Use):
                break
            await asyncio.sleep(0.02)
        assert await written() == len(Use)


async def test_where_it_cannot_write_the_folder_it_says_what_is_due_and_stays_ready(
    chores, folder, monkeypatch
):
    long_due(folder)
    monkeypatch.setattr(rotation, "is_writable", lambda *_: False)  # root writes everywhere
    app = chores()
    with capture_logs() as logged:
        async with app.router.lifespan_context(app):
            assert await soon(lambda: sum(e["event"] == "key_rotation_due" for e in logged) == 4)
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
                assert (await client.get("/readyz")).status_code == 200
    assert {(e["use"], e["step"]) for e in logged if e["event"] == "key_rotation_due"} == {
        (str(use), "published") for use in Use
    }
    assert not any(kid_of(folder, use, Role.NEXT) for use in Use)


async def test_somebody_else_may_rotate_instead(chores, folder):
    long_due(folder)
    app = chores(rotate_keys=False)
    async with app.router.lifespan_context(app):
        assert not await soon(lambda: any(kid_of(folder, use, Role.NEXT) for use in Use), within=1)


def test_a_folder_without_the_right_to_write_is_no_place_to_rotate(folder, tmp_path):
    assert rotation.is_writable(folder, None)
    assert not rotation.is_writable(folder, tmp_path / "no-such-place" / "pass-jwks.json")
