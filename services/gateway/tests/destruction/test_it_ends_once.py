"""Whatever fails or dies in between, a destruction ends, once, with the same certificate."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from gateway.destruction.rules import LONGEST_PAUSE, STEPS, DestructionKind, StepName, pause_after
from gateway.tables import DueDestruction, Event, Record
from keel.clock import utc_now


class Killed(BaseException):
    """What a kill -9 is to a coroutine: nothing after it runs."""


def without_times(certificate):
    ids = {"destruction", "subject", "record", "requested_at", "destroyed_at", "backups_until"}
    return {name: value for name, value in certificate.items() if name not in ids}


@pytest.fixture
def later(app):
    """A worker that looks so much later than now, when every lease and pause is over."""

    def standing(after=timedelta()):
        return replace(app.state.carrying, now=lambda: utc_now() + after)

    return standing


@dataclass
class Death:
    """Comes at the `left`th transaction or call, before or after its commit or its answer."""

    left: int
    committed: bool

    def is_now(self):
        self.left -= 1
        return self.left == 0

    @asynccontextmanager
    async def begin(self, transaction):
        async with transaction as session:
            yield session
            dies = self.is_now()
            if dies and not self.committed:
                raise Killed
        if dies:
            raise Killed

    async def call(self, asking):
        dies = self.is_now()
        if dies and not self.committed:
            asking.close()
            raise Killed
        answer = await asking
        if dies:
            raise Killed
        return answer


@pytest.fixture
def killed_at(app, monkeypatch):
    def arrange(number, *, committed):
        death = Death(number, committed)
        database, services = type(app.state.database), type(app.state.services)
        begin, json = database.begin, services.json
        monkeypatch.setattr(database, "begin", lambda own, *who: death.begin(begin(own, *who)))
        monkeypatch.setattr(services, "json", lambda *of, **more: death.call(json(*of, **more)))
        return death

    return arrange


def test_pauses_grow_to_ten_minutes_and_it_is_tried_for_ever():
    pauses = [pause_after(n).total_seconds() for n in range(1, 100)]
    assert pauses[:4] == [1, 2, 4, 8]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE.total_seconds() == 600


@pytest.mark.full
async def test_a_service_that_is_away_is_asked_until_it_answers_and_that_shows(full, double, later):
    away = True

    async def fails(service, _):
        if service == "reports" and away:
            raise ConnectionError

    double.fails = fails
    begun = await full.erase()
    for number in range(3):
        await later(timedelta(minutes=11 * number)).step()
    told = await full.read(begun["id"])
    (step,) = [s for s in told["steps"] if s["name"] == "reports"]
    assert (step["state"], step["attempts"], step["last_failure"]) == ("waiting", 3, "ConnectionError")  # fmt: skip
    assert [s["state"] for s in told["steps"]] == ["done", "done", *["waiting"] * 4]
    away = False
    done = await full.carried_out(begun["id"], timedelta(hours=1))
    assert done["certificate"]["acknowledged"]["anonymizer"] == {"documents": 2, "keys": 2}


async def test_two_workers_at_once_do_each_step_once(full, double, later):
    slow = asyncio.Event()

    async def waits(_service, _path):
        slow.set()
        await asyncio.sleep(0.05)

    double.fails = waits
    begun = await full.erase()
    await asyncio.gather(*(later().step() for _ in range(4)))
    await full.carried_out(begun["id"])
    assert slow.is_set()
    assert len(double.asked) == len(set(double.asked)) == 4  # two services; a bilan, an agreement


@pytest.mark.full
async def test_a_worker_that_lost_its_lease_acknowledges_nothing(app, full, double, later):
    taken_over = asyncio.Event()

    async def hangs(service, _path):
        if service == "anonymizer" and not taken_over.is_set():
            taken_over.set()
            async with app.state.database.begin() as session:
                await session.execute(update(DueDestruction).values(holder="wrk_another"))

    double.fails = hangs
    begun = await full.erase()
    await later().step()
    steps = (await full.read(begun["id"]))["steps"]
    assert [s["state"] for s in steps if s["name"] in {"anonymizer", "reports"}] == ["waiting"] * 2
    assert (await full.carried_out(begun["id"], timedelta(hours=1)))["state"] == "done"


async def _ends(full, later, hours=1):
    for number in range(60):
        await later(timedelta(hours=hours) + number * timedelta(minutes=11)).step()
        listed = (await full.centre.call("GET", "/v1/destructions")).json()["items"]
        if all(one["state"] == "done" for one in listed):
            return listed
    raise AssertionError(listed)


SAMPLE = {(18, True)}
DEATHS = [
    pytest.param(number, committed, marks=() if (number, committed) in SAMPLE else pytest.mark.full)
    for committed in (False, True)
    for number in range(1, 41)
]


@pytest.mark.parametrize(("number", "committed"), DEATHS)
@pytest.mark.parametrize("end", [pytest.param("close", marks=pytest.mark.full), "erase"])
async def test_it_dies_at_any_step_and_ends_the_same(
    app, full, double, later, killed_at, monkeypatch, number, committed, end
):
    begun = await getattr(full, end)()
    death = killed_at(number, committed=committed)
    try:
        await later().step()
    except Killed:
        assert death.left <= 0
    else:
        assert death.left > 0, "it lived on"
    monkeypatch.undo()
    (told,) = await _ends(full, later)
    assert told["id"] == begun["id"]
    assert settled_counts(told["certificate"]) == EXPECTED[end]
    await _happened_once(app, full, end)


async def _happened_once(app, full, end):
    kind = {"close": "bilan.destroyed", "erase": "subject.erased"}[end]
    async with app.state.database.begin(full.centre.tenant) as session:
        records = (await session.scalars(select(Record.kind))).all()
        events = (await session.scalars(select(Event.kind))).all()
    assert records.count(kind) == 1
    assert events.count("destruction.completed") == 1
    if end == "erase":
        assert await full.rows_that_name(full.person, full.bilan.id) == {"destructions": 1}


SOME = "some"
"""How many depends on what other stories' records and events there are; none is never right."""


