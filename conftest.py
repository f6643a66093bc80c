"""What every test can ask for: the shelf, a database of each kind, passes."""

import asyncio
import importlib.util
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest

import demo  # noqa: F401 - importlib mode would hide the package behind the folder of its name
from keel.migrations import migrate_now
from keel.passes import PassMint
from keel.sealing import KeyEncryptionKey
from keel.tenancy import service_role
from keel.tokens import PublicKeys, SigningKey

ROOT = Path(__file__).parent
_DEBIAN_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

_ON_SQLITE_FIRST = frozenset(
    {
        "test_a_client_proves_itself", "test_a_copy_of_ones_data", "test_a_long_lived_key",
        "test_a_token_bound_to_a_key", "test_a_token_for_less", "test_an_operator_lets_software_in",
        "test_an_operator_withdraws", "test_finding_ones_people", "test_keys_that_change",
        "test_reading_records", "test_stopping_the_processing", "test_the_frame_of_a_bilan",
        "test_webhook_endpoints", "test_what_a_person_lets_others_have",
        "test_who_conducts_a_bilan", "test_who_may_enter", "test_what_the_contract_allows",
        "test_asking_and_answering", "test_taking_part_of_a_consent_back",
        "test_a_code_before_a_consent", "test_what_the_law_protects_more",
        "test_the_proof_of_a_consent", "test_delivering_events", "test_closing_a_bilan",
        "test_erasing_a_person", "test_an_end_stops_what_runs",
        "test_what_is_due", "test_witnesses", "test_what_a_planned_call_would_need",
        "test_one_bit_in_the_database", "test_what_an_operator_watches",
        "test_how_often_one_may_ask", "test_forged_tokens", "test_an_incident",
        "test_how_long_records_are_kept", "test_a_register_to_read",
        "test_telling_people_that_ai_is_used", "test_each_read_of_content_is_recorded",
        "test_a_legal_hold",
        "test_what_a_body_says_it_is", "test_the_three_phases", "test_what_changes_is_recorded",
        "test_what_the_latest_decision_replaces", "test_a_restored_database",
        "test_a_record_can_be_proved", "test_signing_a_synthesis", "test_asking_the_service",
        "test_figures_and_their_sources", "test_giving_the_words_back",
        "test_telling_what_was_done", "test_numbering_in_the_vault",
    }
)  # fmt: skip
"""Stories that no database decides: `make test` plays them on SQLite, `make verify` on
both. What locks, races or isolates plays on both each time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long stories first, so that no process ends alone; what asks too much is `full`."""
    items.sort(key=lambda item: "journeys" not in item.path.parts)
    for item in items:
        again = item.path.stem in _ON_SQLITE_FIRST and "postgresql" in item.name
        if again or item.name.endswith("[sqlite-sample of 12]"):
            item.add_marker(pytest.mark.full)


@pytest.fixture(scope="session")
def shelf() -> Path:
    """The folder of reference material beside the checkout; its files are never copied here."""
    folder = Path(os.environ.get("PASSERELLE_SHELF", ROOT.parent / "shared"))
    if not (folder / "reference").is_dir():
        pytest.skip(f"the shelf is not at {folder}; set PASSERELLE_SHELF")
    return folder


def _binary(name: str) -> str | None:
    for folder in reversed(_DEBIAN_POSTGRESQL):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


def _in_memory() -> str | None:
    """A file system in memory, where there is room: services refuse a server that does not sync.

    `PASSERELLE_POSTGRESQL_IN` names another folder, on a disk, for whoever measures commits.
    """
    if "PASSERELLE_POSTGRESQL_IN" in os.environ:
        return os.environ["PASSERELLE_POSTGRESQL_IN"]
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 * 1024**3
    return str(memory) if roomy else None


