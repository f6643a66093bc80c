"""Others follow the log and cosign what continues what they saw; none of them can hold it up.

Played against a strict witness that was written from the C2SP text, and against `aics-witness`.
"""

import asyncio
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import metamorphic_log
import pytest
from pydantic import ValidationError
from sqlalchemy import delete, insert, select, text
from tlog_scales import tiles
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

from gateway.app import create_app
from gateway.log.service import NewOrigin
from gateway.records.rules import Fact, Kind
from gateway.settings import Settings
from gateway.tables import Base, Record
from gateway.witnesses.calling import Callers
from gateway.witnesses.service import LogBehind

ORIGIN = "example.org/passerelle/witnessed"


LOG = ("log_state", "log_entries", "log_tiles")


def _table(name: str) -> Any:
    return Base.metadata.tables[name]


class Story:
    """A gateway with its log, and what one can do with it."""

    def __init__(self, app: Any, http: httpx.AsyncClient, tenant: str) -> None:
        self.app, self.http, self.tenant = app, http, tenant
        self.time_limit = 1.0

    async def write(self, records: int = 1) -> None:
        """Write records and sequence them."""
        async with self.app.state.database.begin(self.tenant) as session:
            for _ in range(records):
                fact = Fact(Kind.RUN_COMPUTED, self.tenant)
                await self.app.state.records.write(session, fact)
        while await self.app.state.sequencer.step():
            pass

    async def write_only(self) -> None:
        async with self.app.state.database.begin(self.tenant) as session:
            await self.app.state.records.write(session, Fact(Kind.RUN_COMPUTED, self.tenant))

    async def rows(self) -> dict[str, list[Any]]:
        """What the log holds, as a backup has it."""
        async with self.app.state.database.begin() as session:
            return {
                name: [
                    dict(row) for row in (await session.execute(select(_table(name)))).mappings()
                ]
                for name in LOG
            }

    async def restore(self, rows: dict[str, list[Any]]) -> None:
        """Put a backup back, past the triggers of what is running (SQLite)."""
        async with self.app.state.database.begin() as session:
            triggers = (
                "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name LIKE 'log_%'"
            )
            for (name,) in (await session.execute(text(triggers))).all():
                await session.execute(text(f'DROP TRIGGER "{name}"'))
            for name, held in rows.items():
                await session.execute(delete(_table(name)))
                await session.execute(insert(_table(name)), held)

    async def ask(self) -> None:
        """Show every witness the newest checkpoint, also one that is given a rest."""
        for standing in self.app.state.witnesses._standing.values():
            standing.not_before = 0.0
        async with Callers(self.time_limit) as callers:
            await self.app.state.witnesses.ask(callers)

    async def receipt(self, index: int) -> dict[str, Any]:
        """The receipt of the record at a place of the log."""
        async with self.app.state.database.begin(self.tenant) as session:
            row = (await session.scalars(select(Record).filter_by(log_index=index))).one()
            return await self.app.state.records.receipt(session, row)

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def checkpoint(self) -> Checkpoint:
        return Checkpoint.from_text((await self.get("/log/checkpoint")).text)

    def outcome(self, witness: Any) -> str:
        standing = self.app.state.witnesses._standing
        (found,) = [s.outcome for i, s in standing.items() if i.startswith(witness.name + "+")]
        return str(found)


@pytest.fixture
async def story(gateway_url: str, keys_dir: Path) -> AsyncIterator[Callable[..., Any]]:
    """Open a gateway whose log these witnesses follow: `await story(witness, …)`."""
    stack: list[Any] = []

    def settings(witnesses: list[Any], **more: Any) -> Settings:
        return Settings(
            database_url=gateway_url,
            keys_dir=keys_dir,
            log_origin=ORIGIN,
            log_witnesses=[{"url": w.url, "vkey": w.vkey} for w in witnesses],
            log_witness_loopback=True,
            log_witness_interval=timedelta(hours=1),
            sequencer_interval=timedelta(hours=1),
            webhook_interval=timedelta(hours=1),
            **more,
        )

    async def open_with(*witnesses: Any, **more: Any) -> Story:
        app = create_app(settings(list(witnesses), **more))
        lifespan = app.router.lifespan_context(app)
        await lifespan.__aenter__()
        transport = httpx.ASGITransport(app)
        http = httpx.AsyncClient(transport=transport, base_url="http://gateway")
        stack.extend((lifespan, http))
        async with app.state.database.begin() as session:
            tenant = (await app.state.tenants.create(session, "Centre d’essai", None)).tenant
        return Story(app, http, tenant)

    yield open_with
    while stack:
        await stack.pop().__aexit__(None, None, None)


