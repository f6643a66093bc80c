"""Tenants kept apart: one hook on every statement, and row-level security on PostgreSQL.

A transaction belongs to one tenant, or to none and then sees no tenant's row. On both databases
each statement on a `TenantOwned` table is filtered by that tenant, beside whatever the statement
says itself; on PostgreSQL the database does the same once more (`FORCE ROW LEVEL SECURITY`), for a
role that can neither own the tables nor bypass their policies (consent profile, section 4).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, MetaData, String, event, false, inspect, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession
from sqlalchemy.orm import (
    Mapped,
    ORMExecuteState,
    Session,
    SessionTransaction,
    mapped_column,
    with_loader_criteria,
)

from keel.start import StartRefused

Tenant = str | Callable[[], str | None] | None
"""Whose transaction: an id, or where to look for it once the first statement runs."""

_SETTING = "app.tenant"
_ENTER = text(f"SELECT set_config('{_SETTING}', :tenant, true)")


class TenantOwned:
    """Columns of a table whose rows each belong to one tenant; the key begins with it."""

    tenant: Mapped[str] = mapped_column(String(30), primary_key=True, sort_order=-1)


class NotIsolated(StartRefused):
    """The database would not keep tenants apart; the message says what to change."""


class AnotherTenantsRow(Exception):  # noqa: N818 - a bug of ours, never an answer
    """A transaction tried to write a row of another tenant than its own."""


class TenantSession(Session):
    """A session whose statements see the rows of its tenant only."""


def tenant_of(session: Session) -> str | None:
    """Return whose transaction this is; None when it is nobody's."""
    tenant: Tenant = session.info.get("tenant")
    return tenant() if callable(tenant) else tenant


async def enter(session: AsyncSession, tenant: str) -> None:
    """Make the rest of the transaction that of `tenant`: whose it is was only now found out."""
    session.sync_session.info["tenant"] = tenant
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(_ENTER, {"tenant": tenant})


@event.listens_for(TenantSession, "after_begin")
def _tell_the_database(
    session: Session, transaction: SessionTransaction, connection: Connection
) -> None:
    tenant = tenant_of(session)
    if tenant is None or transaction.nested or connection.dialect.name != "postgresql":
        return
    connection.execute(_ENTER, {"tenant": tenant})


@event.listens_for(TenantSession, "do_orm_execute")
def _filter(state: ORMExecuteState) -> None:
    if state.is_column_load or state.is_relationship_load:
        return  # of rows that passed this filter before
    if not (state.is_select or state.is_update or state.is_delete):
        return
    tenant = tenant_of(state.session)
    criteria: Callable[[type[TenantOwned]], Any] = (
        (lambda table: table.tenant == tenant) if tenant is not None else (lambda _: false())
    )
    state.statement = state.statement.options(
        with_loader_criteria(TenantOwned, criteria, include_aliases=True)
    )


@event.listens_for(TenantSession, "before_flush")
def _refuse_foreign_rows(session: Session, _: object, __: object) -> None:
    tenant = tenant_of(session)
    for row in session.new | session.dirty:
        if isinstance(row, TenantOwned) and row.tenant != tenant:
            raise AnotherTenantsRow(type(row).__name__)


def isolate(execute: Callable[[str], object], tables: tuple[str, ...]) -> None:
    """Write the policy of each table; a migration calls this on PostgreSQL with `op.execute`."""
    owned = f"tenant = current_setting('{_SETTING}', true)"
    for table in tables:
        execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        execute(f"CREATE POLICY tenant_isolation ON {table} USING ({owned}) WITH CHECK ({owned})")


def unite(execute: Callable[[str], object], tables: tuple[str, ...]) -> None:
    """Take the policies away again, for a migration that goes back."""
    for table in tables:
        execute(f"DROP POLICY tenant_isolation ON {table}")
        execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")


