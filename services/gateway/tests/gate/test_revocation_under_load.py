"""Withdrawals under load, on real processes: four replicas on one PostgreSQL, one on SQLite (9.3).

What the doubles received and when, what was acknowledged and when, and the order of the log make a
history; `history.violations` says what in it cannot have been. Instants are of the machine's one
monotonic clock, so those of several processes compare.
"""

import asyncio
import os
import random
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from gateway.tables import Base, LogOutbox, Record
from keel.database import Database
from keel.identifiers import new_id

pytestmark = pytest.mark.timeout(580)
_dice = random.Random()  # noqa: S311 - a load, no secret
_ENDED = {"consent_revoked", "run_cancelled"}
_AT_ONCE = 8
_CALLERS = 2
_KINDS = ("ai.dispatch", "ai.result", "ai.error", "ai.cancelled", "consent.revoked")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Subject:
    """One person's bilan with a document and an authorised consent."""

    bilan: str
    document: str
    consent: str


@dataclass
class Load:
    """The replicas, the doubles, and what was seen."""

    urls: list[str]
    pids: list[int]
    doubles: str
    centre: Any
    database: Database
    http: httpx.AsyncClient
    history: list[Any] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)
    acknowledged: dict[str, float] = field(default_factory=dict)
    number: int = 0
    usual: float = 1.0
    """Seconds that a run takes here and now: a withdrawal shall come in the middle of one."""

    async def ask(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Ask any replica; wait where it says that it is asked too often."""
        headers = {"Authorization": f"Bearer {self.centre.token}", **content.pop("headers", {})}
        if method == "POST":
            self.number += 1
            headers["Idempotency-Key"] = f"load{self.number}"
        while True:
            answer = await self.http.request(
                method, _dice.choice(self.urls) + path, headers=headers, **content
            )
            if answer.status_code != 429:
                return answer
            await asyncio.sleep(0.2)

    async def run(self, subject: Subject, token: str) -> httpx.Response:
        body = {"bilan": subject.bilan, "mode": "assisted", "document": subject.document}
        return await self.ask(
            "POST", "/v1/use-cases/cv-analysis/runs", json=body, headers={"Consent-Token": token}
        )

    async def draw(self, subject: Subject) -> str:
        drawn = await self.ask("POST", f"/v1/consents/{subject.consent}/token")
        return drawn.json()["consent_token"]

    async def withdraw(self, subject: Subject) -> None:
        answer = await self.ask("DELETE", f"/v1/consents/{subject.consent}")
        assert answer.status_code == 200, answer.text
        self.acknowledged[subject.consent] = time.monotonic()

    async def script(self, **asked: Any) -> list[dict[str, Any]]:
        answer = await self.http.post(f"{self.doubles}/control", json=asked)
        return answer.json()["received"]


@pytest.fixture(scope="module")
def history(beside):
    return beside("history")


async def people(app: Any, assisted: Any, count: int) -> list[Subject]:
    """Copy one person, bilan, document and consent `count` times: a page a person would take hours."""
    made = []
    tables = Base.metadata.tables
    async with app.state.database.begin(assisted.centre.tenant) as session:
        connection = await session.connection()

        async def rows(name: str, **where: str) -> list[dict[str, Any]]:
            table = tables[name]
            query = select(table).where(table.c.tenant == assisted.centre.tenant)
            for column, value in where.items():
                query = query.where(table.c[column] == value)
            return [dict(row._mapping) for row in await connection.execute(query)]

        person = (await rows("beneficiaries", id=assisted.bilan.beneficiary))[0]
        bilan = (await rows("bilans", id=assisted.bilan.id))[0]
        assigned = [
            (t.name, await rows(t.name, bilan=assisted.bilan.id))
            for t in tables.values()
            if "assignment" in t.name
        ]
        document = (await rows("documents", id=assisted.document))[0]
        consent = (await rows("consents", id=assisted.consent))[0]
        digests = {"reference": None, "reference_digest": None}
        for _ in range(count):
            ben, bil, doc, cns = (new_id(p) for p in ("ben", "bil", "doc", "cns"))
            made.append(Subject(bil, doc, cns))
            copies = [
                ("beneficiaries", {**person, "id": ben, **{k: v for k, v in digests.items() if k in person}}),
                ("bilans", {**bilan, "id": bil, "beneficiary": ben}),
                *((name, {**row, "id": new_id("asg"), "bilan": bil}) for name, found in assigned for row in found),
                ("documents", {**document, "id": doc, "bilan": bil}),
                ("consents", {**consent, "id": cns, "bilan": bil, "beneficiary": ben, "ceremony": new_id("cer"), "ceremony_sha256": secrets.token_bytes(32)}),
            ]  # fmt: skip
            for name, row in copies:
                await connection.execute(tables[name].insert(), row)
    return made


@contextmanager
def processes(
    url: str, keys_dir: Path, doubles: str, count: int, folder: Path, **changes: str
) -> Iterator[tuple[list[str], list[int]]]:
    """Start `count` gateways as an operator does; their ports are ready when this is entered."""
    started, urls = [], []
    behind = {
        f"GATEWAY_{name}_URL": doubles
        for name in ("ANONYMIZER", "LLM_ROUTER", "LABOUR_MARKET", "REPORTS")
    }
    given = {
        "GATEWAY_DATABASE_URL": url,
        "GATEWAY_KEYS_DIR": str(keys_dir),
        "GATEWAY_PUBLIC_URL": "http://gateway",
        **behind,
        **changes,
    }
    try:
        for i in range(count):
            port = free_port()
            with (folder / f"gateway{i}.log").open("w") as log:
                environment = {**os.environ, **given, "GATEWAY_PORT": str(port)}
                started.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "gateway", "serve"],
                        env=environment,
                        stdout=log,
                        stderr=log,
                    )
                )
            urls.append(f"http://127.0.0.1:{port}")
        for i, base in enumerate(urls):
            until = time.monotonic() + 60
            while True:
                try:
                    if httpx.get(f"{base}/readyz", trust_env=False).status_code == 200:
                        break
                except httpx.TransportError:
                    pass
                said = (folder / f"gateway{i}.log").read_text()[-2000:]
                assert started[i].poll() is None, said
                assert time.monotonic() < until, said
                time.sleep(0.1)
        yield urls, [process.pid for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


@contextmanager
def doubled() -> Iterator[str]:
    """The doubles, in a process of their own."""
    script = Path(__file__).parent / "inside.py"
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@asynccontextmanager
async def loaded(
    app: Any,
    url: str,
    keys_dir: Path,
    assisted: Any,
    folder: Path,
    replicas: int = 4,
    **changes: str,
) -> AsyncIterator[Load]:
    await app.state.stop()  # SQLite has one writing process: from here on that which is measured
    count = 1 if url.startswith("sqlite") else replicas
    limits = httpx.Limits(max_connections=200, max_keepalive_connections=200)
    with (
        doubled() as doubles,
        processes(url, keys_dir, doubles, count, folder, **changes) as (urls, pids),
    ):
        async with httpx.AsyncClient(timeout=60, trust_env=False, limits=limits) as http:
            database = Database(url)
            try:
                yield Load(urls, pids, doubles, assisted.centre, database, http)
            finally:
                await database.close()


async def withdrawn_under_load(load: Load, subject: Subject, history: Any) -> None:
    """Two callers run one after the other without a pause; somewhere in it the person withdraws."""
    token = await load.draw(subject)

    async def call() -> None:
        while True:
            began = time.monotonic()
            answer = await load.run(subject, token)
            if answer.status_code == 201:
                load.usual += 0.2 * (time.monotonic() - began - load.usual)
                load.history.append(
                    history.Delivered(answer.headers["transparency-record"], time.monotonic())
                )
                continue
            code = answer.json()["code"]
            if code not in _ENDED:
                load.odd.append(f"{answer.status_code} {code}")
            return

    async def withdraw() -> None:
        await asyncio.sleep(_dice.uniform(0.3, 1.7) * load.usual)
        await load.withdraw(subject)

    await asyncio.gather(*(call() for _ in range(_CALLERS)), withdraw())


async def witnessed(load: Load, history: Any) -> dict[str, Any]:
    """Complete the history from the double's notes and the log; returns the double's notes by record."""
    until = time.monotonic() + 60
    while True:
        async with load.database.begin() as session:
            if not await session.scalar(select(func.count()).select_from(LogOutbox)):
                break
        assert time.monotonic() < until, "the log does not catch up"
        await asyncio.sleep(0.1)
    attempts = {c["record"]: c for c in await load.script() if c["path"] == "/attempts"}
    load.history += [
        history.Received(record, call["read"] or call["at"]) for record, call in attempts.items()
    ]
    load.history += [history.Acknowledged(consent, at) for consent, at in load.acknowledged.items()]
    async with load.database.begin(load.centre.tenant) as session:
        rows = (
            await session.scalars(
                select(Record).where(Record.kind.in_(_KINDS), Record.consent.in_(load.acknowledged))
            )
        ).all()
    load.history += [history.Logged(r.log_index, r.id, r.kind, r.consent, r.prev) for r in rows]
    return attempts


def cancelled_after(load: Load, history: Any, attempts: dict[str, Any]) -> list[float]:
    """For each call that was in flight at its withdrawal: seconds until the gateway left the model."""
    consent_of = {
        e.record: e.consent
        for e in load.history
        if isinstance(e, history.Logged) and e.kind == "ai.dispatch"
    }
    found = []
    for record, call in attempts.items():
        at = load.acknowledged.get(consent_of.get(record, ""))
        if at is not None and call["left"] is not None:
            found.append(max(0.0, call["left"] - at))
    return sorted(found)


def p99(ascending: list[float]) -> float:
    return ascending[int(len(ascending) * 0.99)] if ascending else 0.0


async def usual(load: Load, subjects: list[Subject]) -> float:
    """How long a run takes when as many go on as in the load that follows."""
    tokens = [await load.draw(subject) for subject in subjects]
    await asyncio.gather(*(load.run(s, token) for s, token in zip(subjects, tokens, strict=True)))
    began = time.monotonic()
    await asyncio.gather(*(load.run(s, token) for s, token in zip(subjects, tokens, strict=True)))
    return time.monotonic() - began


async def play(load: Load, subjects: list[Subject], history: Any, seconds: float) -> None:
    waiting, until = iter(subjects), time.monotonic() + seconds
    alone = await usual(load, subjects[: 2 * _AT_ONCE])
    # The model takes as long as all the rest: whatever else this machine does, about half of the
    # withdrawals find a call in flight, and half find one before its gate or after its answer.
    await load.script(pace=alone / 3)
    load.usual = 2 * alone

    async def work() -> None:
        for subject in waiting:
            assert time.monotonic() < until, "too slow for a part"
            await withdrawn_under_load(load, subject, history)

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


_SAMPLE = pytest.param(12, id="sample of 12")
_FULL = [pytest.param(200, id=f"200-part{part}", marks=pytest.mark.full) for part in range(1, 6)]


@pytest.mark.parametrize("count", [_SAMPLE, *_FULL])
async def test_no_dispatch_starts_after_a_withdrawal_was_acknowledged(
    app, gateway_url, keys_dir, assisted, tmp_path, history, capsys, count
):
    subjects = await people(app, assisted, count)
    replicas = 4 if count > 12 else 2
    async with loaded(app, gateway_url, keys_dir, assisted, tmp_path, replicas) as load:
        await play(load, subjects, history, seconds=500)
        attempts = await witnessed(load, history)
        left = cancelled_after(load, history, attempts)
    late = history.lateness(load.history)
    with capsys.disabled():
        print(  # noqa: T201 - figures for the note
            f"\n  {len(load.urls)} processes, {len(load.acknowledged)} withdrawals, {len(attempts)} attempts; "
            f"started after: {len(history.started_late(load.history))}; "
            f"last bytes that came after: {len(late)}, p99 {p99(late):.3f} s; "
            f"cancelled in flight: {len(left)}, p99 {p99(left):.3f} s, longest {max(left, default=0):.3f} s"
        )
    assert history.violations(load.history) == []
    assert load.odd == []
    assert len(load.acknowledged) == count
    assert len(attempts) > count / 2, "too little was sent to tell anything"
    assert len(left) >= count / 4, "too little was in flight to tell anything"
    assert p99(left) < 1
    assert p99(late) < 1


async def at_the_model(load: Load, runs: list[asyncio.Task[httpx.Response]], known: int) -> None:
    """Wait until each run is at the model, or ended on the way there."""
    while True:
        arrived = sum(call["path"] == "/attempts" for call in await load.script(known=known))
        if arrived + sum(run.done() for run in runs) >= len(runs):
            return
        await asyncio.sleep(0.1)


_SERVER = pytest.mark.postgresql
_CUT = [
    pytest.param("postgresql", 10, id="postgresql-sample of 10", marks=_SERVER),
    pytest.param("postgresql", 200, id="postgresql-200-cut", marks=[_SERVER, pytest.mark.full]),
    # One process needs no news of itself.
    pytest.param("sqlite", 200, id="sqlite-200-cut", marks=pytest.mark.full),
]


@pytest.mark.parametrize(("migrated", "count"), _CUT, indirect=["migrated"])
async def test_with_the_news_cut_no_output_is_delivered(
    app, gateway_url, keys_dir, assisted, tmp_path, history, capsys, count
):
    """The model answers right after the withdrawal was acknowledged, before anybody asked again."""
    subjects = await people(app, assisted, count)
    statuses = []
    cut = {"GATEWAY_LISTEN_FOR_WITHDRAWALS": "false"}
    replicas = 4 if count > 10 else 2
    async with loaded(app, gateway_url, keys_dir, assisted, tmp_path, replicas, **cut) as load:
        for first in range(0, count, 20):
            batch = subjects[first : first + 20]
            known = len(await load.script(go=False, pieces=1))
            tokens = [await load.draw(subject) for subject in batch]
            runs = [
                asyncio.create_task(load.run(s, token))
                for s, token in zip(batch, tokens, strict=True)
            ]
            await at_the_model(load, runs, known)
            await asyncio.gather(*(load.withdraw(subject) for subject in batch))
            await load.script(go=True)
            statuses += [
                (answer.status_code, answer.json().get("code"))
                for answer in await asyncio.gather(*runs)
            ]
        await witnessed(load, history)
    delivered = sum(status == 201 for status, _ in statuses)
    with capsys.disabled():
        print(  # noqa: T201 - a figure for the note
            f"\n  {len(load.urls)} processes, news cut: {delivered} of {len(statuses)} outputs delivered"
        )
    assert set(statuses) == {(409, "run_cancelled")}
    assert len(statuses) == count
    assert history.violations(load.history) == []
