"""A platform that is killed again and again while clients write, and what its clients saw.

A client goes on with the same `Idempotency-Key` until it is answered, as a well-made one does. What
was answered 2xx is in the journal, and each checkpoint that was seen: `gathered` completes it to the
evidence that `ledger` judges.
"""

import asyncio
import base64
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

HERE = Path(__file__).parent
CLIENTS = 6
_dice = random.Random()  # noqa: S311 - a load, no secret
_UNAVAILABLE = 503
_RECEIPTS_AT_ONCE = 8


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Nursery:
    """The process that processes are forked from."""

    process: subprocess.Popen

    def ask(self, asked: dict[str, Any]) -> int:
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer, "the nursery died"
        return int(answer)


@contextmanager
def nursery(*modules: str) -> Iterator[Nursery]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "nursery.py"), *modules],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Nursery(process)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@dataclass
class Member:
    """One process of the platform: how it is started, and whether it runs."""

    nursery: Nursery
    arguments: list[str]
    environment: dict[str, str]
    log: Path
    package: str = "gateway"
    pid: int = 0

    def start(self) -> None:
        self.pid = self.nursery.ask(
            {
                "package": self.package,
                "arguments": self.arguments,
                "environment": self.environment,
                "log": str(self.log),
            }
        )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.over()

    def over(self) -> int:
        """Wait for its end, and return its exit status."""
        pid, self.pid = self.pid, 0
        return self.nursery.ask({"wait": pid})

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        return self.over()

    def said(self) -> str:
        return self.log.read_text()[-3000:] if self.log.exists() else ""


@contextmanager
def running(members: list[Member]) -> Iterator[list[Member]]:
    """Start members that do not run yet; none is left when this is over."""
    try:
        for member in members:
            if not member.pid:
                member.start()
        yield members
    finally:
        for member in members:
            if member.pid:
                member.kill()


def gateway(
    born_in: Nursery, url: str, keys_dir: Path, inside: str, folder: Path, name: str, **more: str
) -> Member:
    """A gateway, or with `verb="work"` the worker of one, that has not been started yet."""
    verb = more.pop("verb", "serve")
    environment = {
        "GATEWAY_DATABASE_URL": url,
        "GATEWAY_KEYS_DIR": str(keys_dir),
        "GATEWAY_PUBLIC_URL": "http://gateway",
        "GATEWAY_PORT": str(free_port()),
        "GATEWAY_WORKER_PORT": str(free_port()),
        "GATEWAY_ACCESS_TOKEN_LIFETIME": "PT15M",
        "GATEWAY_SEQUENCER_INTERVAL": "PT0.02S",
        "GATEWAY_CLIENT_REQUESTS_PER_MINUTE": "0",
        "GATEWAY_PEER_REQUESTS_PER_MINUTE": "0",
        **{f"GATEWAY_{s}_URL": inside for s in ("ANONYMIZER", "LLM_ROUTER", "LABOUR_MARKET", "REPORTS")},
        **more,
    }  # fmt: skip
    return Member(born_in, [verb], environment, folder / f"{name}.log")


def address(member: Member) -> str:
    return f"http://127.0.0.1:{member.environment['GATEWAY_PORT']}"


