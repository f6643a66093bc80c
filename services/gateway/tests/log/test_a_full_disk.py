"""A full disk: nothing acknowledged is lost, what cannot be written is 503, and with room it goes on.

The disk is a small file system of its own where this may mount one, and everywhere a limit on the
size of what the gateway writes, which its operating system says no to in the same place.
"""

import resource
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from keel.database import sqlite_path

pytestmark = pytest.mark.timeout(300)
ON_SQLITE = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
_STEP = 64 * 1024


class SmallDisk:
    """A file system in memory with room for so much, and a ballast that takes the rest of it."""

    def __init__(self, megabytes):
        self.folder = Path(tempfile.mkdtemp(prefix="passerelle-full-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        options = ["-o", f"size={megabytes}m", "tmpfs", str(self.folder)]
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", *options], capture_output=True, check=False
        )
        if mounted.returncode:
            self.folder.rmdir()
            pytest.skip("a small file system cannot be mounted here; this needs root")

    def fill(self, _member=None):
        step = _STEP
        with (self.folder / "ballast").open("wb", buffering=0) as ballast:
            while step:
                try:
                    ballast.write(bytes(step))
                except OSError:
                    step //= 2

    def make_room(self, _member=None):
        (self.folder / "ballast").unlink()

    def remove(self):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)
        self.folder.rmdir()


class Limit:
    """No file of the gateway's may grow any more, as on a full disk."""

    def __init__(self, url):
        self.path = sqlite_path(url)

    def fill(self, member):
        journal = self.path.with_name(self.path.name + "-wal")
        # Its own log has to fit too; what is written beyond is refused with EFBIG.
        size = max(journal.stat().st_size, member.log.stat().st_size + _STEP)
        resource.prlimit(member.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def make_room(self, member):
        if member.pid:
            none = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            resource.prlimit(member.pid, resource.RLIMIT_FSIZE, none)


@pytest.fixture
def small_disk():
    made = []

    def make(megabytes):
        made.append(SmallDisk(megabytes))
        return made[-1]

    yield make
    for disk in made:
        disk.remove()


@pytest.fixture
def disk(request, small_disk, migrated):
    """A kind of full disk, with the URL of a database on it."""
    if request.param == "small":
        made = small_disk(12)
        path = made.folder / "gateway.sqlite3"
        shutil.copy(sqlite_path(migrated("gateway")), path)
        made.url = f"sqlite+aiosqlite:///{path}"
        return made
    url = migrated("gateway")
    made = Limit(url)
    made.url = url
    return made


@pytest.fixture
def gateway_url(disk):
    return disk.url


async def refused(clients, more=5, seconds=60):
    """Wait until so many more calls were answered 503."""
    wanted = clients.unavailable + more
    await clients.until(lambda: clients.unavailable >= wanted, seconds, "nothing is refused")


@ON_SQLITE
@pytest.mark.parametrize("disk", ["small", "limit"], indirect=True)
@pytest.mark.parametrize(
    "killed", [False, pytest.param(True, marks=pytest.mark.full)], ids=["goes on", "killed in it"]
)
async def test_the_one_process_on_sqlite(
    disk, member, siege, ledger, besieged, all_calls, inside, told, killed
):
    one, kills = member("one"), siege.Kills()
    async with besieged([one], *all_calls) as clients:
        with siege.running([one]):
            async with clients.at_work():
                for _ in range(2):
                    await clients.answered(5)
                    disk.fill(one)
                    await refused(clients)
                    if killed:
                        one.kill()
                        kills.total += 1
                    disk.make_room(one)
                    if killed:
                        one.start()
                    await clients.answered(5)
            # A call whose end found no room is closed within minutes, or at the next start.
            assert one.stop() == 0
            one.start()
            await siege.settled(clients)
            evidence = await siege.gathered(clients)
    told(kills, clients, evidence)
    assert ledger.faults(evidence) == []
    assert ledger.unbalanced(evidence.records, [c["record"] for c in inside.attempts]) == []
    assert clients.odd == []


class TestOnPostgresql:
    """The server's whole folder is on the small disk: its tables and its journal."""

    pytestmark = [pytest.mark.postgresql, pytest.mark.full]

    @pytest.fixture
    def disk(self, small_disk):
        return small_disk(140)

    @pytest.fixture
    def server(self, disk, own_postgresql):
        return own_postgresql(disk.folder, "-c max_wal_size=32MB -c min_wal_size=32MB")

    @pytest.fixture
    def gateway_url(self, server, migrated_on):
        return migrated_on(server, "gateway")

    async def test_gateways_on_postgresql(
        self, disk, server, member, siege, ledger, besieged, all_calls, inside, told, recovered
    ):
        apart = {"GATEWAY_WORKER": "apart"}
        members = [member("one", **apart), member("worker", verb="work", **apart)]
        kills = siege.Kills()
        async with besieged(members, *all_calls) as clients:
            with siege.running(members):
                async with clients.at_work():
                    for _ in range(2):
                        await clients.answered(5)
                        disk.fill()
                        await refused(clients)
                        disk.make_room()
                        if not server.is_running():  # its journal found no room
                            server.start()
                        await clients.answered(5)
                await siege.settled(clients)
                await recovered()
                evidence = await siege.gathered(clients)
        told(kills, clients, evidence)
        assert ledger.faults(evidence) == []
        assert ledger.unbalanced(evidence.records, [c["record"] for c in inside.attempts]) == []
        assert clients.odd == []
