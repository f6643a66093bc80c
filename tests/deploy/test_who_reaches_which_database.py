"""Made as the operator's page says, each database is open to its own service alone (LR-D02)."""

import asyncio
import re
from pathlib import Path

import asyncpg
import pytest

from keel.migrations import migrate_now
from llm_router.settings import Settings

pytestmark = pytest.mark.postgresql

PAGE = Path(__file__).parents[2] / "docs" / "operations" / "postgresql.md"
SERVICES = ("gateway", "anonymizer", "reports", "labour_market")
# Who might ask, beside the services: the page gives the router no role; somebody may.
OTHERS = ("llm_router_login", "statistics_login")
ROLES = [f"{service}_{kind}" for service in SERVICES for kind in ("owner", "login")]
VAULT = ("vault_entries", "content_keys", "kept_surrogates", "documents", "kept_documents")


def documented():
    """The SQL of the page by which an administrator makes a service's roles and database."""
    block = re.search(r"As an administrator, once.*?```sql\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return block[1]


class Server:
    def __init__(self, server):
        self.url = server.url.replace("+asyncpg", "")

    def run(self, *statements, role="postgres", database="postgres"):
        async def go():
            url = f"{self.url}/{database}".replace("postgres@", f"{role}@")
            connection = await asyncpg.connect(url)
            try:
                return [await connection.fetch(statement) for statement in statements]
            finally:
                await connection.close()

        return asyncio.run(go())

    def enters(self, role, database):
        try:
            self.run("SELECT 1", role=role, database=database)
        except asyncpg.InsufficientPrivilegeError:
            return False
        return True


@pytest.fixture(scope="module")
def server(empty_postgresql):
    made = Server(empty_postgresql)
    for service in SERVICES:
        made.run(*filter(str.strip, documented().replace("gateway", service).split(";")))
        url = f"{empty_postgresql.url}/{service}".replace("postgres@", f"{service}_owner@")
        migrate_now(service, url)
    made.run(*(f"CREATE ROLE {role} LOGIN" for role in OTHERS))
    return made


@pytest.mark.parametrize("database", SERVICES)
def test_a_database_lets_in_its_own_roles_and_no_others(server, database):
    entered = {role for role in (*ROLES, *OTHERS) if server.enters(role, database)}
    assert entered == {f"{database}_owner", f"{database}_login"}


def test_the_anonymizer_reads_its_vault(server):
    for table in VAULT:
        seen = server.run(f"TABLE {table}", role="anonymizer_login", database="anonymizer")
        assert seen == [[]]


@pytest.mark.parametrize("role", [r for r in (*ROLES, *OTHERS) if not r.startswith("anonymizer")])
def test_who_was_let_in_by_mistake_reads_nothing_of_the_vault(server, role):
    server.run(f"GRANT CONNECT ON DATABASE anonymizer TO {role}")
    try:
        for table in VAULT:
            for verb in ("TABLE", "TRUNCATE"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    server.run(f"{verb} public.{table}", role=role, database="anonymizer")
    finally:
        server.run(f"REVOKE CONNECT ON DATABASE anonymizer FROM {role}")


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_become_another_services(server, role):
    service = role.rpartition("_")[0]
    strangers = [f"passerelle_{other}" for other in SERVICES if other != service]
    for group in (*strangers, "postgres"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            server.run(f"SET ROLE {group}", role=role, database=service)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            server.run(f"GRANT {group} TO {role}", role=role, database=service)


def test_the_router_has_no_database_to_be_reached_with():
    assert not [
        name for name in Settings.model_fields if "database" in name or "encryption" in name
    ]
