"""A PostgreSQL that is stopped in the middle and recovers: what was acknowledged is there, once.

`pg_ctl -m immediate` leaves what was written with the kernel: this says nothing about power loss.
"""

import asyncio

import pytest

pytestmark = [pytest.mark.timeout(590), pytest.mark.postgresql]
_COUNTS = [
    pytest.param(2, id="sample of 2"),
    *(pytest.param(25, id=f"50-part{part}", marks=pytest.mark.full) for part in (1, 2)),
]


@pytest.fixture
def server(own_postgresql):
    """Of our own, on a disk, with every setting that keeps what is committed."""
    return own_postgresql()


@pytest.fixture
def gateway_url(server, migrated_on):
    return migrated_on(server, "gateway")


@pytest.mark.parametrize("count", _COUNTS)
async def test_an_immediate_restart_loses_nothing(
    server, app, member, siege, ledger, besieged, all_calls, inside, told, recovered, count
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
                    await clients.answered(3)
                    await asyncio.sleep(siege.moment(0.3))
                    kills.total += 1
                    kills.answering += clients.open > 1
                    await asyncio.to_thread(server.restart)
                await clients.answered(3)
            await siege.settled(clients)
            await recovered()
            evidence = await siege.gathered(clients)
    told(kills, clients, evidence)
    assert ledger.faults(evidence) == []
    assert ledger.unbalanced(evidence.records, [c["record"] for c in inside.attempts]) == []
    assert clients.odd == []