@dataclass
class PostgresqlServer:
    """A throwaway PostgreSQL on a free loopback port; what it keeps is in `folder`."""

    folder: Path
    options: str
    port: int = 0

    @property
    def url(self) -> str:
        """Its URL, without a database."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}"

    def run(self, *command: str) -> None:
        as_user = (
            ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
            if os.geteuid() == 0
            else []
        )
        subprocess.run(
            [*as_user, *command],
            check=True,
            env={**os.environ, "HOME": str(self.folder)},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
        )

    def control(self, *verb: str) -> None:
        self.run(_binary("pg_ctl"), "-D", str(self.folder / "data"), "-w", *verb)

    def begin(self) -> None:
        self.folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(self.folder, "nobody")
        kind = ["-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        data = str(self.folder / "data")
        self.run(_binary("initdb"), "-D", data, "-U", "postgres", *kind)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.start()

    def is_running(self) -> bool:
        try:
            self.control("status")
        except subprocess.CalledProcessError:
            return False
        return True

    def restart(self, how: str = "immediate") -> None:
        """Stop it as `pg_ctl -m` says, and start it again: after `immediate` it recovers."""
        self.control("-l", str(self.folder / "log"), "-m", how, "restart")

    def start(self) -> None:
        options = (
            f"-c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} "
            f"-p {self.port} -c shared_buffers=64MB -c max_connections=200 {self.options}"
        )
        self.control("-l", str(self.folder / "log"), "-o", options, "start")


@contextmanager
def _postgresql_in(folder: str | None, options: str) -> Iterator[PostgresqlServer]:
    if _binary("initdb") is None or _binary("pg_ctl") is None:
        pytest.skip("PostgreSQL is not installed (Debian: postgresql-15)")
    server = PostgresqlServer(Path(tempfile.mkdtemp(prefix="passerelle-pg-", dir=folder)), options)
    try:
        server.begin()
        yield server
    finally:
        with suppress(subprocess.CalledProcessError):  # a story may have stopped it
            server.control("-m", "immediate", "stop")
        shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A throwaway PostgreSQL on a free loopback port: its URL, without a database."""
    with _postgresql_in(_in_memory(), "-c full_page_writes=off") as server:
        yield server.url


@pytest.fixture(scope="module")
def empty_postgresql() -> Iterator[PostgresqlServer]:
    """A throwaway PostgreSQL for one subject, with no role and no database of ours yet."""
    with _postgresql_in(_in_memory(), "-c full_page_writes=off") as server:
        yield server


@pytest.fixture
def own_postgresql() -> Iterator[Callable[..., PostgresqlServer]]:
    """Begin a PostgreSQL of the test's own, on a disk unless it says where: it may be broken."""
    with ExitStack() as stack:

        def begin(folder: Path | None = None, options: str = "") -> PostgresqlServer:
            on_disk = os.environ.get("PASSERELLE_DISK", "/var/tmp")  # noqa: S108 - a folder of our own is made in it
            where = str(folder) if folder is not None else on_disk
            return stack.enter_context(_postgresql_in(where, options))

        yield begin


@pytest.fixture
def migrated_on() -> Callable[[PostgresqlServer, str], str]:
    """Make a migrated database of a package on a server: the URL with which a service logs in."""

    def make(server: PostgresqlServer, package: str) -> str:
        owned = _create_owned(server.url, "t" + secrets.token_hex(6))
        _apart(lambda: migrate_now(package, owned))
        _let_in(server.url, service_role(package))
        return owned.replace(f"{_OWNER}@", f"{_LOGIN}@")

    return make


def _apart(work: Callable[[], None]) -> None:
    """Do `work` in a thread of its own: a fixture may be asked inside a running event loop."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(work).result()


def _as_administrator(server: str, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def do() -> None:
        connection = await asyncpg.connect(server.replace("+asyncpg", "") + "/postgres")
        try:
            await work(connection)
        finally:
            await connection.close()

    _apart(lambda: asyncio.run(do()))


def _create_database(server: str, name: str, template: str = "template1") -> None:
    async def create(connection: asyncpg.Connection) -> None:
        await connection.execute(f'create database "{name}" template "{template}"')

    _as_administrator(server, create)


def _close_database(server: str, name: str, role: str) -> None:
    """Let in who is let in after a migration: a copy of a database does not take that over."""

    async def close(connection: asyncpg.Connection) -> None:
        await connection.execute(f'ALTER DATABASE "{name}" OWNER TO {_OWNER}')
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {role}')

    _as_administrator(server, close)


async def _make_role(connection: asyncpg.Connection, name: str, *may: str) -> None:
    known = "SELECT FROM pg_roles WHERE rolname = $1"
    if await connection.fetchrow(known, name) is None:
        await connection.execute(f"CREATE ROLE {name} LOGIN {' '.join(may)}")


def _create_owned(server: str, name: str) -> str:
    """Make an empty database as docs/operations/postgresql.md says; returns its owner's URL."""

    async def create(connection: asyncpg.Connection) -> None:
        await _make_role(connection, _OWNER, "CREATEROLE")
        await connection.execute(f'CREATE DATABASE "{name}" OWNER {_OWNER}')

    _as_administrator(server, create)
    return f"{server}/{name}".replace("postgres@", f"{_OWNER}@")


_OWNER = "passerelle_owner"
"""What migrates in tests: it owns the tables and may make roles, and is no superuser."""
_LOGIN = "passerelle_login"
"""What services log in as in tests: neither owner nor superuser, as in production."""


