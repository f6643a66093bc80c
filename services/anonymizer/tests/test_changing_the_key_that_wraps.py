"""An operator changes the key-encryption key while bilans are in use (`rotate-keys`)."""

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select
from sqlalchemy import text as sql

from anonymizer.erasure.service import Erasures
from anonymizer.surrogates.rules import Secret, SurrogateType
from anonymizer.tables import ContentKey, Ended
from anonymizer.vault.service import Vault
from keel.database import Database
from keel.endings import Endings
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.sealing import CannotUnseal, ContentKeys, KeyEncryptionKey

TENANTS = [new_id("tnt") for _ in range(3)]
PERSON = SurrogateType.PERSON
MANY = 100


@dataclass
class Service:
    """The vault as one replica serves it, with the key file as it was at its start."""

    database: Database
    kek: KeyEncryptionKey
    vault: Vault = field(init=False)
    erasures: Erasures = field(init=False)

    def __post_init__(self):
        keys, endings = ContentKeys(self.kek, ContentKey), Endings(Ended)
        self.vault = Vault(keys, endings)
        self.erasures = Erasures(self.database, keys, endings)

    async def mask(self, tenant, bilan, name):
        async with self.database.begin(tenant) as session:
            secret = Secret(PERSON, name)
            return (await self.vault.issue(session, tenant, bilan, [secret]))[secret].name

    async def read(self, tenant, bilan):
        async with self.database.begin(tenant) as session:
            originals = await self.vault.originals(session, tenant, bilan)
            return None if originals is None else dict(originals)


@dataclass
class Operator:
    """Edits the key file, starts replicas, and runs the verb as the role that migrates."""

    settings: object
    database: Database

    @property
    def lines(self):
        return self.settings.key_encryption_key_file.read_text().split()

    def write(self, *lines):
        self.settings.key_encryption_key_file.write_text("\n".join(lines) + "\n")

    def put_first(self):
        fresh = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
        self.write(fresh, *self.lines)

    def serve(self):
        kek = KeyEncryptionKey.from_file(self.settings.key_encryption_key_file)
        return Service(self.database, kek)

    def start_rotation(self, role="passerelle_owner"):
        variables = {
            "ANONYMIZER_DATABASE_URL": self.database.url.replace("passerelle_login", role),
            "ANONYMIZER_KEY_ENCRYPTION_KEY_FILE": self.settings.key_encryption_key_file,
            "ANONYMIZER_PASS_JWKS_FILE": self.settings.pass_jwks_file,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "anonymizer", "rotate-keys"],
            env={**os.environ, **{name: str(value) for name, value in variables.items()}},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def rotate(self, **how):
        process = self.start_rotation(**how)
        said, wrong = await asyncio.to_thread(process.communicate, timeout=60)
        return process.returncode, json.loads(said) if said else wrong


def counts(rewrapped=0, already=0, unreadable=0):
    return {
        "service": "anonymizer",
        "keys": "content_keys",
        "rewrapped": rewrapped,
        "already": already,
        "unreadable": unreadable,
    }


@pytest.fixture
async def operator(settings):
    database = Database(settings.database_url)
    yield Operator(settings, database)
    await database.close()


@pytest.fixture
def bilans():
    return [(tenant, new_id("bil")) for tenant in TENANTS]


async def test_a_bilan_is_used_before_during_and_after(operator, bilans):
    before = operator.serve()
    for whose in bilans:
        await before.mask(*whose, "Odile Perrichon")
    operator.put_first()
    during = operator.serve()
    assert await during.mask(*bilans[0], "Karim Belhassen") == "PERSONNE_2"
    assert await operator.rotate() == (0, counts(rewrapped=3))
    assert await during.mask(*bilans[0], "Awa Diarra") == "PERSONNE_3"
    assert await operator.rotate() == (0, counts(already=3))
    operator.write(operator.lines[0])
    after = operator.serve()
    assert await after.mask(*bilans[0], "Odile Perrichon") == "PERSONNE_1"
    assert await after.read(*bilans[0]) == {
        "PERSONNE_1": "Odile Perrichon",
        "PERSONNE_2": "Karim Belhassen",
        "PERSONNE_3": "Awa Diarra",
    }
    assert await after.read(*bilans[2]) == {"PERSONNE_1": "Odile Perrichon"}
    with pytest.raises(CannotUnseal):
        await before.read(*bilans[0])


