"""Whoever adds a table says what becomes of its rows when a person is erased or a bilan ends."""

from sqlalchemy import LargeBinary

from gateway.destruction.sweeping import NAMED_BY, NOBODYS, OTHERWISE
from gateway.tables import Base

TABLES = Base.metadata.tables
NAMING = {name for name, table in TABLES.items() if set(NAMED_BY) & set(table.c.keys())}
OWN = {"beneficiaries", "bilans", *OTHERWISE}
"""Told apart by their own id, or as the list of exceptions says."""
SEALED_ELSEWHERE = {
    "api_keys.secret_sha256": "of clients", "clients.secret_sha256": "of clients",
    "clients.retiring_secret_sha256": "of clients", "doors.key_sha256": "goes with what it opens",
    "events.sealed": "goes with its event", "counsellors.reference": "of counsellors",
    "legal_holds.reference": "the operator's own", "used_assertions.jti_sha256": "of clients",
    "webhook_endpoints.secret": "of the tenant", "webhook_endpoints.earlier_secret": "of the tenant",
    "content_keys.wrapped": "by bilan", "record_keys.wrapped": "by person",
    "log_outbox.commitment": "nobody can open it", "log_entries.leaf": "nobody can open it",
    "log_tiles.hashes": "nobody can open it", "log_state.root": "nobody can open it",
}  # fmt: skip
"""Sealed columns of tables whose rows name nobody, and why that is right."""


def test_every_table_names_the_person_or_is_on_the_written_list():
    of_the_log = {name for name in TABLES if name.startswith("log_")}
    unknown = TABLES.keys() - NAMING - OWN - NOBODYS.keys() - of_the_log
    assert not unknown, f"say in `destruction.sweeping` what becomes of {sorted(unknown)}"
    assert not NOBODYS.keys() & NAMING, "it names somebody: take it off the list"
    assert NOBODYS.keys() | OTHERWISE.keys() <= TABLES.keys()


def test_every_column_that_names_somebody_has_one_of_the_names_that_are_looked_for():
    odd = {
        f"{name}.{column.name}"
        for name, table in TABLES.items()
        for column in table.c
        for key in column.foreign_keys
        if key.column.table.name in {"beneficiaries", "bilans", "consents"}
        and column.name not in {"tenant", *NAMED_BY}
    }
    assert not odd, f"a row is found by {NAMED_BY}"


def test_every_sealed_column_goes_with_its_row_or_is_on_the_written_list():
    sealed = {
        f"{name}.{column.name}"
        for name, table in TABLES.items()
        if name not in NAMING | OWN
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    assert sealed <= SEALED_ELSEWHERE.keys(), (
        f"say what becomes of {sealed - SEALED_ELSEWHERE.keys()}"
    )
