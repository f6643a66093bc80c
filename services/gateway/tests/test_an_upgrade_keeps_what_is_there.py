"""From the first revision to the newest, nobody's rows are lost: as the plain owner of the tables.

On PostgreSQL the owner makes roles and is no superuser (docs/operations/postgresql.md): once a table
has its policy (`FORCE ROW LEVEL SECURITY`), its owner reads no row of it unless a migration says so.
"""

import json
from contextlib import nullcontext
from hashlib import sha256

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from keel import tenancy
from keel.migrations import migrate, migrate_back
from keel.tenancy import as_owner

FIRST = "2026_11_23_create_the_gateway"
BEFORE_AGREEMENTS = "2026_11_23_consents_that_hold"
AGREED = {
    "agreed_on": "2026-11-02",
    "method": "signed_document",
    "recorded_at": "2026-11-02T09:30:00Z",
}
SAID = json.dumps(AGREED)
AT = 1_795_428_720_000_000
TENANTS = ("tnt_1", "tnt_2")

ROWS = (
    ("tenants", {"id": "{t}", "name": "Centre", "created_at": AT}),
    ("clients", {"id": "cli_{t}", "tenant": "{t}", "secret_sha256": "secret of {t}", "scopes": "[]",
                 "created_at": AT}),
    ("beneficiaries", {"tenant": "{t}", "id": "ben_1", "created_at": AT}),
    ("counsellors", {"tenant": "{t}", "id": "usr_1", "created_at": AT}),
    ("bilans", {"tenant": "{t}", "id": "bil_1", "beneficiary": "ben_1", "counsellor": "usr_1",
                "funding": "CPF", "planned_minutes": 1440, "support_minutes": 840,
                "starts_on": "2026-11-02", "ends_on": "2027-01-29", "status": "open",
                "agreement": SAID, "created_at": AT}),
    ("bilans", {"tenant": "{t}", "id": "bil_2", "beneficiary": "ben_1", "counsellor": "usr_1",
                "funding": "CPF", "planned_minutes": 1440, "support_minutes": 840,
                "starts_on": "2026-11-02", "ends_on": "2027-01-29", "status": "draft",
                "agreement": None, "created_at": AT}),
    ("consents", {"tenant": "{t}", "id": "cns_1", "beneficiary": "ben_1", "bilan": "bil_1",
                  "client": "cli_{t}", "status": "authorised", "epoch": 1, "grants": "[]",
                  "notice_version": "1", "notice_sha256": "0" * 64, "notice_text": "x",
                  "requested_at": AT, "expires_at": AT, "ceremony": "cer_1",
                  "ceremony_sha256": "ceremony of {t}", "ceremony_ends_at": AT,
                  "ceremony_used_at": AT}),
    ("personal_links", {"secret_sha256": "link of {t}", "tenant": "{t}", "beneficiary": "ben_1",
                        "created_at": AT}),
)  # fmt: skip
"""What the first release held, for each tenant."""


def _of(tenant, row):
    """Return a row of the first release for a tenant; digests are 32 bytes."""
    said = {}
    for column, value in row.items():
        said[column] = value.format(t=tenant) if isinstance(value, str) and value != SAID else value
        if column in {"ceremony_sha256", "secret_sha256"}:
            said[column] = sha256(said[column].encode()).digest()
    return said


@pytest.fixture
def as_its_owner(owned_url):
    """Do work on the database as whoever migrates it."""

    async def do(work):
        engine = create_async_engine(owned_url, poolclass=NullPool)
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(work)
        finally:
            await engine.dispose()

    return do


@pytest.fixture
async def first_release(owned_url, as_its_owner):
    """The database of the first release, with two tenants that work."""
    await migrate("gateway", owned_url, FIRST)

    def fill(connection):
        for tenant in TENANTS:
            for table, row in ROWS:
                columns = ", ".join(row)
                values = ", ".join(f":{column}" for column in row)
                insert = f"INSERT INTO {table} ({columns}) VALUES ({values})"  # noqa: S608 - ours
                bound = _of(tenant, row)
                connection.execute(text(insert), bound)

    await as_its_owner(fill)
    return owned_url


def rows(as_its_owner, query, *tables):
    """Return what a query finds in every tenant's rows of `tables`."""

    def read(connection):
        with as_owner(connection, *tables):
            return [tuple(row) for row in connection.execute(text(query))]

    return as_its_owner(read)


async def test_the_workers_agreements_become_objects(first_release, as_its_owner):
    await migrate("gateway", first_release)
    query = "SELECT tenant, bilan, agreed_on, method FROM bilan_agreements ORDER BY tenant"
    held = await rows(as_its_owner, query, "bilan_agreements")
    assert held == [(tenant, "bil_1", "2026-11-02", "signed_document") for tenant in TENANTS]


async def test_who_conducts_a_bilan_goes_on_conducting_it(first_release, as_its_owner):
    await migrate("gateway", first_release)
    query = "SELECT tenant, bilan, counsellor FROM assignments ORDER BY tenant, bilan"
    held = await rows(as_its_owner, query, "assignments")
    assert held == [(tenant, bilan, "usr_1") for tenant in TENANTS for bilan in ("bil_1", "bil_2")]


async def test_consents_clients_and_links_are_still_there(first_release, as_its_owner):
    await migrate("gateway", first_release)
    consents = await rows(as_its_owner, "SELECT tenant, method, status FROM consents", "consents")
    assert sorted(consents) == [(tenant, "hosted_page", "authorised") for tenant in TENANTS]
    for table in ("clients", "personal_links"):
        whose = await rows(as_its_owner, f"SELECT tenant FROM {table}", table)  # noqa: S608 - ours
        assert len(whose) == len(TENANTS)
    opened = await rows(as_its_owner, "SELECT tenant FROM doors")
    assert sorted(opened) == [(tenant,) for tenant in TENANTS for _ in ("client", "page", "link")]


async def test_the_way_back_gives_the_agreements_back(first_release, as_its_owner):
    await migrate("gateway", first_release)
    await migrate_back("gateway", first_release, BEFORE_AGREEMENTS)
    query = "SELECT id, agreement FROM bilans ORDER BY tenant, id"
    held = [
        (bilan, json.loads(said) if isinstance(said, str) else said)
        for bilan, said in await rows(as_its_owner, query, "bilans")
    ]
    assert held == [("bil_1", AGREED), ("bil_2", None)] * len(TENANTS)


@pytest.mark.parametrize("owned_url", ["postgresql"], indirect=True)
async def test_a_migration_that_would_miss_rows_fails_instead(first_release, monkeypatch):
    monkeypatch.setattr(tenancy, "as_owner", lambda *_: nullcontext())
    with pytest.raises(DBAPIError, match="row-level security"):
        await migrate("gateway", first_release)
