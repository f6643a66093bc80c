"""A log that a gateway process serves, an auditor's view of it, and a mirror that flips a bit."""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from gateway.app import create_app
from gateway.keyring import Keyring
from gateway.records.rules import Fact, Kind
from gateway.settings import Settings
from keel.commands import listen, server_config
from keel.identifiers import new_id

HERE = Path(__file__).parent
ROOT = HERE.parents[3]
ORIGIN = "example.org/passerelle/audited"
BATCH = 250
KEPT = 8
"""How many checkpoints somebody kept while the log grew."""


def _beside(name: str) -> ModuleType:
    """A module of this folder: tests are files, no package."""
    known = f"auditing_tests_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, HERE / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]


@pytest.fixture(scope="session")
def beside() -> Callable[[str], ModuleType]:
    return _beside


@pytest.fixture(scope="session")
def third_party() -> ModuleType:
    return _beside("third_party")


@pytest.fixture(scope="session")
def aics_python() -> Path:
    """The Python of the environment that has `aics-tlog`; skipped aloud where none can be made."""
    made = subprocess.run(
        ["bash", ROOT / "tests" / "aics-environment"], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        pytest.skip(f"aics-tlog: {(made.stderr or made.stdout).strip()[-200:]}")
    return Path(made.stdout.strip())


@dataclass
class Filled:
    """A database with a log in it, and the checkpoints that somebody kept while it grew."""

    url: str
    keys_dir: Path
    kept: list[str] = field(default_factory=list)
    receipt: dict[str, Any] = field(default_factory=dict)
    """Of a record that can be read, and below of one whose person was erased."""
    erased: dict[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def _filled_gateway(filled: Filled, records: int) -> AsyncIterator[FastAPI]:
    """Write records through the verb that every business transaction uses, and sequence them."""
    settings = Settings(
        database_url=filled.url,
        keys_dir=filled.keys_dir,
        log_origin=ORIGIN,
        sequencer_interval=timedelta(hours=1),
        webhook_interval=timedelta(hours=1),
    )
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        state = app.state
        async with state.database.begin() as session:
            centre = await state.tenants.create(session, "Centre d’essai", None)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
            people = [new_id("ben"), new_id("ben")]
            written: list[str] = []
            for first in range(0, records, BATCH):
                async with state.database.begin(centre.tenant) as session:
                    for number in range(first, min(first + BATCH, records)):
                        fact = Fact(
                            Kind.RUN_COMPUTED,
                            centre.tenant,
                            {"n": number},
                            beneficiary=people[number % 2],
                        )
                        written.append(await state.records.write(session, fact))
                while await state.sequencer.step():
                    pass
                if len(filled.kept) < KEPT:
                    filled.kept.append((await http.get("/log/checkpoint")).text)
            async with state.database.begin(centre.tenant) as session:
                await state.records.erase(session, centre.tenant, people[1])
            filled.receipt, filled.erased = [
                await _receipt(http, centre, record) for record in written[100:102]
            ]
        yield app


async def _receipt(http: httpx.AsyncClient, centre: Any, record: str) -> dict[str, Any]:
    """What the centre's software gets and hands out."""
    grant = {"grant_type": "client_credentials"}
    credentials = (centre.client_id, centre.client_secret)
    token = (await http.post("/oauth2/token", data=grant, auth=credentials)).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = await http.get(f"/v1/records/{record}/receipt", headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _only_fill(filled: Filled, records: int) -> None:
    async with _filled_gateway(filled, records):
        pass


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Live:
    """A gateway process, and the log that it serves."""

    url: str
    vkey: str
    kept: list[str]
    receipt: dict[str, Any]
    erased: dict[str, Any]

    def get(self, path: str) -> bytes:
        return httpx.get(f"{self.url}/{path}", trust_env=False).raise_for_status().content

    @property
    def size(self) -> int:
        return int(self.get("checkpoint").split(b"\n")[1])


@contextmanager
def _in_a_process(filled: Filled, records: int, folder: Path) -> Iterator[str]:
    """Fill a log, then serve it by `python -m gateway serve`."""
    asyncio.run(_only_fill(filled, records))
    url, said = f"http://127.0.0.1:{_free_port()}", folder / "said"
    environment = {
        **os.environ,
        "GATEWAY_DATABASE_URL": filled.url,
        "GATEWAY_KEYS_DIR": str(filled.keys_dir),
        "GATEWAY_LOG_ORIGIN": ORIGIN,
        "GATEWAY_PEER_REQUESTS_PER_MINUTE": "0",
        "GATEWAY_PORT": url.rpartition(":")[2],
    }
    with said.open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "serve"], env=environment, stderr=log
        )
    try:
        _wait_for(url, lambda: process.poll() is None, said)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(url: str, lives: Callable[[], bool], said: Path) -> None:
    until = time.monotonic() + 60
    while True:
        assert lives(), said.read_text()[-2000:]
        assert time.monotonic() < until, said.read_text()[-2000:]
        try:
            if httpx.get(f"{url}/livez", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.05)


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncIterator[str]:
    listening = listen("127.0.0.1", 0)
    server = uvicorn.Server(server_config(app))
    server.capture_signals = nullcontext  # of the main thread only
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()


@pytest.fixture(scope="session")
def served() -> Callable[[FastAPI], Any]:
    """Serve an application over loopback while a story lasts."""
    return _served


@contextmanager
def _in_a_thread(filled: Filled, records: int, _: Path) -> Iterator[str]:
    """Fill a log and serve it over loopback without a process of its own, whose start takes seconds."""
    stop, ready, urls = threading.Event(), threading.Event(), []

    async def run() -> None:
        async with _filled_gateway(filled, records) as app, _served(app) as url:
            urls.append(url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    assert ready.wait(60)
    try:
        yield urls[0]
    finally:
        stop.set()
        thread.join()


SAMPLE = 300


def _logs() -> list[object]:
    full, postgresql = pytest.mark.full, pytest.mark.postgresql
    return [
        pytest.param(("sqlite", SAMPLE), id="sqlite, 300 records"),
        pytest.param(("sqlite", 20_000), id="sqlite, 20000 records", marks=full),
        pytest.param(
            ("postgresql", 20_000), id="postgresql, 20000 records", marks=[full, postgresql]
        ),
    ]


@pytest.fixture(scope="session", params=_logs())
def live(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    new_migrated: Callable[[str, str, Path], str],
) -> Iterator[Live]:
    """A log of so many records, served over loopback: the long ones by a process of their own."""
    database, records = request.param
    folder = tmp_path_factory.mktemp("live")
    Keyring.create(folder / "keys")
    filled = Filled(new_migrated(database, "gateway", folder), folder / "keys")
    serve = _in_a_thread if records == SAMPLE else _in_a_process
    with serve(filled, records, folder) as url:
        vkey = httpx.get(f"{url}/log/vkey", trust_env=False).text.strip()
        yield Live(f"{url}/log", vkey, filled.kept, filled.receipt, filled.erased)


@dataclass
class Mirror:
    """A copy of a log, served from elsewhere; it may show one bit other than it is."""

    upstream: str
    url: str = ""
    flips: dict[str, int] = field(default_factory=dict)
    """Path of the log → which bit of its content is the other way."""
    asked: set[str] = field(default_factory=set)
    held: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def content(self, path: str) -> tuple[int, bytes]:
        if path not in self.held:
            answer = httpx.get(f"{self.upstream}/{path}", trust_env=False, timeout=30)
            self.held[path] = (answer.status_code, answer.content)
        self.asked.add(path)
        status, content = self.held[path]
        if path in self.flips and status == 200:
            at = self.flips[path]
            changed = bytearray(content)
            changed[at // 8] ^= 1 << at % 8
            content = bytes(changed)
        return status, content


@pytest.fixture
def mirror(live: Live) -> Iterator[Mirror]:
    copied = Mirror(live.url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, content = copied.content(self.path.removeprefix("/log/"))
            head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(content)}\r\n\r\n"
            self.wfile.write(head.encode() + content)  # at once: two writes wait for each other

        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    copied.url = f"http://127.0.0.1:{server.server_port}/log"
    yield copied
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def said() -> Callable[..., None]:
    """Print a figure, for whoever runs the full counts."""

    def say(**figures: object) -> None:
        print(json.dumps(figures))  # noqa: T201 - a figure of `make verify`

    return say