@pytest.fixture
def log_vkey(keys_dir: Path) -> str:
    from gateway.keyring import Keyring  # noqa: PLC0415
    from gateway.log.rules import verifier_key  # noqa: PLC0415

    return verifier_key(ORIGIN, Keyring.open(keys_dir).log.held(1)[0].key)


@pytest.fixture
def witness(beside, log_vkey) -> Any:
    with beside("witness").Served(beside("witness").Witness(ORIGIN, log_vkey)) as served:
        yield served


@pytest.fixture
def new_witness(beside, log_vkey) -> Any:
    with ExitStack() as stack:

        def create(name: str, **more: Any) -> Any:
            module = beside("witness")
            served = module.Served(module.Witness(ORIGIN, log_vkey, name, **more))
            return stack.enter_context(served)

        yield create


async def test_a_cosigned_checkpoint_carries_the_witness_s_line(story, witness, third_party):
    one = await story(witness)
    await one.write(300)
    await one.ask()
    checkpoint = await one.checkpoint()
    checkpoint.verify(Vkey.from_string(witness.vkey))
    assert (witness.size, witness.root) == (checkpoint.size, checkpoint.root_hash)
    assert (await one.get("/log/witnessed")).text == (await one.get("/log/checkpoint")).text
    assert one.outcome(witness) == "cosigned"


async def test_what_grew_since_is_shown_with_its_proof_and_the_witnessed_stays(story, witness):
    one = await story(witness)
    for grows_by in (3, 254, 300, 1):
        await one.write(grows_by)
        await one.ask()
    assert witness.answered[-4:] == [200] * 4
    before = (await one.get("/log/witnessed")).text
    await one.write(5)
    assert (await one.get("/log/witnessed")).text == before
    checkpoint = await one.checkpoint()
    assert checkpoint.size == witness.size + 5
    with pytest.raises(RuntimeError):  # the newest is not cosigned yet
        checkpoint.verify(Vkey.from_string(witness.vkey))
    Checkpoint.from_text(before).verify(Vkey.from_string(witness.vkey))


async def test_a_witness_that_knows_another_size_is_answered_from_there(story, witness):
    one = await story(witness)
    await one.write(10)
    await one.ask()
    kept = (witness.size, witness.root)
    await one.write(10)
    await one.ask()
    witness.size, witness.root = kept  # it was restored from a backup of its own
    await one.write(10)
    await one.ask()
    assert witness.answered[-2:] == [409, 200]
    assert one.outcome(witness) == "cosigned"


async def test_a_log_at_rest_is_not_asked_about_again(story, witness):
    one = await story(witness)
    await one.write()
    await one.ask()
    asked = len(witness.asked)
    await one.ask()
    assert len(witness.asked) == asked


