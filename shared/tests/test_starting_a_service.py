"""A start that cannot succeed is one sentence, and status 2."""

import sys
import textwrap
from contextlib import asynccontextmanager

import pytest

from keel.application import create_service
from keel.commands import REFUSED, Service, main
from keel.database import Database, DatabaseInUse
from keel.migrations import is_current, migrate, migrated, revise
from keel.sealing import KeyFileRefused
from keel.settings import ServiceSettings, SettingsConfigDict, SettingsRefused
from keel.start import StartRefused

ENV = """
from keel.database import metadata
from keel.migrations import run_environment
from sqlalchemy import Column, Integer, Table

target = metadata()
Table("rows", target, Column("id", Integer, primary_key=True))
run_environment(target)
"""
REVISION = '''
"""${message}."""
import sqlalchemy as sa
from alembic import op
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
def upgrade():
    ${upgrades or "pass"}
def downgrade():
    ${downgrades or "pass"}
'''


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with one table and no migration yet."""
    migrations = tmp_path / "probing" / "migrations"
    (migrations / "versions").mkdir(parents=True)
    (tmp_path / "probing" / "__init__.py").touch()
    (migrations / "env.py").write_text(textwrap.dedent(ENV))
    (migrations / "script.py.mako").write_text(REVISION)
    monkeypatch.syspath_prepend(tmp_path)
    yield "probing"
    sys.modules.pop("probing", None)


@pytest.fixture
def url(tmp_path):
    return f"sqlite+aiosqlite:///{tmp_path / 'probing.sqlite3'}"


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="PROBING_", frozen=True, extra="forbid")

    database_url: str


class Refused(StartRefused):
    """What a service of its own may say."""


@pytest.fixture
def start(package, monkeypatch, url):
    """Run a verb of a service that refuses its lifespan with `Refused`: the exit status."""

    @asynccontextmanager
    async def refusing(_):
        raise Refused("The lifespan was opened.")
        yield

    def app(_):
        return create_service(
            name="probing", title="", description="", version="1", lifespan=refusing
        )

    monkeypatch.setenv("PROBING_DATABASE_URL", url)
    monkeypatch.setenv("PROBING_PASS_JWKS_FILE", "none")
    monkeypatch.setenv("PROBING_PORT", "0")
    for hook in ("sys.excepthook", "sys.unraisablehook", "threading.excepthook"):
        monkeypatch.setattr(hook, lambda *_: None)
    service = Service(package=package, settings=Settings, create_app=app, document=dict)
    return lambda verb: main(service, [verb])


def test_each_refusal_of_a_start_is_one(package):
    for refusal in (SettingsRefused, DatabaseInUse, KeyFileRefused):
        assert issubclass(refusal, StartRefused)


def test_a_database_that_was_not_migrated_says_so(start, package, capsys):
    revise(package, "create rows")
    assert start("serve") == REFUSED
    assert "Run `python -m probing migrate` first" in capsys.readouterr().err
    assert start("migrate") == 0
    assert start("serve") == REFUSED
    assert capsys.readouterr().err == "probing: The lifespan was opened.\n"


def test_a_database_that_does_not_answer_says_so(start, monkeypatch, unused_tcp_port, capsys):
    secret = f"postgresql+asyncpg://me:secret@127.0.0.1:{unused_tcp_port}/none"
    monkeypatch.setenv("PROBING_DATABASE_URL", secret)
    assert start("serve") == REFUSED
    said = capsys.readouterr().err
    assert "does not answer" in said
    assert "secret" not in said


def test_the_next_migration_is_written_from_the_tables(package, tmp_path):
    revise(package, "create rows")
    (written,) = (tmp_path / "probing/migrations/versions").glob("*_create_rows.py")
    assert "create_table" in written.read_text()


async def test_an_older_release_goes_on_while_a_newer_one_rolls_out(package, url, tmp_path):
    # `revise` has a loop of its own, so the revisions are written here by hand.
    versions = tmp_path / "probing/migrations/versions"
    for revision, before in (("one", None), ("two", "one")):
        head = f"revision = {revision!r}\ndown_revision = {before!r}\n"
        (versions / f"{revision}.py").write_text(head + "def upgrade():\n    pass\n")
    database = Database(url)
    check = migrated(package, database)
    assert not await check(), "an empty database"
    await database.close()
    await migrate(package, url)
    assert await check()
    (versions / "two.py").unlink()
    assert await is_current(package, url), "a newer release's revision"
    (versions / "two.py").write_text("revision = 'two'\ndown_revision = 'one'\n")
    (versions / "three.py").write_text("revision = 'three'\ndown_revision = 'two'\n")
    assert not await is_current(package, url), "a revision of ours is missing"
    await database.close()
