"""How fast the log takes records, and whether it stays so as it grows.

Real parts on real disks: the gateway's own application, its append path, its sequencer, a database
whose commits are synced. On SQLite everything is one process, as in `serve`; on PostgreSQL, a
throwaway server with the defaults that Debian ships, the sequencing is `python -m gateway work`,
a process of its own. Each client appends, waits to be told, and appends again.

- appends: acknowledged records a second, and how long a caller waits.
- lag: from the acknowledgement to the checkpoint that covers the record, of one record in twenty;
  looked for every 20 ms, so up to 20 ms too long.
- cost: the log is filled by the same path to each size, with the sequencing under way. Then, with
  it switched off, `--window` records are appended, and after them sequenced, `--rounds` times, in
  turns with a log of the smallest size; the median of each is given by the clock and as processor
  time of everybody involved, and against the small log.
- audit: `python -m gateway log audit`, the whole command.
"""

import sys

sys.path.pop(0)  # the folder of this file, in which `platform` is not the standard one

import argparse
import asyncio
import hashlib
import json
import os
import random
import secrets
import shutil
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import asyncpg
import psutil
from fastapi import FastAPI

from gateway.app import create_app
from gateway.keyring import Keyring
from gateway.log import store
from gateway.records.rules import Fact, Kind
from gateway.settings import Settings, Worker
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.migrations import migrate_now
from keel.tenancy import service_role

_ON_DISK = os.environ.get("PASSERELLE_POSTGRESQL_IN", "/var/tmp")  # noqa: S108 - a folder of our own is made in it
TENANTS, PERSONS = 4, 250
"""So many tenants, and persons of each: a thousand people whose bilans use AI."""
_SAMPLED = 20
_LOOK_SECONDS = 0.02
_FILLING = 256
"""Callers at once while the log is filled to the next size."""