def _let_in(server: str, role: str) -> None:
    async def grant(connection: asyncpg.Connection) -> None:
        await _make_role(connection, _LOGIN)
        await connection.execute(f"GRANT {role} TO {_LOGIN}")

    _as_administrator(server, grant)


@pytest.fixture
def new_postgresql_url(postgresql: str) -> Callable[[], str]:
    """Make fresh, empty databases on the throwaway server."""

    def create() -> str:
        name = "t" + secrets.token_hex(6)
        _create_database(postgresql, name)
        return f"{postgresql}/{name}"

    return create


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a fresh, empty database, once on SQLite and once on a real PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'test.sqlite3'}"
    return request.getfixturevalue("new_postgresql_url")()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def owned_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database for whoever migrates it: on PostgreSQL its plain owner."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'owned.sqlite3'}"
    return _create_owned(request.getfixturevalue("postgresql"), "t" + secrets.token_hex(6))


@pytest.fixture(scope="session")
def _templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Migrated SQLite files, one a package, made once: a copy costs less than a migration."""
    folder = tmp_path_factory.mktemp("templates")

    def template(package: str) -> Path:
        path = folder / f"{package}.sqlite3"
        if not path.exists():
            _apart(lambda: migrate_now(package, f"sqlite+aiosqlite:///{path}"))
        return path

    return template


@pytest.fixture(scope="session")
def _postgresql_templates(postgresql: str) -> Callable[[str], str]:
    made: set[str] = set()

    def template(package: str) -> str:
        name = f"template_{package}"
        if name not in made:
            url = _create_owned(postgresql, name)
            _apart(lambda: migrate_now(package, url))
            _let_in(postgresql, service_role(package))
            made.add(name)
        return name

    return template


@pytest.fixture(scope="session")
def new_migrated(request: pytest.FixtureRequest) -> Callable[[str, str, Path], str]:
    """Make a migrated database for more than one test: `new_migrated("sqlite", "gateway", dir)`."""

    def create(database: str, package: str, folder: Path) -> str:
        if database == "sqlite":
            path = folder / f"{package}.sqlite3"
            shutil.copy(request.getfixturevalue("_templates")(package), path)
            return f"sqlite+aiosqlite:///{path}"
        server, name = request.getfixturevalue("postgresql"), "t" + secrets.token_hex(6)
        template = request.getfixturevalue("_postgresql_templates")(package)
        _create_database(server, name, template)
        _close_database(server, name, service_role(package))
        return f"{server}/{name}".replace("postgres@", f"{_LOGIN}@")

    return create


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def migrated(
    request: pytest.FixtureRequest, new_migrated: Callable[[str, str, Path], str], tmp_path: Path
) -> Callable[[str], str]:
    """Make a migrated database of a package, on SQLite and on PostgreSQL: `migrated("gateway")`."""
    return lambda package: new_migrated(request.param, package, tmp_path)


@pytest.fixture(scope="session")
def pass_key() -> SigningKey:
    """The gateway's key for passes, in tests."""
    return SigningKey.generate()


@pytest.fixture
def pass_jwks_file(pass_key: SigningKey, tmp_path: Path) -> Path:
    """The file in which an inside service finds the gateway's public pass keys."""
    path = tmp_path / "pass-jwks.json"
    path.write_text(json.dumps(PublicKeys.of(pass_key).to_jwks()))
    return path


@pytest.fixture
def kek_file(tmp_path: Path) -> Path:
    """A fresh key-encryption key in a file of its own."""
    path = tmp_path / "kek"
    KeyEncryptionKey.create_file(path)
    return path


@pytest.fixture
def mint(pass_key: SigningKey) -> Callable[..., dict[str, str]]:
    """Mint a pass: `mint("reports", "create_report", tenant=…, bilan=…)` gives request headers."""
    passes = PassMint(pass_key)

    def headers(audience: str, operation: str, **claims: object) -> dict[str, str]:
        token = passes.mint(audience, operation, **claims)  # type: ignore[arg-type]
        return {"Authorization": f"Bearer {token}"}

    return headers


@pytest.fixture(scope="session")
def forged() -> Callable[[SigningKey, str, Mapping[str, object]], dict[str, str]]:
    """Forged and broken tokens, by what is wrong: `forged(key, typ, claims)`; one list for all."""
    path = ROOT / "shared" / "tests" / "forgeries.py"
    spec = importlib.util.spec_from_file_location("forgeries", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    made: Callable[[SigningKey, str, Mapping[str, object]], dict[str, str]] = module.forged
    return made