@dataclass
class Clients:
    """A centre's software in several tasks, and their one journal."""

    ledger: Any
    http: httpx.AsyncClient
    urls: list[str]
    credentials: tuple[str, str]
    counsellor: str
    calls: list[Callable[["Clients"], Awaitable[None]]]
    token: str = ""
    number: int = 0
    open: int = 0
    """Requests that wait for their answer."""
    abandoned: int = 0
    unavailable: int = 0
    odd: list[str] = field(default_factory=list)
    over: bool = False
    evidence: Any = None

    def __post_init__(self) -> None:
        self.evidence = self.ledger.Evidence()

    def note(self, kind: str, by: str | None = None) -> None:
        self.evidence.acknowledged.append(self.ledger.Acknowledged(kind, by))

    @property
    def acknowledged(self) -> int:
        return len(self.evidence.acknowledged)

    async def log_in(self) -> None:
        form = {"grant_type": "client_credentials"}
        if self.counsellor:
            form["counsellor"] = self.counsellor
        answer = await self._once("POST", "/oauth2/token", data=form, auth=self.credentials)
        if answer is not None and answer.status_code == 200:
            self.token = answer.json()["access_token"]

    async def _once(self, method: str, path: str, **content: Any) -> httpx.Response | None:
        """Ask any of the addresses once; None when nobody answered."""
        self.open += 1
        try:
            return await self.http.request(method, _dice.choice(self.urls) + path, **content)
        except httpx.TransportError:
            return None
        finally:
            self.open -= 1

    async def ask(self, method: str, path: str, **content: Any) -> httpx.Response | None:
        """Ask until it is answered; None when the siege is over, or the answer was lost for good."""
        self.number += 1
        given = {"Idempotency-Key": f"siege{self.number}", **content.pop("headers", {})}
        while not self.over:
            headers = {**given, "Authorization": f"Bearer {self.token}"}
            answer = await self._once(method, path, headers=headers, **content)
            if answer is not None and answer.status_code < 300:
                return answer
            if answer is None:
                await asyncio.sleep(0.02)
            elif answer.status_code in {429, _UNAVAILABLE}:
                self.unavailable += answer.status_code == _UNAVAILABLE
                await asyncio.sleep(0.05)
            elif answer.status_code == 401:
                await self.log_in()
            elif answer.json().get("code") in _LOST:
                self.abandoned += 1
                return None
            else:
                self.odd.append(f"{method} {path} {answer.status_code} {answer.text[:300]}")
                return None
        return None

    async def write(self) -> None:
        while not self.over:
            await _dice.choice(self.calls)(self)

    async def watch(self) -> None:
        """See each checkpoint that is published, one after the other."""
        while not self.over:
            answer = await self._once("GET", "/log/checkpoint")
            if answer is not None and answer.status_code == 200:
                self.see(answer.text)
            await asyncio.sleep(0.03)

    def see(self, text: str) -> None:
        seen = self.evidence.seen
        if not seen or seen[-1].text != text:
            seen.append(self.ledger.Note(text))

    @asynccontextmanager
    async def at_work(self, count: int = CLIENTS) -> AsyncIterator[None]:
        self.over = False
        tasks = [asyncio.create_task(self.write()) for _ in range(count)]
        tasks.append(asyncio.create_task(self.watch()))
        try:
            yield
        finally:
            self.over = True
            await asyncio.gather(*tasks)

    async def answered(self, more: int = 1, seconds: float = 60) -> None:
        """Wait until so many more calls were acknowledged."""
        wanted = self.acknowledged + more
        await self.until(lambda: self.acknowledged >= wanted, seconds, "nothing is acknowledged")

    async def until(self, claim: Callable[[], bool], seconds: float, otherwise: str) -> None:
        until = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < until, f"{otherwise} any more; odd: {self.odd}"
            await asyncio.sleep(0.005)


_LOST = {"idempotency_conflict", "run_cancelled", "model_failed", "provider_unavailable"}
"""Answers to a call whose first answer was lost, and which is not carried out again."""


def asks_for_consent(
    bilan: str,
    recipients: tuple[str, ...] = ("rcp_local-llm",),
    jurisdictions: tuple[str, ...] = ("FR",),
) -> Callable[[Clients], Any]:
    grant = {
        "purpose": "analysis",
        "data_categories": ["cv"],
        "recipients": list(recipients),
        "jurisdictions": list(jurisdictions),
    }

    async def call(clients: Clients) -> None:
        body = {"bilan": bilan, "grants": [grant]}
        answer = await clients.ask("POST", "/v1/consents", json=body)
        if answer is not None:
            clients.note("consent.requested", answer.json()["id"])

    return call


async def reads_records(clients: Clients) -> None:
    answer = await clients.ask("GET", "/v1/records?kind=consent.requested&limit=1")
    if answer is not None:
        clients.note("log.accessed")


def computes(bilan: str, document: str, use_case: str = "cv-analysis") -> Callable[[Clients], Any]:
    async def call(clients: Clients) -> None:
        body = {"bilan": bilan, "mode": "computed", "document": document}
        answer = await clients.ask("POST", f"/v1/use-cases/{use_case}/runs", json=body)
        if answer is not None:
            clients.note("run.computed", answer.json()["record"])

    return call


def asks_a_model(assisted: Any) -> Callable[[Clients], Any]:
    async def call(clients: Clients) -> None:
        answer = await clients.ask(
            "POST",
            "/v1/use-cases/cv-analysis/runs",
            json=assisted.body,
            headers={"Consent-Token": assisted.token},
        )
        if answer is not None:
            clients.note("ai.dispatch", answer.json()["record"])

    return call


async def _json(clients: Clients, path: str, **content: Any) -> Any:
    until = time.monotonic() + 60
    while True:
        headers = {"Authorization": f"Bearer {clients.token}"}
        answer = await clients._once("GET", path, headers=headers, **content)
        if answer is not None and answer.status_code == 401:
            await clients.log_in()
        elif answer is not None and answer.status_code in {200, 202}:
            return answer
        assert time.monotonic() < until, f"{path}: {answer and answer.text}"
        await asyncio.sleep(0.05)


