"""The whole platform in one process, started as an operator starts it, called over real HTTP."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from demo.beneficiary import Beneficiary
from demo.centre import Centre, Credentials
from demo.scripted_model.deployment import deployments_content

ROOT = Path(__file__).parents[2]


@dataclass
class Platform:
    """A running platform, its data folder and the process that it is."""

    data: Path
    arguments: list[str] = field(default_factory=list)
    program: tuple[str, ...] = ("-m", "standalone")
    url: str = ""
    said: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> "Platform":
        with self._log_file.open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, *self.program, "serve", "--port", "0", "--data", str(self.data), *self.arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                start_new_session=True,
            )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, self.log()
        self.url = json.loads(line)["url"]
        return self

    @property
    def _log_file(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    def log(self) -> str:
        return self._log_file.read_text()[-3000:]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """End the process that we started, by its id, and what it started."""
        self.process.send_signal(how)
        code = self.process.wait(30)
        self.process.stdout.close()
        return code

    @property
    def socket(self) -> Path:
        return self.data / "operator.sock"

    def operator(self, *verb: str) -> list[dict]:
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *verb],
            env={**os.environ, "GATEWAY_OPERATOR_SOCKET": str(self.socket)},
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
        )
        return [json.loads(line) for line in done.stdout.splitlines()]

    def centre(self) -> Centre:
        """A new tenant's software."""
        made = self.operator("tenant", "create", "--name", "Centre d’essai")[0]
        credentials = Credentials(made["tenant"], made["client_id"], made["client_secret"])
        return Centre.at(self.url, credentials)

    def children(self) -> list[int]:
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(pid) for pid in found.stdout.split()]


@pytest.fixture
def new_platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    started: list[Platform] = []

    def create(name: str = "data", *arguments: str) -> Platform:
        platform = Platform(tmp_path / name, list(arguments))
        started.append(platform)
        return platform

    yield create
    for platform in started:
        if platform.process is not None and platform.process.poll() is None:
            platform.stop(signal.SIGKILL)


@dataclass
class Model:
    """The scripted model of the demo (not a model), and what it received."""

    url: str
    base_url: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def received(self) -> list[bytes]:
        """The exact bytes of each request, as the model saw them."""
        bodies = httpx.get(f"{self.url}/received").json()["bodies_base64"]
        return [base64.b64decode(body) for body in bodies]


def _start_model(*arguments: str) -> Model:
    process = subprocess.Popen(
        [sys.executable, "-m", "demo.scripted_model", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        text=True,
    )
    announced = json.loads(process.stdout.readline())
    return Model(announced["url"], announced["base_url"], process)


@pytest.fixture(scope="session")
def model() -> Iterator[Model]:
    started = _start_model()
    yield started
    started.stop()


@pytest.fixture
def slow_model() -> Iterator[Model]:
    """The same, with a tenth of a second between two pieces: time enough to change one's mind."""
    started = _start_model("--pace-ms", "100")
    yield started
    started.stop()


@dataclass
class Tap:
    """Stands before a model: at each request it looks, at once, at what the platform has committed."""

    model: Model
    url: str = ""
    database: Path | None = None
    seen: list[tuple[bytes, frozenset[str]]] = field(default_factory=list)
    """Each request: its bytes, and the dispatches in the database when its last byte had come."""
    refuse: int = 0
    """How many of the next requests find the model unavailable."""

    def committed(self) -> frozenset[str]:
        """The dispatches that another connection can read."""
        rows = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)
        try:
            return frozenset(
                record
                for (record,) in rows.execute("SELECT id FROM records WHERE kind = 'ai.dispatch'")
            )
        finally:
            rows.close()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.seen.append((body, self.committed()))
        if self.refuse:
            self.refuse -= 1
            handler.send_response(503)
            handler.end_headers()
            return
        headers = {name: handler.headers[name] for name in ("Content-Type", "Accept")}
        with httpx.stream(
            "POST", self.model.url + handler.path, content=body, headers=headers, timeout=60
        ) as answer:
            handler.send_response(answer.status_code)
            handler.send_header("Content-Type", answer.headers["content-type"])
            handler.end_headers()
            for piece in answer.iter_bytes():
                handler.wfile.write(piece)
                handler.wfile.flush()


