"""What reaches a model was let out by the gate, and what reaches another service was admitted just before.

Looked at from the receiving side: the double notes each request, and looks into the database at that
very moment for the committed record that its pass names.
"""

import ast
import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

import gateway as package
from gateway.records import store as record_store

SOURCES = Path(package.__file__).parent
_SAME_ON_BOTH = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)
"""What no database decides: `make test` plays it on one, `make verify` on both."""


@pytest.fixture
def looked_up(app, centre, inside):
    """For each attempt, the kind of the record that its pass names, as committed when it arrived."""
    found = []

    async def look(operation):
        if operation != "attempt":
            return
        named = inside.attempts[-1]["record"]
        async with app.state.database.begin(centre.tenant) as session:
            row = await record_store.find(session, centre.tenant, named)
        found.append((named, None if row is None else row.kind))

    inside.before = look
    return found


async def plain(assisted, url):
    assert (await assisted.run()).status_code == 201


async def streamed(assisted, url):
    async with assisted.stream(url) as told:
        assert [name async for name, _ in told][-1] == "result"


async def repeated(assisted, url):
    for _ in range(2):
        assert (await assisted.run(**{"Idempotency-Key": "again"})).status_code == 201


async def best(assisted, url):
    assert (await assisted.run(mode="best")).status_code == 201


async def left_by_its_caller(assisted, url):
    async with assisted.stream(url) as told:
        async for name, _ in told:
            if name == "delta":
                return


@_SAME_ON_BOTH
@pytest.mark.parametrize(
    ("way", "attempts"),
    [(plain, 1), (streamed, 1), (repeated, 1), (best, 1), (left_by_its_caller, 1)],
    ids=["a plain run", "a stream", "a repeat", "the best mode", "a caller who leaves"],
)
async def test_each_request_at_the_model_names_a_dispatch_that_was_committed_before(
    app, assisted, inside, looked_up, served, eventually, way, attempts
):
    inside.pace = 0.02
    async with served(app) as url:
        await way(assisted, url)
        await eventually(lambda: len(looked_up) == attempts)
    assert [kind for _, kind in looked_up] == ["ai.dispatch"] * attempts
    assert len({named for named, _ in looked_up}) == attempts, "a pass is good for one attempt"
    assert all(attempt["op"] == "attempt" for attempt in inside.attempts)


async def test_each_fall_back_passes_the_gate_again(assisted, inside, looked_up):
    inside.deployments, inside.failing = ["one", "two", "three"], {"one", "two"}
    assert (await assisted.run()).status_code == 201
    assert [kind for _, kind in looked_up] == ["ai.dispatch"] * 3
    assert len({named for named, _ in looked_up}) == 3
    dispatches = {row.id: row for row in await assisted.records("ai.dispatch")}
    assert set(dispatches) == {named for named, _ in looked_up}
    for attempt, tried in zip(inside.attempts, inside.deployments, strict=True):
        assert dispatches[attempt["record"]].said["body"]["deployment_id"] == tried
    closed = [(row.prev, row.kind) for row in await assisted.records("ai.error", "ai.result")]
    assert sorted(closed) == sorted(
        zip(
            (a["record"] for a in inside.attempts),
            ["ai.error", "ai.error", "ai.result"],
            strict=True,
        )
    )


async def test_a_withdrawal_between_two_attempts_stops_the_second(assisted, inside):
    inside.deployments, inside.failing = ["one", "two"], {"one"}

    async def change_ones_mind(operation):
        if operation == "attempt":
            await assisted.withdraw()

    inside.before = change_ones_mind
    answer = await assisted.run()
    assert answer.json()["code"] in {"run_cancelled", "consent_revoked"}
    assert len(inside.attempts) == 1


@_SAME_ON_BOTH
@pytest.mark.parametrize(
    "repeated_with",
    [{}, {"Consent-Token": "none.such.token"}, {"Accept": "text/event-stream"}],
    ids=["what it had", "another token", "a stream asked for"],
)
async def test_a_repeat_after_a_withdrawal_gives_nothing_and_reaches_nobody(
    assisted, inside, repeated_with
):
    first = await assisted.run(**{"Idempotency-Key": "again"})
    assert first.status_code == 201
    replayed = await assisted.run(**{"Idempotency-Key": "again"})
    assert replayed.headers["idempotency-replayed"] == "true"
    await assisted.withdraw()
    before = len(inside.received)
    again = await assisted.run(**{"Idempotency-Key": "again", **repeated_with})
    assert (again.status_code, again.json()["code"]) == (403, "consent_revoked")
    assert len(inside.received) == before


@_SAME_ON_BOTH
async def test_every_inside_call_has_a_pass_of_its_own(assisted, inside):
    assert (await assisted.run()).status_code == 201
    passes = [call["jti"] for call in inside.received]
    assert None not in passes
    assert len(set(passes)) == len(passes)


@_SAME_ON_BOTH
@pytest.mark.parametrize("mode", ["computed", "assisted"])
async def test_a_bilan_that_is_closed_in_the_middle_of_a_run_stops_its_next_step(
    app, assisted, inside, mode
):
    """Each step in turn: what was already under way ends, and nothing about the person follows it."""
    inside.received.clear()
    assert (await assisted.run(mode=mode)).status_code == 201
    steps = [call["op"] for call in inside.received if call["bilan"]]
    assert len(steps) >= 2

    async def close(status):
        async with app.state.database.begin(assisted.centre.tenant) as session:
            await session.execute(text("UPDATE bilans SET status = :status"), {"status": status})

    for turn, step in enumerate(steps[:-1]):
        inside.received.clear()
        seen = []

        async def closing(operation, at=turn, seen=seen):
            if inside.received[-1]["bilan"]:
                seen.append(operation)
                if len(seen) == at + 1:
                    await close("closed")

        inside.before = closing
        answer = await assisted.run(mode=mode)
        inside.before = None
        await close("open")
        if (
            steps[turn + 1] == "attempt"
        ):  # the gate looks at the consent, whose epoch a closing raises
            continue
        assert (answer.status_code, answer.json()["code"]) == (409, "bilan_not_open"), step
        assert seen == steps[: turn + 1]


@_SAME_ON_BOTH
async def test_a_document_whose_reading_nobody_saw_the_end_of_is_taken_back_from_a_closed_bilan_too(
    app, assisted, inside
):
    async def close_and_hang(operation):
        if operation == "intake_document":
            async with app.state.database.begin(assisted.centre.tenant) as session:
                await session.execute(text("UPDATE bilans SET status = 'closed'"))
            await asyncio.sleep(5)

    inside.before = close_and_hang
    given = {"data": {"bilan": assisted.bilan.id}, "files": {"file": ("cv.txt", b"CV")}}
    upload = asyncio.create_task(assisted.centre.call("POST", "/v1/documents", **given))
    await asyncio.sleep(0.5)
    upload.cancel()
    await asyncio.gather(upload, return_exceptions=True)
    assert [call["op"] for call in inside.received][-1] == "delete_document"


def _names(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield node.attr


def test_only_the_gate_can_mint_a_pass():
    """Its key is handed to the gate by the wiring, and its maker is imported nowhere else."""
    outside = [path for path in SOURCES.rglob("*.py") if path.parent != SOURCES / "gate"]
    minting = {
        path.relative_to(SOURCES).as_posix()
        for path in outside
        if any(name in {"keel.passes.PassMint", "keel.passes", "mint"} for name in _names(path))
    }
    assert minting == set()
    keyed = {p.relative_to(SOURCES).as_posix() for p in outside if "passes" in set(_names(p))}
    assert keyed <= {"app.py", "keyring.py"}
