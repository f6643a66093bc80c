"""kill -9 at any moment of an erasure or a closing: it ends, once, and nothing of it is left.

Real processes, real services' addresses. A kill comes while a service is being asked, while the
gateway destroys its own rows, while the end is asked for, or while the killed process starts again.
"""

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import select

from gateway.destruction.rules import STEPS
from gateway.tables import Base, ContentKey, Event, Record, RecordKey

pytestmark = pytest.mark.timeout(580)
_PART = 25


def cases(database, *marks):
    for name, count in (("sample of 2", 2), ("50-part1", _PART), ("50-part2", _PART)):
        marked = [*marks, pytest.mark.full]
        yield pytest.param(database, count, id=f"{database}-{name}", marks=marked)


CASES = [*cases("sqlite"), *cases("postgresql", pytest.mark.postgresql)]
CALLS = 4
"""A service is asked so often for an end: two services, a bilan, and what is kept of it."""
_dice = random.Random()  # noqa: S311 - moments, no secret


@dataclass
class Person:
    """Somebody with a bilan, a document, a run and an agreement; and how all of it ends."""

    id: str
    bilan: str
    end: str
    destruction: str = ""
    told: dict[str, Any] = field(default_factory=dict)


@dataclass
class Deaths:
    """When the process is killed, and what it was doing."""

    inside: Any
    members: list[Any]
    siege: Any
    by: Counter[str] = field(default_factory=Counter)

    async def strike(self, how: str) -> None:
        await getattr(self, f"_{how}")()
        self.by[how] += 1
        self._kill()
        if _dice.random() < 0.25:
            await asyncio.sleep(_dice.uniform(0, 0.8))
            self.by["starting again"] += 1
            self._kill()

    def _kill(self) -> None:
        member = self.members[-1] if _dice.random() < 0.8 else self.siege.any_of(self.members)
        member.kill()
        member.start()

    async def _asking_a_service(self) -> None:
        """While a service that was told to destroy has not answered."""
        await self._at_call(_dice.randint(1, CALLS))

    async def _destroying(self) -> None:
        """While the gateway's own rows go, which follows the last call of a service."""
        await self._at_call(CALLS, hang=False)
        await asyncio.sleep(_dice.uniform(0, 0.15))

    async def _asked(self) -> None:
        """At any moment from the request on."""
        await asyncio.sleep(_dice.uniform(0, 0.5))

    async def _at_call(self, number: int, *, hang: bool = True) -> None:
        reached, go, calls = asyncio.Event(), asyncio.Event(), 0

        async def before(operation: str) -> None:
            nonlocal calls
            calls += operation in {"destroy_bilan", "destroy_kept", "keep_bilan"}
            if calls == number:
                reached.set()
                if hang:
                    await go.wait()

        self.inside.before = before
        await asyncio.wait_for(reached.wait(), 60)
        self.inside.before = None
        # Long after the kill, which follows at once: nobody is left to hear the answer.
        asyncio.get_running_loop().call_later(0.1, go.set)


@pytest.fixture
def born(centre, bilan):
    """Make people, half of whom are erased and half of whose bilans are closed."""

    async def one(number: int) -> Person:
        person = (await centre.made("/v1/beneficiaries", {"reference": f"ended {number}"}))["id"]
        plan = {
            "beneficiary": person, "counsellor": bilan.counsellor, "funding": "CPF",
            "planned_minutes": 1440, "support_minutes": 840, "starts_on": "2026-11-02",
            "ends_on": "2027-01-29", "employer_siren": None,
        }  # fmt: skip
        held = (await centre.made("/v1/bilans", plan))["id"]
        agreed = {"agreed_on": "2026-11-02", "method": "signed_document"}
        await centre.made(f"/v1/bilans/{held}/agreement", agreed)
        posted = await centre.call(
            "POST", "/v1/documents", data={"bilan": held}, files={"file": ("cv.txt", b"CV")}
        )
        run = {"bilan": held, "mode": "computed", "document": posted.json()["id"]}
        await centre.made("/v1/use-cases/cv-analysis/runs", run)
        kept = {
            "bilan": held, "scope": "synthesis", "reason": "follow_up", "until": "2027-12-31",
            "method": "signed_document", "document_sha256": "a" * 64,
        }  # fmt: skip
        await centre.made("/v1/retention-agreements", kept)
        return Person(person, held, "erasure" if number % 2 else "closing")

    async def some(count: int) -> list[Person]:
        return [await one(number) for number in range(count)]

    return some