@pytest.fixture
def tap(model: Model) -> Iterator[Tap]:
    """A tap before the model, on a port of its own."""
    opened = Tap(model)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            opened.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    opened.url = f"http://127.0.0.1:{server.server_port}"
    yield opened
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tapped_platform(tap: Tap, new_platform: Callable[..., Platform], tmp_path: Path) -> Platform:
    """A platform with two deployments, whose models are reached through the tap."""
    content = deployments_content(f"{tap.url}/v1")
    (first,) = content["deployments"]
    content["deployments"] = [first, {**first, "id": "spare"}]
    path = tmp_path / "tapped.json"
    path.write_text(json.dumps(content))
    platform = new_platform("tapped", "--deployments", str(path)).start()
    tap.database = platform.data / "gateway.sqlite3"
    return platform


def deployments_file(model: Model, folder: Path) -> Path:
    path = folder / "deployments.json"
    path.write_text(json.dumps(deployments_content(model.base_url)))
    return path


@pytest.fixture(scope="session")
def deployments(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return deployments_file(model, tmp_path_factory.mktemp("model"))


@pytest.fixture
def slow_deployments(slow_model: Model, tmp_path: Path) -> Path:
    return deployments_file(slow_model, tmp_path)


@pytest.fixture(scope="session")
def shared_platform(
    deployments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Platform]:
    """One platform for the stories that leave it whole."""
    folder = tmp_path_factory.mktemp("platform")
    platform = Platform(folder / "data", ["--deployments", str(deployments)]).start()
    yield platform
    platform.stop()


@dataclass
class Bilan:
    """An open bilan of a new centre, with its counsellor's software."""

    centre: Centre
    id: str
    beneficiary: str
    counsellor: str
    platform: Platform

    def consent(
        self, *granted: str, asked: tuple[str, ...] = ("analysis", "exploration", "drafting")
    ) -> tuple[str, str]:
        """Ask, let the beneficiary answer on the hosted page; returns the consent and their link."""
        recipients = self.centre.recipients()
        grants = [
            {
                "purpose": purpose,
                "data_categories": ["project"] if purpose == "drafting" else ["cv"],
                "recipients": [r["id"] for r in recipients],
                "jurisdictions": sorted({p for r in recipients for p in r["jurisdictions"]}),
            }
            for purpose in asked
        ]
        made = self.centre.request_consent(self.id, grants)
        person = Beneficiary.at(self.platform.url)
        decided = person.decide(made["ceremony_url"], refuse=set(asked) - set(granted))
        person.close()
        return made["id"], decided.personal_link


def _open_bilan(platform: Platform, beside: Bilan | None = None) -> Bilan:
    """Open a bilan of a new centre, or of somebody else in the centre of `beside`."""
    if beside is None:
        centre = platform.centre()
        counsellor = centre.create_counsellor()
        centre.act_for(counsellor)
    else:
        centre, counsellor = beside.centre, beside.counsellor
    beneficiary = centre.create_beneficiary()
    plan = {
        "beneficiary": beneficiary, "counsellor": counsellor, "funding": "CPF",
        "planned_minutes": 1440, "support_minutes": 840,
        "starts_on": "2026-09-01", "ends_on": "2026-12-01", "employer_siren": None,
    }  # fmt: skip
    bilan = centre.create_bilan(plan)
    centre.record_agreement(bilan, agreed_on="2026-09-01")
    return Bilan(centre, bilan, beneficiary, counsellor, platform)


@pytest.fixture
def bilan(shared_platform: Platform) -> Iterator[Bilan]:
    opened = _open_bilan(shared_platform)
    yield opened
    opened.centre.close()


@pytest.fixture(scope="module")
def first_bilan(shared_platform: Platform) -> Iterator[Bilan]:
    """One centre for the stories of a module, with a first bilan."""
    opened = _open_bilan(shared_platform)
    yield opened
    opened.centre.close()


@pytest.fixture
def bilan_beside(first_bilan: Bilan, shared_platform: Platform) -> Bilan:
    """A new person's bilan in the module's one centre: seconds sooner than with a new centre."""
    return _open_bilan(shared_platform, first_bilan)


@pytest.fixture
def open_bilan() -> Iterator[Callable[[Platform], Bilan]]:
    """Open a bilan of a new centre on a platform."""
    opened: list[Bilan] = []

    def on(platform: Platform) -> Bilan:
        opened.append(_open_bilan(platform))
        return opened[-1]

    yield on
    for bilan in opened:
        bilan.centre.close()


@pytest.fixture
def eventually() -> Callable[..., None]:
    return _eventually


def _eventually(holds: Callable[[], bool], seconds: float = 10) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it did not come to hold"
        time.sleep(0.05)