@contextmanager
def as_owner(connection: Connection, *tables: str) -> Iterator[None]:
    """Let a migration see every tenant's rows of `tables`, which have their policies already.

    Their owner is subject to the policies too (`FORCE`) and has no tenant: without this it would
    read no row, and lose what it moves. Whoever fails inside leaves the transaction to be rolled
    back, and `FORCE` with it.
    """
    postgresql = connection.dialect.name == "postgresql"
    for table in tables if postgresql else ():
        connection.exec_driver_sql(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    for table in tables if postgresql else ():
        connection.exec_driver_sql(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def service_role(package: str) -> str:
    """Return the role that a service's login must be a member of: it may use rows, not tables."""
    return f"passerelle_{package}"


_MAKE_ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} NOLOGIN;
  END IF;
END $$
"""
_GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role}",
)
_OWN_DATABASE = """
SELECT datname FROM pg_database
WHERE datname = current_database() AND pg_has_role(current_user, datdba, 'USAGE')
"""
_CLOSED = (
    "REVOKE ALL ON DATABASE {database} FROM PUBLIC",
    "GRANT CONNECT ON DATABASE {database} TO {role}",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC",
    "REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC",
)


CHANGES = "changes"
"""The member of a table's `info` that names the only columns that change; no row is deleted."""


def grant(connection: Connection, package: str, tables: MetaData | None = None) -> None:
    """Let the service's role, and nobody else, use the tables, without owning them.

    Again after each migration. A database that the migrating role does not own is closed by
    whoever does; a service refuses to start on one that is open (`require_isolation`).
    Of a table whose `info` has `CHANGES` the role may update those columns, and delete nothing.
    """
    if connection.dialect.name != "postgresql":
        return
    role = service_role(package)
    connection.exec_driver_sql(_MAKE_ROLE.format(role=role))
    for statement in _GRANTS:
        connection.exec_driver_sql(statement.format(role=role))
    _close(connection, role)
    for table in () if tables is None else tables.tables.values():
        if CHANGES in table.info and inspect(connection).has_table(table.name):
            _narrow(connection, role, table.name, table.info[CHANGES])


def _close(connection: Connection, role: str) -> None:
    """Let nobody but the service's role into the database (LR-D02: a role of its own)."""
    name = connection.exec_driver_sql(_OWN_DATABASE).scalar()
    if name is None:
        return
    database = connection.dialect.identifier_preparer.quote(name)
    for statement in _CLOSED:
        connection.exec_driver_sql(statement.format(role=role, database=database))


def _narrow(connection: Connection, role: str, table: str, changes: tuple[str, ...]) -> None:
    # An older revision may not have all of them yet.
    there = {column["name"] for column in inspect(connection).get_columns(table)}
    columns = ", ".join(name for name in changes if name in there)
    connection.exec_driver_sql(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")
    if columns:
        connection.exec_driver_sql(f"GRANT UPDATE ({columns}) ON {table} TO {role}")


_ROLE = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"
_OWNED = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND pg_has_role(current_user, c.relowner, 'USAGE')
"""
_ANYBODYS = "SELECT has_database_privilege('public', current_database(), 'CONNECT')"
_OPEN = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relname::text = ANY(CAST(:tables AS text[]))
  AND NOT (c.relrowsecurity AND c.relforcerowsecurity) ORDER BY 1
"""


async def require_isolation(connection: AsyncConnection, tables: list[str]) -> None:
    """Refuse a PostgreSQL that would let this service see every tenant's rows.

    Raises:
        NotIsolated: the role is a superuser, may bypass policies or owns tables, a table has no
            policy, or every role of the server may enter the database.
    """
    if connection.dialect.name != "postgresql":
        return
    role = (await connection.exec_driver_sql(_ROLE)).one()
    if role.rolsuper or role.rolbypassrls:
        raise NotIsolated(
            "The database role may bypass row-level security. Log in with a role that is neither "
            "superuser nor BYPASSRLS, a member of the role that `migrate` made."
        )
    if (await connection.exec_driver_sql(_OWNED)).scalar_one():
        raise NotIsolated(
            "The database role owns the tables. Migrate with the owner, serve with another role."
        )
    if (await connection.exec_driver_sql(_ANYBODYS)).scalar_one():
        raise NotIsolated(
            "Every role of the server may enter this database. Run `migrate` as the role that owns "
            "the database: it lets nobody in but the service's own role."
        )
    unprotected = (await connection.execute(text(_OPEN), {"tables": tables})).scalars().all()
    if unprotected:
        raise NotIsolated(f"No row-level security on {', '.join(unprotected)}. Run `migrate`.")
