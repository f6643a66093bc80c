"""What the tests of a log under attack stand on; the doubles and stories are those of the gate."""

import importlib.util
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from keel.clock import utc_now

HERE = Path(__file__).parent


def _load(folder: Path, name: str) -> ModuleType:
    """A module of a folder of tests: they are files, no package."""
    known = f"{folder.name}_tests_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, folder / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]


_gate = _load(HERE.parent / "gate", "conftest")
inside, app, assisted, eventually = _gate.inside, _gate.app, _gate.assisted, _gate.eventually


@pytest.fixture(scope="session")
def beside() -> Callable[[str], ModuleType]:
    return lambda name: _load(HERE, name)


@pytest.fixture(scope="session")
def ledger(beside: Callable[[str], ModuleType]) -> ModuleType:
    return beside("ledger")


@pytest.fixture(scope="session")
def siege(beside: Callable[[str], ModuleType]) -> ModuleType:
    return beside("siege")


@pytest.fixture(scope="session")
def witnessing() -> ModuleType:
    """The strict witness of the auditors' tests."""
    return _load(HERE.parent / "auditing", "witness")


@pytest.fixture(scope="module")
def nursery(siege: ModuleType) -> Iterator[Any]:
    with siege.nursery() as born_in:
        yield born_in


@pytest.fixture
def member(
    nursery: Any, siege: ModuleType, gateway_url: str, keys_dir: Path, inside: Any, tmp_path: Path
) -> Callable[..., Any]:
    """A gateway that is not started yet: `member("first")`, `member("worker", verb="work")`."""
    return lambda name, **more: siege.gateway(
        nursery, gateway_url, keys_dir, inside.url, tmp_path, name, **more
    )


@pytest.fixture
def besieged(siege: ModuleType, ledger: ModuleType, app: Any, assisted: Any) -> Callable[..., Any]:
    """Leave the set-up's own process, and give clients of the members that run."""

    @asynccontextmanager
    async def clients(members: list[Any], *calls: Any) -> AsyncIterator[Any]:
        await app.state.stop()
        centre, bilan = assisted.centre, assisted.bilan
        every = calls or (
            siege.asks_for_consent(bilan.id),
            siege.reads_records,
            siege.computes(bilan.id, assisted.document),
        )
        async with siege.http_client() as http:
            yield siege.Clients(
                ledger,
                http,
                [siege.address(m) for m in members if m.arguments == ["serve"]],
                (centre.client_id, centre.client_secret),
                bilan.counsellor,
                list(every),
                token=centre.token,
            )

    return clients


@pytest.fixture
def told(capsys: Any) -> Callable[..., None]:
    """Print figures for the note, also where output is captured."""

    def tell(kills: Any, clients: Any, evidence: Any) -> None:
        with capsys.disabled():
            print(  # noqa: T201 - figures for the note
                f"\n  {kills.total} kills ({kills.starting} while starting, {kills.answering} with requests open), "
                f"{clients.acknowledged} acknowledged, {clients.abandoned} answers lost for good, "
                f"{len(evidence.seen)} checkpoints seen, {len(evidence.leaves)} leaves"
            )

    return tell


@pytest.fixture
def all_calls(siege: ModuleType, assisted: Any) -> tuple[Any, ...]:
    """What clients ask for: each leaves a record, and one kind also reaches a model."""
    return (
        siege.asks_for_consent(assisted.bilan.id),
        siege.reads_records,
        siege.computes(assisted.bilan.id, assisted.document),
        siege.asks_a_model(assisted),
    )


@pytest.fixture
def recovered(app: Any) -> Callable[[], Awaitable[None]]:
    """Close what was left open, once nobody who died can be thought alive any more."""

    async def recover() -> None:
        later = replace(app.state.recovery, now=lambda: utc_now() + timedelta(hours=1))
        try:
            await later.recover()
        finally:
            await app.state.database.close()

    return recover
