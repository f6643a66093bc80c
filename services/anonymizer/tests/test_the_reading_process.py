"""Files are read in a process that may crash, hang or be killed without harm to the service."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import psutil
import pytest

from anonymizer.intake import work
from anonymizer.intake.rules import RefusedFile
from anonymizer.intake.workshop import Workshop


@pytest.fixture
async def workshop() -> AsyncIterator[Workshop]:
    shop = Workshop()
    await shop.start()
    yield shop
    await shop.close()


def _process(workshop: Workshop) -> psutil.Process:
    return psutil.Process(workshop._line.process.pid)


async def test_it_reads_one_file_after_another(workshop):
    first, second = await asyncio.gather(workshop.read(b"Bonjour"), workshop.read(b"Bonsoir"))
    assert (first.text, second.text) == ("Bonjour", "Bonsoir")


async def test_it_is_started_again_when_it_died(workshop):
    await workshop.read(b"Bonjour")
    os.kill(_process(workshop).pid, signal.SIGKILL)
    assert (await workshop.read(b"Bonsoir")).text == "Bonsoir"


async def test_it_stays_small_and_leaves_no_child_behind(workshop):
    await workshop.read(b"Bonjour")
    process = _process(workshop)
    assert process.memory_info().rss < 120 * 1024 * 1024
    assert process.children() == []


async def test_it_ends_with_the_conversation(workshop):
    await workshop.read(b"Bonjour")
    process = _process(workshop)
    workshop._line.writer.close()
    await asyncio.to_thread(process.wait, 5)
    assert not process.is_running()


def test_it_ends_with_its_parent():
    script = (
        "import asyncio\n"
        "from anonymizer.intake.workshop import Workshop\n"
        "async def main():\n"
        "    shop = Workshop(); await shop.start(); await shop.read(b'Bonjour')\n"
        "    print(shop._line.process.pid, flush=True); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment
    ) as parent:
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
    deadline = time.monotonic() + 5
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        if psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("harm", ["crash", "hang", "memory", "spin"])
def test_a_file_that_harms_its_reader_is_refused_and_the_next_one_is_read(monkeypatch, harm):
    def hurt(content: bytes) -> bytes:
        if content != b"bad":
            return b"fine"
        if harm == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        elif harm == "hang":
            time.sleep(60)
        elif harm == "memory":
            bytearray(1 << 34)
        while True:
            pass

    monkeypatch.setattr(work, "read_to_json", hurt)
    limits = work.ProcessLimits(wall_seconds=1.5, cpu_seconds=1)
    ours, theirs = work.socket.socketpair()
    with ours, theirs:
        started = time.monotonic()
        assert b"unreadable_document" in work._answer(theirs, b"bad", limits)
        assert time.monotonic() - started < 5
        assert work._answer(theirs, b"good", limits) == b"fine"


async def test_a_file_that_takes_too_long_is_refused():
    impatient = Workshop(patience_seconds=0.000001)
    with pytest.raises(RefusedFile):
        await impatient.read(b"Bonjour")
    await impatient.close()


async def test_it_also_works_as_a_sidecar_on_a_socket(tmp_path):
    path = tmp_path / "work.sock"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-m", "anonymizer", "work", "--socket", str(path)]
    sidecar = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        for _ in range(200):
            if path.exists():
                break
            await asyncio.sleep(0.05)
        shop = Workshop(path)
        assert (await shop.read(b"Bonjour")).text == "Bonjour"
        assert path.stat().st_mode & 0o777 == 0o600
        await shop.close()
    finally:
        sidecar.kill()
        await sidecar.wait()