def settled_counts(certificate):
    found = without_times(certificate)
    for counts in found["acknowledged"].values():
        for name in {"answers", "events", "records"} & counts.keys():
            counts[name] = SOME if counts[name] else 0
    return found


def _common(kind, legal_basis, reason, acknowledged):
    return {
        "format_version": "1", "kind": kind, "reason": reason, "legal_basis": legal_basis,
        "acknowledged": acknowledged, "nothing_stored": ["llm-router", "labour-market"],
        "found_afterwards": 0,
    }  # fmt: skip


ONE, TWO = {"documents": 1, "keys": 1}, {"documents": 2, "keys": 2}
EXPECTED = {
    "close": _common(
        "closing", "Code du travail, article R6313-7", "abandoned",
        {
            "keeping": {"documents": 1, "reports": 1, "agreements": 1}, "anonymizer": ONE,
            "reports": ONE,
            "gateway": {"keys": 1, "runs": 1, "documents": 0, "reports": 0, "conventions": 0, "answers": SOME},
        },
    ),
    "erase": _common(
        "erasure", "Regulation (EU) 2016/679, article 17", "requested",
        {
            "anonymizer": TWO, "reports": TWO,
            "gateway": {
                "keys": 1, "runs": 1, "documents": 1, "reports": 0, "conventions": 0, "answers": SOME,
                "events": SOME, "retention_agreements": 1, "interviews": 1, "bilan_agreements": 1,
                "assignments": 1, "restrictions": 1,
            },
            "records": {"records": SOME, "consents": 2, "bilans": 1, "beneficiaries": 1},
        },
    ),
}  # fmt: skip


def test_every_kind_of_destruction_ends_with_a_look_for_what_is_left():
    for kind in DestructionKind:
        assert STEPS[kind][-1] is StepName.CHECK
