"""A migration that is cut off leaves the database as it was: the next one does it all."""

import sqlite3
from contextlib import closing

import pytest

from keel.database import sqlite_path
from keel.migrations import is_current, migrate


class CutOff(sqlite3.Cursor):
    """A cursor of a process that dies at its n-th table."""

    tables = 0

    def execute(self, statement, *given):
        CutOff.tables -= statement.lstrip().startswith("CREATE TABLE")
        if CutOff.tables < 0:
            raise InterruptedError
        return super().execute(statement, *given)


class CutOffConnection(sqlite3.Connection):
    def cursor(self, factory=CutOff):
        return super().cursor(factory)


@pytest.mark.parametrize("owned_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("tables", [3, 30])
async def test_cut_off_at_any_table_it_is_as_if_it_had_not_begun(owned_url, monkeypatch, tables):
    CutOff.tables, connect = tables, sqlite3.connect
    with monkeypatch.context() as cut:
        cut.setattr(
            "aiosqlite.core.sqlite3.connect",
            lambda *given, **named: connect(*given, **named, factory=CutOffConnection),
        )
        with pytest.raises(InterruptedError):
            await migrate("gateway", owned_url)
    with closing(sqlite3.connect(sqlite_path(owned_url))) as left:
        assert left.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    await migrate("gateway", owned_url)
    assert await is_current("gateway", owned_url)