async def _asked_for(clients, person):
    if person.end == "erasure":
        answer = await clients.ask("DELETE", f"/v1/beneficiaries/{person.id}")
    else:
        path = f"/v1/bilans/{person.bilan}/closing"
        answer = await clients.ask("POST", path, json={"outcome": "abandoned"})
    assert answer is not None, clients.odd
    person.destruction = answer.json()["id"]


async def _ended(clients, person):
    """Wait for the certificate; a destruction that does not end fails here."""

    async def done():
        while True:
            answer = await clients.ask("GET", f"/v1/destructions/{person.destruction}")
            assert answer is not None, clients.odd
            if answer.json()["state"] == "done":
                return answer.json()
            await asyncio.sleep(0.05)

    person.told = await asyncio.wait_for(done(), 60)


@pytest.mark.parametrize(("migrated", "count"), CASES, indirect=["migrated"])
async def test_it_ends_once_with_one_certificate_one_record_and_one_event(
    app, member, siege, besieged, inside, born, centre, capsys, gateway_url, count
):
    quick = {"GATEWAY_DESTRUCTION_INTERVAL": "PT0.05S", "GATEWAY_DESTRUCTION_LEASE": "PT1S"}
    if gateway_url.startswith("postgresql"):
        apart = {**quick, "GATEWAY_WORKER": "apart"}
        members = [member("one", **apart), member("worker", verb="work", **apart)]
    else:
        members = [member("one", **quick)]
    people, deaths = await born(count), Deaths(inside, members, siege)
    moments = [("destroying", "asking_a_service", "asked")[i // 2 % 3] for i in range(count)]
    moments[:2] = ["asking_a_service", "destroying"]
    async with besieged(members) as clients:
        with siege.running(members):
            for person, how in zip(people, moments, strict=True):
                striking = asyncio.create_task(deaths.strike(how))
                await _asked_for(clients, person)
                await striking
                await _ended(clients, person)
    tried = Counter()
    for person in people:
        _is_whole(person)
        tried.update({s["name"]: s["attempts"] - 1 for s in person.told["steps"]})
    await _happened_once(app, centre.tenant, people)
    with capsys.disabled():
        print(f"\n  {count} ends, kills {dict(deaths.by)}, steps tried again {dict(+tried)}")  # noqa: T201 - figures


def _is_whole(person):
    assert person.told["kind"] == person.end
    steps = [(step["name"], step["state"]) for step in person.told["steps"]]
    assert steps == [(str(name), "done") for name in STEPS[person.end]]
    assert person.told["certificate"]["found_afterwards"] == 0
    assert person.told["certificate"]["acknowledged"]["gateway"]["runs"] == 1


async def _happened_once(app, tenant, people):
    erased = [person for person in people if person.end == "erasure"]
    try:
        async with app.state.database.begin(tenant) as session:
            records = (await session.execute(select(Record.id, Record.kind))).all()
            events = (await session.execute(select(Event.kind, Event.ids))).all()
            keys = [
                *(await session.scalars(select(ContentKey.subject))),
                *(await session.scalars(select(RecordKey.subject))),
            ]
            named = await _tables_that_name(session, [p.id for p in erased])
    finally:
        await app.state.database.close()
    ends = {"subject.erased", "bilan.destroyed"}
    wanted = {person.told["certificate"]["record"] for person in people}
    assert sorted(id_ for id_, kind in records if kind in ends) == sorted(wanted)
    completed = Counter(ids["destruction"] for kind, ids in events if kind == "destruction.completed")  # fmt: skip
    assert completed == {person.destruction: 1 for person in people}
    gone = {person.bilan for person in people} | {person.id for person in erased}
    assert gone & set(keys) == set()
    assert named <= {"destructions"}


async def _tables_that_name(session, ids):
    found = set()
    for mapper in Base.registry.mappers:
        for row in await session.execute(select(mapper.local_table)):
            text = " ".join(map(str, row))
            if any(held in text for held in ids):
                found.add(mapper.local_table.name)
    return found
