"""In one process too: each service's key-encryption key changes, and nothing is lost."""

import asyncio
import base64
import json
import secrets

import pytest

from keel.database import Database
from keel.sealing import CannotUnseal, ContentKeys, KeyEncryptionKey
from standalone.__main__ import main
from standalone.layout import Layout

TENANT, SUBJECT = "tnt_1", "bil_1"


def keys_of(layout):
    """Return every content key of the platform by service and table, made where there is none."""

    async def read():
        found = {}
        for wrapped in layout.wrapped_keys():
            database = Database(wrapped.database_url)
            for table in wrapped.tables:
                keys = ContentKeys(wrapped.kek, table)
                try:
                    async with database.begin(TENANT) as session:
                        key = await keys.obtain(session, TENANT, SUBJECT)
                finally:
                    await database.close()
                found[wrapped.package, table.__tablename__] = key
        return found

    return asyncio.run(read())


@pytest.fixture
def layout(tmp_path):
    layout = Layout(tmp_path)
    layout.make_keys()
    asyncio.run(layout.migrate())
    return layout


def put_first(path):
    fresh = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    path.write_text(f"{fresh}\n{path.read_text()}")


def test_one_verb_wraps_the_keys_of_every_service_anew(layout, tmp_path, capsys):
    before = keys_of(layout)
    files = [layout.kek(service) for service in ("gateway", "anonymizer", "reports")]
    former = [KeyEncryptionKey.from_file(path) for path in files]
    for path in files:
        put_first(path)
    assert main(["rotate-keys", "--data", str(tmp_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["service"], line["keys"], line["rewrapped"]) for line in lines] == [
        ("gateway", "content_keys", 1),
        ("gateway", "record_keys", 1),
        ("anonymizer", "content_keys", 1),
        ("reports", "content_keys", 1),
    ]
    for path, kek in zip(files, former, strict=True):
        path.write_text(path.read_text().split()[0])
        assert KeyEncryptionKey.from_file(path) != kek
    assert keys_of(layout) == before


def test_a_key_file_that_lost_its_former_line_is_told_and_nothing_is_changed(layout, tmp_path):
    before, path = keys_of(layout), layout.kek("anonymizer")
    held = path.read_text()
    put_first(path)
    newest = path.read_text().split()[0]
    path.write_text(newest)
    assert main(["rotate-keys", "--data", str(tmp_path)]) == 1
    with pytest.raises(CannotUnseal):
        keys_of(layout)
    path.write_text(f"{newest}\n{held}")
    assert keys_of(layout) == before