async def test_sealed_rows_are_not_touched(operator, bilans):
    await operator.serve().mask(*bilans[0], "Odile Perrichon")

    async def rows():
        async with operator.database.begin(bilans[0][0]) as session:
            return (await session.execute(sql("SELECT * FROM vault_entries"))).all()

    sealed = await rows()
    operator.put_first()
    await operator.rotate()
    assert len(sealed) == 1
    assert await rows() == sealed


async def test_a_destroyed_bilan_stays_destroyed(operator, bilans):
    service = operator.serve()
    for whose in bilans:
        await service.mask(*whose, "Odile Perrichon")
    await service.erasures.erase(*bilans[1])
    operator.put_first()
    service = operator.serve()
    assert await operator.rotate() == (0, counts(rewrapped=2))
    assert await service.read(*bilans[1]) is None
    with pytest.raises(NotFound):
        await service.mask(*bilans[1], "Odile Perrichon")
    await service.erasures.erase(*bilans[2])
    assert await operator.rotate() == (0, counts(already=1))
    assert await service.read(*bilans[2]) is None


async def test_a_rotation_that_is_killed_leaves_every_key_readable(operator):
    keys = ContentKeys(operator.serve().kek, ContentKey)
    for tenant in TENANTS:
        async with operator.database.begin(tenant) as session:
            await keys.create(session, tenant, [f"bil_{number}" for number in range(MANY)])
    operator.put_first()
    newest = operator.serve().kek

    async def readable():
        """Read every key, and say how many are under the newest."""
        under = 0
        for tenant in TENANTS:
            async with operator.database.begin(tenant) as session:
                held = (await session.execute(select(ContentKey.subject, ContentKey.wrapped))).all()
            assert len(held) == MANY
            under += [newest.wrapped_anew(w, f"{tenant}|{s}") for s, w in held].count(None)
        return under

    done, kills = 0, 0
    while done < len(TENANTS) * MANY:
        process, until = operator.start_rotation(), done + 90
        while process.poll() is None and done < until:
            done = await readable()
            await asyncio.sleep(0.02)
        kills += process.poll() is None
        process.kill()
        await asyncio.to_thread(process.communicate)
        done = await readable()
    assert kills >= 1
    assert await operator.rotate() == (0, counts(already=len(TENANTS) * MANY))


async def test_a_key_under_none_of_the_file_fails_the_verb(operator, bilans):
    await operator.serve().mask(*bilans[0], "Odile Perrichon")
    former = operator.lines
    operator.put_first()
    operator.write(operator.lines[0])
    assert await operator.rotate() == (1, counts(unreadable=1))
    operator.write(operator.lines[0], *former)
    assert await operator.rotate() == (0, counts(rewrapped=1))


async def test_a_service_that_works_on_its_sqlite_file_is_not_disturbed(operator):
    if not operator.database.is_sqlite:
        pytest.skip("a PostgreSQL serves both")
    operator.database.claim()
    status, said = await operator.rotate()
    assert (status, "Another process" in said) == (2, True)


async def test_only_the_role_that_migrates_can_do_it(operator, bilans):
    if operator.database.is_sqlite:
        pytest.skip("SQLite has no roles")
    await operator.serve().mask(*bilans[0], "Odile Perrichon")
    status, said = await operator.rotate(role="passerelle_login")
    assert (status, "the role that migrates" in said) == (2, True)