PAGE = (Path(__file__).parents[4] / "docs" / "verify.md").read_text()
SIGNED, *_ = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
(TYPED,) = re.findall(r"^```sh witness\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


async def test_the_commands_of_the_auditors_page_work(story, witness, log_vkey, served, tmp_path):
    one = await story(witness)
    await one.write()
    await one.ask()
    (tmp_path / "passerelle.vkey").write_text(log_vkey)
    (tmp_path / "witnesses.vkeys").write_text(witness.vkey)
    tools = Path(sys.executable).parent
    async with served(one.app) as url:
        process = await asyncio.create_subprocess_exec(
            "bash", "-eu", "-o", "pipefail", "-c", SIGNED + TYPED,
            cwd=tmp_path,
            env={"PATH": f"{tools}:{os.environ['PATH']}", "LOG": f"{url}/log"},
            stdout=subprocess.PIPE,
        )  # fmt: skip
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert f"{witness.name} at " in said.decode()


BAD = {
    "hangs": "timed_out", "signs another tree": "forged", "signs the far future": "forged",
    "says it was larger": "ahead", "changes its mind": "refused", "babbles": "too_long",
    "breaks": "refused", "sends elsewhere": "redirected",
}  # fmt: skip


async def test_none_that_hangs_or_lies_stops_the_log_or_another_witness(story, new_witness):
    good = new_witness("witness.example/good")
    bad = [
        (new_witness(f"witness.example/{manners.replace(' ', '-')}", manners=manners), outcome)
        for manners, outcome in BAD.items()
    ]
    one = await story(good, *(w for w, _ in bad))
    one.time_limit = 0.5
    await one.write(10)
    asking = asyncio.create_task(one.ask())
    await one.write(10)  # while one of them hangs
    await asking
    assert {w.name: one.outcome(w) for w, _ in bad} == {w.name: said for w, said in bad}
    assert one.outcome(good) == "cosigned"
    lines = (await one.get("/log/witnessed")).text.split("\n\n")[1].splitlines()
    assert [line.split(" ")[1] for line in lines] == [ORIGIN, good.name]
    assert (await one.get("/readyz")).status_code == 200


# Its story puts rows back by hand, which is written for SQLite's own catalogue.
@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
async def test_a_database_that_was_restored_is_signed_no_more(story, witness):
    """The witness shows a larger tree under our own signature: nobody can make that up."""
    one = await story(witness)
    await one.write(10)
    before = await one.rows()
    await one.write(10)
    await one.ask()
    await one.restore(before)
    await one.write_only()
    await one.ask()
    assert one.outcome(witness) == "ahead"
    assert one.app.state.witnesses.saw_us_larger
    with pytest.raises(LogBehind):
        await one.app.state.work._sequence()
    assert (await one.checkpoint()).size == 11
    await one.app.state.sequencer.begin_anew(NewOrigin.RESTORED)  # what the operator then does
    await one.ask()
    assert not one.app.state.witnesses.saw_us_larger
    await one.app.state.work._sequence()


async def test_a_witness_that_only_says_so_is_not_believed(story, witness):
    witness.manners = "says it was larger"
    one = await story(witness)
    await one.write(10)
    await one.ask()
    witness.note = (await one.get("/log/checkpoint")).content.replace(b"\n11\n", b"\n1000000\n")
    await one.ask()
    assert not one.app.state.witnesses.saw_us_larger
    await one.app.state.work._sequence()


async def test_a_line_of_somebody_else_is_ignored(story, witness):
    witness.manners = "among others"
    one = await story(witness)
    await one.write()
    await one.ask()
    assert "witness.example/other" not in (await one.get("/log/checkpoint")).text
    assert one.outcome(witness) == "cosigned"


async def test_enough_of_them_make_a_witnessed_checkpoint(story, new_witness):
    first, second = new_witness("witness.example/a"), new_witness("witness.example/b")
    one = await story(first, second, log_witness_quorum=2)
    second.manners = "breaks"
    await one.write()
    await one.ask()
    assert (await one.get("/log/witnessed")).status_code == 404
    second.manners = "good"
    await one.ask()
    text = (await one.get("/log/witnessed")).text
    for witness in (first, second):
        Checkpoint.from_text(text).verify(Vkey.from_string(witness.vkey))


async def test_a_receipt_proves_its_leaf_under_what_the_witness_cosigned(story, witness, log_vkey):
    one = await story(witness)
    await one.write(3)
    await one.ask()
    await one.write(2)
    for index, size, is_cosigned in ((1, witness.size, True), (witness.size, 6, False)):
        receipt = await one.receipt(index)
        proof, _, note = receipt["proof"].partition("\n\n")
        checkpoint = Checkpoint.from_text(note)
        assert checkpoint.size == size
        path = [base64.b64decode(line) for line in proof.splitlines()[2:]]
        hashed = tiles.leaf_hash(base64.urlsafe_b64decode(receipt["leaf"] + "=="))
        metamorphic_log.checkpoint_verify_inclusion(note, [log_vkey], index, hashed, path)
        if is_cosigned:
            checkpoint.verify(Vkey.from_string(witness.vkey))
        else:
            with pytest.raises(RuntimeError):
                checkpoint.verify(Vkey.from_string(witness.vkey))


async def test_without_witnesses_there_is_no_witnessed_checkpoint(story):
    one = await story()
    await one.write()
    answer = await one.get("/log/witnessed")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_witness_that_trusts_another_key_or_log_says_so(story, new_witness, log_vkey):
    stranger = new_witness("witness.example/a")
    stranger.log_vkey = stranger.vkey.replace(stranger.name, ORIGIN)
    elsewhere = new_witness("witness.example/b")
    elsewhere.origin = "example.org/other"
    one = await story(stranger, elsewhere)
    await one.write()
    await one.ask()
    # A key that it does not know it must ignore: nothing that it trusts has signed.
    assert one.outcome(stranger) == "unknown_key"
    assert one.outcome(elsewhere) == "unknown_log"


VKEY = "witness.example/w1+{}+{}"


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ({"url": "http://witness.example"}, "not https://"),
        ({"url": "https://user@witness.example"}, "no https:// URL"),
        ({"url": "https://witness.example/?a=b"}, "no https:// URL"),
        ({"url": "ftp://witness.example"}, "no https:// URL"),
        ({"url": "http://127.0.0.1:7380"}, "over https://"),
        ({"vkey": "witness.example/w1"}, "no line"),
        ({"vkey": "witness.example/w1+00000000+BA=="}, "type 0x04"),
        ({"vkey": None}, "id does not fit"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else next(iter(value.items()))[1],
)
def test_what_cannot_be_a_witness_stops_the_start(beside, keys_dir, named, why):
    vkey = beside("witness").Witness(ORIGIN, "").vkey
    given = {"url": "https://witness.example", "vkey": vkey, **named}
    if given["vkey"] is None:
        given["vkey"] = re.sub(r"\+[0-9a-f]{8}\+", "+00000000+", vkey)
    with pytest.raises(ValidationError, match=why):
        Settings(database_url="sqlite://", keys_dir=keys_dir, log_witnesses=[given])


@pytest.fixture
def aics_witness(tmp_path: Path, aics_python: Path, log_vkey: str) -> Any:
    """`aics-witness`, as its own documentation says to run it."""
    program, config = aics_python.parent / "aics-witness", tmp_path / "witness.json"

    def run(*verb: str) -> str:
        command = [program, verb[0], "--config", config, *verb[1:]]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    name = "witness.example/aics"
    vkey = run("init", "--name", name, "--listen", f"127.0.0.1:{port}")
    run("add-log", "--origin", ORIGIN, "--vkey", log_vkey)
    process = subprocess.Popen([program, "serve", "--config", config], stderr=subprocess.DEVNULL)
    url, until = f"http://127.0.0.1:{port}", time.monotonic() + 30
    while True:
        try:
            assert httpx.get(f"{url}/healthz", trust_env=False).status_code == 200
            break
        except httpx.TransportError:
            assert time.monotonic() < until
            time.sleep(0.1)
    yield SimpleNamespace(url=url, vkey=vkey, name=name, run=run)
    process.terminate()
    process.wait(10)


@pytest.mark.full
async def test_an_independent_witness_follows_the_log(story, aics_witness, said):
    one = await story(aics_witness)
    one.time_limit = 10
    for grows_by in (3, 254, 300, 1):
        await one.write(grows_by)
        await one.ask()
        assert one.outcome(aics_witness) == "cosigned"
    checkpoint = await one.checkpoint()
    checkpoint.verify(Vkey.from_string(aics_witness.vkey))
    (log,) = json.loads(aics_witness.run("status", "--json"))["logs"]
    assert log["size"] == checkpoint.size
    said(cosigned_by_aics_witness=checkpoint.size)
