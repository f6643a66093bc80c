"""The key that wraps content keys changes, and every content key is readable at each moment."""

import asyncio
import base64
import secrets

import pytest
from sqlalchemy import update
from sqlalchemy.orm import DeclarativeBase

from keel import rewrapping
from keel.database import Database, metadata
from keel.rewrapping import Rewrapped, rewrap
from keel.sealing import (
    CannotUnseal,
    ContentKeyRow,
    ContentKeys,
    KeyEncryptionKey,
    KeyFileRefused,
)

TENANTS = ("tnt_1", "tnt_2")
SUBJECTS = ("bil_1", "bil_2", "bil_3")


class Base(DeclarativeBase):
    metadata = metadata()


class Key(ContentKeyRow, Base):
    pass


def line():
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


OLD, NEW = line(), line()


@pytest.fixture
def kek(tmp_path):
    """Read a key file of these lines."""

    def read(*lines):
        path = tmp_path / "kek"
        path.touch(0o600)
        path.write_text("".join(f"{line}\n" for line in lines))
        return KeyEncryptionKey.from_file(path)

    return read


@pytest.fixture
async def database(database_url):
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


async def keys_under(database, kek, *, make=False):
    """Return every content key by whose it is; `make` those that there are not."""
    keys, found = ContentKeys(kek, Key), {}
    for tenant in TENANTS:
        async with database.begin(tenant) as session:
            for subject in SUBJECTS:
                ask = keys.obtain if make else keys.find
                found[tenant, subject] = await ask(session, tenant, subject)
    return found


async def test_all_keys_pass_to_the_newest_and_the_former_may_go(database, kek):
    keys = await keys_under(database, kek(OLD), make=True)
    assert await rewrap(database, kek(NEW, OLD), Key) == Rewrapped("content_keys", rewrapped=6)
    assert await keys_under(database, kek(NEW)) == keys
    with pytest.raises(CannotUnseal):
        await keys_under(database, kek(OLD))


async def test_a_second_time_it_does_nothing(database, kek):
    keys = await keys_under(database, kek(OLD), make=True)
    await rewrap(database, kek(NEW, OLD), Key)
    assert await rewrap(database, kek(NEW, OLD), Key) == Rewrapped("content_keys", already=6)
    assert await keys_under(database, kek(NEW)) == keys


async def test_a_key_that_is_known_and_not_yet_first_wraps_nothing(database, kek):
    await keys_under(database, kek(OLD, NEW), make=True)
    assert await keys_under(database, kek(OLD))
    with pytest.raises(CannotUnseal):
        await keys_under(database, kek(NEW))


@pytest.mark.parametrize("replaced", range(6))
async def test_wherever_it_is_cut_off_every_key_is_readable_and_it_goes_on(
    database, kek, replaced, monkeypatch
):
    keys = await keys_under(database, kek(OLD), make=True)
    replace, left = rewrapping._replace, [replaced]

    async def cut(*given):
        if not left[0]:
            raise InterruptedError
        left[0] -= 1
        return await replace(*given)

    with monkeypatch.context() as patched:
        patched.setattr(rewrapping, "_replace", cut)
        with pytest.raises(InterruptedError):
            await rewrap(database, kek(NEW, OLD), Key)
    assert await keys_under(database, kek(NEW, OLD)) == keys
    assert await rewrap(database, kek(NEW, OLD), Key) == Rewrapped(
        "content_keys", rewrapped=6 - replaced, already=replaced
    )
    assert await keys_under(database, kek(NEW)) == keys


async def test_a_key_destroyed_between_the_look_and_the_change_stays_destroyed(
    database, kek, monkeypatch
):
    await keys_under(database, kek(OLD), make=True)
    replace, keys = rewrapping._replace, ContentKeys(kek(OLD), Key)

    async def late(given, table, whose, *wrappings):
        if whose == ("tnt_1", "bil_2"):
            async with database.begin("tnt_1") as session:
                await keys.destroy(session, *whose)
        return await replace(given, table, whose, *wrappings)

    monkeypatch.setattr(rewrapping, "_replace", late)
    assert (await rewrap(database, kek(NEW, OLD), Key)).rewrapped == 5
    held = await keys_under(database, kek(NEW, OLD))
    assert [whose for whose, key in held.items() if key is None] == [("tnt_1", "bil_2")]


async def test_keys_are_made_and_read_while_they_are_wrapped_anew(database, kek):
    before = await keys_under(database, kek(OLD), make=True)
    keys, both = ContentKeys(kek(NEW, OLD), Key), kek(NEW, OLD)

    async def serve():
        for number in range(20):
            async with database.begin("tnt_1") as session:
                assert await keys.obtain(session, "tnt_1", f"bil_new{number}")
                assert await keys.find(session, "tnt_1", "bil_1") == before["tnt_1", "bil_1"]

    await asyncio.gather(serve(), rewrap(database, both, Key))
    assert (await rewrap(database, both, Key)).rewrapped == 0
    assert await keys_under(database, kek(NEW)) == before


async def test_a_key_under_none_of_the_file_is_counted_and_left_as_it_is(database, kek):
    keys = await keys_under(database, kek(OLD), make=True)
    strange = kek(line()).wrap(b"k" * 32, "tnt_1|bil_1")
    async with database.begin("tnt_1") as session:
        await session.execute(update(Key).where(Key.subject == "bil_1").values(wrapped=strange))
    done = await rewrap(database, kek(NEW, OLD), Key)
    assert done == Rewrapped("content_keys", rewrapped=5, unreadable=1)
    async with database.begin("tnt_2") as session:
        found = await ContentKeys(kek(NEW), Key).find(session, "tnt_2", "bil_1")
    assert found == keys["tnt_2", "bil_1"]


@pytest.mark.parametrize(
    "lines", [(), (NEW, "AAAA"), (NEW, OLD[:-1])], ids=["empty", "short", "cut"]
)
def test_a_file_with_a_line_that_is_no_key_is_refused(kek, lines):
    with pytest.raises(KeyFileRefused, match="each of its lines"):
        kek(*lines)
