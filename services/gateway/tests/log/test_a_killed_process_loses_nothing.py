"""kill -9 at any moment: what was acknowledged is in the log, once, and the log is one (9.5).

A killed process leaves its pages with the kernel: none of this says anything about power loss.
"""

import pytest

pytestmark = pytest.mark.timeout(580)
_PART = 25
_SAMPLE = pytest.param(5, id="sample of 5")


def window(count):
    """For how many seconds at most clients write between two kills."""
    return 1.5 if count == _PART else 0.4


def parts(kills):
    count = kills // _PART
    return [
        pytest.param(_PART, id=f"{kills}-part{part}", marks=pytest.mark.full)
        for part in range(1, count + 1)
    ]


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
@pytest.mark.parametrize("count", [_SAMPLE, *parts(200)])
async def test_the_one_process_that_writes_to_sqlite(
    member, siege, ledger, besieged, all_calls, inside, told, count
):
    one, kills = member("one"), siege.Kills()
    async with besieged([one], *all_calls) as clients:
        with siege.running([one]):
            async with clients.at_work():
                for _ in range(count):
                    await siege.kill_once(clients, one, kills, window(count))
                await clients.answered()
            await siege.settled(clients)
            evidence = await siege.gathered(clients)
    told(kills, clients, evidence)
    assert ledger.faults(evidence) == []
    assert ledger.unbalanced(evidence.records, [c["record"] for c in inside.attempts]) == []
    assert clients.odd == []


@pytest.mark.parametrize(
    "migrated", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)
@pytest.mark.parametrize("count", [_SAMPLE, *parts(100)])
async def test_gateways_and_their_worker_on_postgresql(
    member, siege, ledger, besieged, all_calls, inside, told, recovered, count
):
    apart = {"GATEWAY_WORKER": "apart"}
    members = [
        member("one", **apart), member("two", **apart), member("worker", verb="work", **apart)
    ]  # fmt: skip
    kills = siege.Kills()
    async with besieged(members, *all_calls) as clients:
        with siege.running(members):
            async with clients.at_work():
                for _ in range(count):
                    await siege.kill_once(clients, siege.any_of(members), kills, window(count))
                await clients.answered()
            await siege.settled(clients)
            await recovered()
            evidence = await siege.gathered(clients)
    told(kills, clients, evidence)
    assert ledger.faults(evidence) == []
    assert ledger.unbalanced(evidence.records, [c["record"] for c in inside.attempts]) == []
    assert clients.odd == []