@dataclass
class Place:
    """A database for the log, and how it is looked at from outside."""

    name: str
    url: str
    keys: Path
    server: subprocess.Popen[bytes] | None = None
    administrator: str = ""

    @property
    def settings(self) -> Settings:
        """What the gateway is told."""
        inside = Worker.INSIDE if self.name == "sqlite" else Worker.APART
        return Settings(
            database_url=self.url, keys_dir=self.keys, public_url="http://bench", worker=inside
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same, for a process of its own."""
        told = {
            "GATEWAY_DATABASE_URL": self.url,
            "GATEWAY_KEYS_DIR": str(self.keys),
            "GATEWAY_PUBLIC_URL": "http://bench",
            "GATEWAY_WORKER_PORT": str(_free_port()),
        }
        return {**os.environ, **told}

    def busy_seconds(self) -> float:
        """Return the processor time so far, of this process and of the server's."""
        own = time.process_time()
        if self.server is None:
            return own
        backends = psutil.Process(self.server.pid).children(recursive=True)
        return own + sum(_busy_seconds(process) for process in backends)


def _busy_seconds(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.Error:
        return 0.0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def sqlite_in(folder: Path) -> Iterator[Place]:
    """Make a migrated SQLite file."""
    place = Place("sqlite", f"sqlite+aiosqlite:///{folder / 'gateway.sqlite3'}", folder / "keys")
    Keyring.create(place.keys)
    migrate_now("gateway", place.url)
    yield place


@contextmanager
def postgresql_in(folder: Path) -> Iterator[Place]:
    """Start a PostgreSQL with a migrated database, as docs/operations/postgresql.md says."""
    binaries = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if binaries is None:
        sys.exit("PostgreSQL is not installed (Debian: postgresql-15).")
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    prefix = as_nobody if os.geteuid() == 0 else []
    home = folder / "postgresql"
    home.mkdir()
    folder.chmod(0o755)
    if prefix:
        shutil.chown(home, "nobody")
    environment, port = {**os.environ, "HOME": str(home)}, _free_port()
    kind = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    started = [*prefix, str(binaries / "initdb"), "-D", str(home / "data"), *kind]
    subprocess.run(started, check=True, env=environment, cwd=home, stdout=subprocess.DEVNULL)
    options = [
        "-p",
        str(port),
        "-c",
        f"unix_socket_directories={home}",
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    with (home / "log").open("wb") as said:
        server = subprocess.Popen(
            [*prefix, str(binaries / "postgres"), "-D", str(home / "data"), *options],
            env=environment,
            cwd=home,
            stdout=said,
            stderr=said,
        )
        try:
            yield _furnished(Place("postgresql", "", folder / "keys", server), port)
        finally:
            server.terminate()
            server.wait(60)


def _furnished(place: Place, port: int) -> Place:
    at = f"127.0.0.1:{port}"
    place.administrator = f"postgresql://postgres@{at}"
    asyncio.run(_answers(place.administrator))
    asyncio.run(
        _told(
            place.administrator,
            "CREATE ROLE bench_owner LOGIN CREATEROLE",
            "CREATE ROLE bench_login LOGIN",
            "CREATE DATABASE gateway OWNER bench_owner",
        )
    )
    Keyring.create(place.keys)
    migrate_now("gateway", f"postgresql+asyncpg://bench_owner@{at}/gateway")
    asyncio.run(_told(place.administrator, f"GRANT {service_role('gateway')} TO bench_login"))
    place.administrator += "/gateway"
    place.url = f"postgresql+asyncpg://bench_login@{at}/gateway"
    return place


async def _answers(url: str) -> None:
    for _ in range(200):
        try:
            await (await asyncpg.connect(url)).close()
        except (OSError, asyncpg.CannotConnectNowError):
            await asyncio.sleep(0.05)
        else:
            return
    sys.exit("PostgreSQL does not start.")


async def _told(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(url)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


class Onlooker:
    """Looks at the outbox from outside: what left it has its place, and a checkpoint covers it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._file: sqlite3.Connection | None = None
        self._connection: asyncpg.Connection | None = None

    async def __aenter__(self) -> Self:
        """Connect beside the service."""
        if self._place.name == "sqlite":
            self._file = sqlite3.connect(self._place.url.partition(":///")[2])
        else:
            self._connection = await asyncpg.connect(self._place.administrator)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave."""
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            await self._connection.close()

    async def waiting(self) -> set[str]:
        """Return the records that no checkpoint covers yet."""
        query = "SELECT record FROM log_outbox"
        if self._file is not None:
            return {record for (record,) in self._file.execute(query)}
        if self._connection is None:
            return set()
        return {row["record"] for row in await self._connection.fetch(query)}


@dataclass
class Load:
    """Clients that append, each one record at a time."""

    app: FastAPI
    people: Sequence[tuple[str, str]]
    waits: list[float] = field(default_factory=list)
    acknowledged: dict[str, float] = field(default_factory=dict)
    """When the sampled records were acknowledged, until a checkpoint covers them."""
    chance: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 - of whom

    def fact(self) -> Fact:
        """Return a record such as reading another record leaves."""
        tenant, person = self.chance.choice(self.people)
        said = {"query_class": "record", "returned": 1}
        return Fact(Kind.LOG_ACCESSED, tenant, said, beneficiary=person, client=_CLIENT)

    async def append(self) -> str:
        """Append a record by the path for those that stand alone."""
        record: str = await self.app.state.appends.append(self.fact())
        return record

    async def write(self) -> str:
        """Write a record in a transaction of its own, as what changes rows does."""
        fact = self.fact()
        async with self.app.state.database.begin(fact.tenant) as session:
            record: str = await self.app.state.records.write(session, fact)
        return record

    async def until(
        self, clients: int, done: Callable[[], bool], one: Callable[[], Awaitable[str]]
    ) -> None:
        """Let clients work until `done`."""

        async def client() -> None:
            while not done():
                began = time.perf_counter()
                record = await one()
                now = time.perf_counter()
                self.waits.append(now - began)
                if len(self.waits) % _SAMPLED == 0:
                    self.acknowledged[record] = now

        await asyncio.gather(*(client() for _ in range(clients)))

    async def count(self, clients: int, count: int) -> None:
        """Let clients append `count` records."""
        left = count

        def none_left() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        await self.until(clients, none_left, self.append)


_CLIENT = new_id("cli")


@dataclass
class Figures:
    """What was measured on one database."""

    name: str
    rates: list[tuple[str, ...]] = field(default_factory=list)
    costs: list[tuple[str, ...]] = field(default_factory=list)
    held: dict[str, Any] = field(default_factory=dict)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


async def _people(app: FastAPI) -> list[tuple[str, str]]:
    people = []
    for _ in range(TENANTS):
        async with app.state.database.begin() as session:
            tenant = (await app.state.tenants.create(session, "Bench", None)).tenant
        persons = [new_id("ben") for _ in range(PERSONS)]
        async with app.state.database.begin(tenant) as session:
            await app.state.records.new_keys(session, tenant, persons)
        people += [(tenant, person) for person in persons]
    return people


@contextmanager
def _working(place: Place) -> Iterator[None]:
    """Sequence beside, in the process that does so in production."""
    if place.name == "sqlite":  # the application does it itself
        yield
        return
    command = [sys.executable, "-m", "gateway", "work"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    worker = subprocess.Popen(command, env=place.environment, **quiet)
    try:
        yield
    finally:
        worker.terminate()
        worker.wait(60)


async def _measured_rates(place: Place, given: argparse.Namespace, figures: Figures) -> None:
    app = create_app(place.settings)
    async with app.router.lifespan_context(app):
        people = await _people(app)
        load = Load(app, people)
        for name, one in (("append", load.append), ("a transaction each", load.write)):
            with _working(place):
                rate, waits, lags = await _rate(place, given, load, one)
            figures.rates.append(
                (
                    place.name,
                    name,
                    f"{len(waits):,}",
                    f"{rate:,.0f}",
                    *(f"{1000 * quantile(waits, share):.1f}" for share in (0.5, 0.99)),
                    f"{1000 * max(waits):.0f}",
                    *(f"{quantile(lags, share):.2f}" for share in (0.5, 0.99)),
                    str(len(lags)),
                )
            )
            figures.held[f"rate, {name}"] = rate
            figures.held[f"p99, {name}"] = quantile(waits, 0.99)
            figures.held[f"lag p99, {name}"] = quantile(lags, 0.99)


async def _rate(
    place: Place, given: argparse.Namespace, load: Load, one: Callable[[], Awaitable[str]]
) -> tuple[float, list[float], list[float]]:
    async with Onlooker(place) as onlooker:
        # Warm: prepared statements, pages, the worker's start.
        end = time.perf_counter() + min(2.0, given.seconds)
        await load.until(given.clients, lambda: time.perf_counter() > end, one)
        await _all_covered(onlooker, load, [])
        load.waits = []
        lags: list[float] = []
        looking = asyncio.create_task(_look(onlooker, load, lags))
        began = time.perf_counter()
        end = began + given.seconds
        await load.until(given.clients, lambda: time.perf_counter() > end, one)
        took = time.perf_counter() - began
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await _all_covered(onlooker, load, lags)
    return len(load.waits) / took, load.waits, lags


async def _look(onlooker: Onlooker, load: Load, lags: list[float]) -> None:
    while True:
        await _see(onlooker, load, lags)
        await asyncio.sleep(_LOOK_SECONDS)


async def _see(onlooker: Onlooker, load: Load, lags: list[float]) -> None:
    known = set(load.acknowledged)
    covered = known - await onlooker.waiting()
    now = time.perf_counter()
    lags += [now - load.acknowledged.pop(record) for record in covered]


async def _all_covered(onlooker: Onlooker, load: Load, lags: list[float]) -> None:
    async with asyncio.timeout(120):
        while load.acknowledged:
            await _see(onlooker, load, lags)
            await asyncio.sleep(_LOOK_SECONDS)


async def _measured_costs(
    place: Place, small: Place, given: argparse.Namespace, figures: Figures
) -> None:
    """Measure each size against the smallest one, in turns.

    What a machine does in a second changes by half from one minute to the next; the two logs of
    a pair are measured within seconds of each other.
    """
    app, other = create_app(place.settings), create_app(small.settings)
    for each in (app, other):
        await each.state.sequencer.start()
    load, beside = Load(app, await _people(app)), Load(other, await _people(other))
    await _filled(other, beside, given.sizes[0])
    for size in given.sizes:
        held, reference = await _filled(app, load, size), await _size(other)
        pairs = [
            (
                await _round(place, app, load, given),
                await _round(small, other, beside, given),
            )
            for _ in range(given.rounds)
        ]
        medians = [statistics.median(large[side] for large, _ in pairs) for side in range(4)]
        ratios = [
            statistics.median(large[side] / little[side] for large, little in pairs)
            for side in range(4)
        ]
        figures.costs.append(
            (
                place.name,
                f"{held:,}",
                f"{reference:,}",
                *(
                    f"{1e6 * value / given.window:.0f} ({100 * (ratio - 1):+.0f} %)"
                    for value, ratio in zip(medians, ratios, strict=True)
                ),
                f"{_bytes_of(place) / 1e6:,.0f}",
            )
        )
        figures.held[f"cost at {size}"] = [value / given.window for value in medians]
        figures.held[f"times the cost of the smallest, at {size}"] = ratios
    for each in (app, other):
        await each.state.database.close()


async def _filled(app: FastAPI, load: Load, size: int) -> int:
    """Fill the log to a size by the append path, sequenced as it grows."""
    while True:
        held = await _size(app)
        if held >= size:
            return held
        chunk = min(20_000, size - held)
        appending = asyncio.create_task(load.count(_FILLING, chunk))
        while not appending.done():
            await app.state.sequencer.step()
            await asyncio.sleep(0.02)
        await appending
        await _sequenced(app)
        load.waits, load.acknowledged = [], {}


async def _size(app: FastAPI) -> int:
    async with app.state.database.begin() as session:
        state = await store.state(session)
    return 0 if state is None else state.size


async def _sequenced(app: FastAPI) -> None:
    while await app.state.sequencer.step():
        pass


async def _round(
    place: Place, app: FastAPI, load: Load, given: argparse.Namespace
) -> tuple[float, float, float, float]:
    """Return seconds by the clock and of processors: of appending, then of sequencing."""
    spent = []
    for work in (load.count(given.clients, given.window), _sequenced(app)):
        began, busy = time.perf_counter(), place.busy_seconds()
        await work
        spent += [time.perf_counter() - began, place.busy_seconds() - busy]
    return spent[0], spent[1], spent[2], spent[3]


def _bytes_of(place: Place) -> int:
    folder = place.keys.parent
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _audited(place: Place, figures: Figures) -> None:
    began = time.perf_counter()
    done = subprocess.Popen(
        [sys.executable, "-m", "gateway", "log", "audit"],
        env=place.environment,
        stdout=subprocess.PIPE,
    )
    watched, most = psutil.Process(done.pid), 0
    while done.poll() is None:
        try:
            most = max(most, watched.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.05)
    said = json.loads((done.stdout.read() if done.stdout else b"{}").decode().splitlines()[-1])
    took = time.perf_counter() - began
    figures.held["audit"] = {"seconds": took, "bytes": most, **said}


def _syncs(folder: Path, seconds: float) -> float:
    """Return how often a second a written page of 4 kB can be synced, one after another."""
    page, count = secrets.token_bytes(4096), 0
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            file.write(page)
            os.fdatasync(file.fileno())
            count += 1
    return count / seconds


def _hashes(size: int, seconds: float) -> float:
    message, count = secrets.token_bytes(size), 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        for _ in range(1000):
            hashlib.sha256(message).digest()
        count += 1000
    return count / (time.perf_counter() - began)


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out rows in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


_RATES = (
    "database",
    "path",
    "records",
    "a second",
    "p50 ms",
    "p99 ms",
    "max ms",
    "lag p50 s",
    "lag p99 s",
    "sampled",
)
_COSTS = (
    "database",
    "in the log",
    "in the other",
    "append µs",
    "of CPU",
    "sequence µs",
    "of CPU",
    "MB on disk",
)


def _print(figures: Figures, given: argparse.Namespace) -> None:
    if figures.rates:
        print(f"\n{given.clients} clients, {given.seconds:g} s each\n")
        print(table([_RATES, *figures.rates]))
    if figures.costs:
        print(f"\nCost of a record, median of {given.rounds} × {given.window:,}\n")
        print(table([_COSTS, *figures.costs]))
        print("  in brackets: against the smallest log, measured in turns, median of the pairs")
        audit = figures.held["audit"]
        print(
            f"  audit of {audit['size']:,}: {audit['seconds']:.1f} s, "
            f"{audit['bytes'] / 1e6:.0f} MB at most, {audit['verdict']}"
        )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure the transparency log.")
    parser.add_argument(
        "--on", nargs="+", choices=["sqlite", "postgresql"], default=["sqlite", "postgresql"]
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(_ON_DISK), help="on the disk to measure"
    )
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10, help="how long clients append; 0: not")
    parser.add_argument(
        "--sizes",
        nargs="*",
        type=int,
        default=[10_000, 100_000],
        help="sizes of the log at which its cost is measured",
    )
    parser.add_argument("--window", type=int, default=5_000, help="records a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    began, held = utc_now(), {}
    probe = min(2.0, given.seconds or 2.0)
    limits = {
        "fdatasync/s": _syncs(given.folder, probe),
        **{f"SHA-256/s of {size} bytes": _hashes(size, probe / 4) for size in (32, 65, 80)},
    }
    print(
        f"{began:%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors"
    )
    print("The machine: " + ", ".join(f"{name} {value:,.0f}" for name, value in limits.items()))
    for name in given.on:
        with tempfile.TemporaryDirectory(prefix="passerelle-bench-", dir=given.folder) as made:
            made_in = sqlite_in if name == "sqlite" else postgresql_in
            beside = Path(made) / "small"
            beside.mkdir()
            with made_in(Path(made)) as place, made_in(beside) as small:
                figures = Figures(name)
                if given.seconds:
                    asyncio.run(_measured_rates(place, given, figures))
                if given.sizes:
                    asyncio.run(_measured_costs(place, small, given, figures))
                    _audited(place, figures)
                _print(figures, given)
                held[name] = figures.held
    print(
        "\nNothing here is about a power cut: what was synced is on the disk if the disk is honest."
    )
    if given.json:
        told = {"at": began.isoformat(), "limits": limits, **held}
        given.json.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
