"""What is sealed opens under its own key and context only, and never again once the key is gone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import DeclarativeBase

from keel.database import Database, DatabaseInUse, metadata
from keel.sealing import (
    CannotUnseal,
    ContentKeyRow,
    ContentKeys,
    KeyEncryptionKey,
    KeyFileRefused,
    seal,
    unseal,
)


class Base(DeclarativeBase):
    metadata = metadata()


class Key(ContentKeyRow, Base):
    pass


@given(st.binary(max_size=200), st.text(max_size=20))
def test_what_was_sealed_opens(plaintext, context):
    assert unseal(b"k" * 32, seal(b"k" * 32, plaintext, context), context) == plaintext


@pytest.mark.parametrize(
    ("key", "context", "change"),
    [(b"l" * 32, "a", 0), (b"k" * 32, "b", 0), (b"k" * 32, "a", 1)],
    ids=["another key", "another context", "one bit changed"],
)
def test_nothing_else_opens_it(key, context, change):
    sealed = bytearray(seal(b"k" * 32, b"words", "a"))
    sealed[-1] ^= change
    with pytest.raises(CannotUnseal):
        unseal(key, bytes(sealed), context)


@pytest.fixture
async def database(database_url):
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()


async def test_a_bilan_has_one_key_until_it_is_destroyed(database, tmp_path):
    keys = ContentKeys(KeyEncryptionKey.create_file(tmp_path / "kek"), Key)
    async with database.begin("tnt_1") as session:
        first = await keys.obtain(session, "tnt_1", "bil_1")
        assert await keys.obtain(session, "tnt_1", "bil_1") == first
    async with database.begin("tnt_2") as session:
        assert await keys.obtain(session, "tnt_2", "bil_1") != first
    async with database.begin("tnt_1") as session:
        assert await keys.destroy(session, "tnt_1", "bil_1")
        assert not await keys.destroy(session, "tnt_1", "bil_1")
        assert await keys.find(session, "tnt_1", "bil_1") is None
    async with database.begin("tnt_2") as session:
        assert await keys.find(session, "tnt_2", "bil_1") is not None


async def test_a_key_rests_wrapped(database, tmp_path):
    keys = ContentKeys(KeyEncryptionKey.create_file(tmp_path / "kek"), Key)
    async with database.begin("tnt_1") as session:
        key = await keys.obtain(session, "tnt_1", "bil_1")
        row = await session.get(Key, ("tnt_1", "bil_1"))
        assert key not in row.wrapped


@pytest.mark.parametrize(
    ("content", "mode", "says"),
    [("", 0o600, "32 bytes"), ("AAAA", 0o600, "32 bytes"), ("A" * 43, 0o604, "everybody")],
)
def test_a_key_file_that_cannot_be_trusted_stops_the_start(tmp_path, content, mode, says):
    path = tmp_path / "kek"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(KeyFileRefused, match=says):
        KeyEncryptionKey.from_file(path)


async def test_a_sqlite_file_has_one_writing_process(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path / 'one.sqlite3'}"
    first, second = Database(url), Database(url)
    first.claim()
    with pytest.raises(DatabaseInUse, match="Another process"):
        second.claim()
    await first.close()
    second.claim()
    await second.close()


def test_a_key_file_is_there_whole_or_not_at_all(tmp_path, monkeypatch):
    with monkeypatch.context() as cut:
        cut.setattr("os.fsync", _cut_off)
        with pytest.raises(InterruptedError):
            KeyEncryptionKey.create_file(tmp_path / "kek")
    assert list(tmp_path.iterdir()) == []
    made = KeyEncryptionKey.create_file(tmp_path / "kek")
    assert KeyEncryptionKey.from_file(tmp_path / "kek") == made
    with pytest.raises(FileExistsError):
        KeyEncryptionKey.create_file(tmp_path / "kek")
    assert [path.name for path in tmp_path.iterdir()] == ["kek"]


def _cut_off(_):
    raise InterruptedError
