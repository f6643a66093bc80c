"""What points at a row points inside its tenant: foreign keys begin with it (profile, section 4)."""

import pytest
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.tables import Base, PageSession, PersonalCode, PersonalLink
from keel.clock import utc_now
from keel.tenancy import TenantOwned

POINTING = {
    ("consents", "bilan", "bilans"),
    ("contestations", "bilan", "bilans"),
    ("page_sessions", "beneficiary", "beneficiaries"),
    ("personal_codes", "beneficiary", "beneficiaries"),
    ("personal_links", "beneficiary", "beneficiaries"),
}
OWNED = {m.local_table.name for m in Base.registry.mappers if issubclass(m.class_, TenantOwned)}


@pytest.fixture
async def foreign_keys(gateway_url):
    """What the migrated database itself says: (table, columns, table pointed at)."""

    def read(connection):
        seen = inspect(connection)
        return [
            (table, tuple(key["constrained_columns"]), key["referred_table"])
            for table in seen.get_table_names()
            for key in seen.get_foreign_keys(table)
        ]

    engine = create_async_engine(gateway_url, poolclass=NullPool)
    async with engine.connect() as connection:
        found = await connection.run_sync(read)
    await engine.dispose()
    return found


async def test_consents_contestations_links_codes_and_sessions_point_at_rows_of_their_tenant(
    foreign_keys,
):
    pointing = {(table, columns[-1], pointed) for table, columns, pointed in foreign_keys}
    assert pointing >= POINTING


async def test_every_foreign_key_between_tenants_rows_begins_with_the_tenant(foreign_keys):
    between = [key for key in foreign_keys if key[0] in OWNED and key[2] in OWNED]
    assert len(between) > len(POINTING)
    assert [key for key in between if key[1][0] != "tenant"] == []


async def test_a_record_outlives_what_it_names(foreign_keys):
    assert [key for key in foreign_keys if key[0] == "records"] == []


@pytest.mark.parametrize("row", [PageSession, PersonalCode, PersonalLink])
async def test_nothing_opens_the_pages_of_another_tenants_person(
    app, centre, bilan, new_centre, row
):
    other = await new_centre()
    given = {
        PageSession: {"token_sha256": b"t" * 32, "kind": "personal", "method": "hosted_page"},
        PersonalCode: {"id": "cod_1", "code_hmac": b"h" * 32, "tries_left": 5},
        PersonalLink: {"secret_sha256": b"s" * 32, "kind": "personal"},
    }[row]
    times = {"created_at", "ends_at", "expires_at"} & set(row.__table__.columns.keys())
    with pytest.raises(IntegrityError):
        async with app.state.database.begin(other.tenant) as session:
            session.add(
                row(
                    tenant=other.tenant,
                    beneficiary=bilan.beneficiary,
                    **given,
                    **dict.fromkeys(times, utc_now()),
                )
            )