async def gathered(clients: Clients) -> Any:
    """Complete the evidence, once nobody writes any more."""
    evidence = clients.evidence
    evidence.vkey = (await _json(clients, "/log/vkey")).text.strip()
    evidence.records = await _records(clients)
    by = clients.ledger.answering(evidence.records)
    wanted = {record for call in evidence.acknowledged for record in by[call.kind, call.by]}
    gate = asyncio.Semaphore(_RECEIPTS_AT_ONCE)

    async def receipt(record: str) -> None:
        async with gate:
            until = time.monotonic() + 60
            while (
                answer := await _json(clients, f"/v1/records/{record}/receipt")
            ).status_code == 202:
                assert time.monotonic() < until, f"{record} does not get into the log"
                await asyncio.sleep(0.05)
            evidence.receipts[record] = answer.json()

    await asyncio.gather(*map(receipt, wanted))
    clients.see((await _json(clients, "/log/checkpoint")).text)
    size = evidence.seen[-1].size
    evidence.leaves = await _leaves(clients, size)
    evidence.tiles = await _tiles(clients, size, clients.ledger.WIDTH)
    await _consistency(clients)
    return evidence


async def _records(clients: Clients) -> list[dict[str, Any]]:
    found, after = [], ""
    while True:
        page = (await _json(clients, f"/v1/records?limit=200{after}")).json()
        found += page["items"]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def _number(number: int) -> str:
    groups = [f"{number % 1000:03d}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03d}")
    return "/".join(reversed(groups))


def _paths(size: int, width: int) -> Iterator[tuple[int, str]]:
    for position in range(-(-size // width)):
        partial = size - position * width
        yield position, _number(position) + (f".p/{partial}" if partial < width else "")


async def _leaves(clients: Clients, size: int) -> list[bytes]:
    found = []
    for _, path in _paths(size, clients.ledger.WIDTH):
        body = (await _json(clients, f"/log/tile/entries/{path}")).content
        while body:
            length = int.from_bytes(body[:2])
            found.append(body[2 : 2 + length])
            body = body[2 + length :]
    return found


async def _tiles(clients: Clients, size: int, width: int) -> dict[tuple[int, int], bytes]:
    found, level = {}, 0
    while size:
        for position, path in _paths(size, width):
            found[level, position] = (await _json(clients, f"/log/tile/{level}/{path}")).content
        level, size = level + 1, size // width
    return found


async def _consistency(clients: Clients, at_most: int = 200) -> None:
    """Ask for proofs between checkpoints that were seen; each is some other's successor."""
    sizes = sorted({note.size for note in clients.evidence.seen if note.size})
    if len(sizes) > at_most:
        sizes = sorted({*_dice.sample(sizes, at_most), sizes[-1]})
    for old, size in pairwise(sizes):
        path = f"/log/proof/consistency?from={old}&to={size}"
        hashes = (await _json(clients, path)).json()["hashes"]
        proof = [base64.b64decode(h) for h in hashes]
        clients.evidence.consistency.append((old, size, proof))


def moment(longest: float) -> float:
    """A random number of seconds."""
    return _dice.uniform(0, longest)


def any_of(members: list[Member]) -> Member:
    return _dice.choice(members)


@dataclass
class Kills:
    """What was killed, and in what."""

    total: int = 0
    starting: int = 0
    answering: int = 0
    """With requests that waited for their answer."""


async def kill_once(clients: Clients, member: Member, kills: Kills, window: float = 0.5) -> None:
    """Kill it at a random moment, one time in four while it starts, and start it again."""
    if _dice.random() < 0.25:
        kills.starting += 1
        await asyncio.sleep(_dice.uniform(0, 1.5 * window))
    else:
        await clients.answered()
        await asyncio.sleep(_dice.uniform(0, window))
    kills.answering += clients.open > 1
    kills.total += 1
    member.kill()
    member.start()


@asynccontextmanager
async def http_client() -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=50, max_keepalive_connections=20)
    async with httpx.AsyncClient(timeout=30, trust_env=False, limits=limits) as http:
        yield http


async def settled(clients: Clients, seconds: float = 60) -> None:
    """Wait until an address answers, so that what is read next is read from a platform that runs."""
    until = time.monotonic() + seconds
    while True:
        answer = None
        with suppress(httpx.TransportError):
            answer = await clients._once("GET", "/readyz")
        if answer is not None and answer.status_code == 200:
            return
        assert time.monotonic() < until, "it does not become ready"
        await asyncio.sleep(0.05)
