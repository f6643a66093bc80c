"""A text that takes too long is refused, nothing of it leaves, and nobody else waits for it."""

import asyncio
import threading
import time

import pytest
from sqlalchemy import text as sql

from anonymizer.detection.rules import Finding
from anonymizer.detection.threads import BoundedThread, TooLong, TooManyLeft
from anonymizer.settings import Settings

HANGS, BREAKS = "Ce texte dure. Mme Odile Perrichon.", "Ce texte casse. Mme Odile Perrichon."


class Planted:
    """A detector that hangs on one text, breaks down on another, and finds names in the rest."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.begun = 0

    def find(self, text, _):
        self.begun += 1
        if "dure" in text:
            self.go.wait(60)
        if "casse" in text:
            raise ValueError(text)
        return [Finding(0, 5, "PERSON", "planted", 1.0)]

    def statements(self, *_):
        return []


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"detection_timeout_seconds": 0.2, "detection_model": "none"})


@pytest.fixture
async def planted(anonymizer):
    detector = Planted()
    examiner = anonymizer.app.state.pseudonymiser.examiner
    await examiner._loading
    examiner._loading = asyncio.get_running_loop().create_future()
    examiner._loading.set_result(detector)
    yield detector
    detector.go.set()


async def stored(anonymizer) -> list:
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        entries = await session.execute(sql("select * from vault_entries"))
        documents = await session.execute(sql("select * from documents"))
    return [*entries.all(), *documents.all()]


async def test_it_is_refused_in_time_and_nothing_is_stored(anonymizer, planted):
    began = time.perf_counter()
    answer = await anonymizer.pseudonymise("Odile arrive.", HANGS)
    assert time.perf_counter() - began < 5
    assert (answer.status_code, answer.json()["code"]) == (503, "detection_timed_out")
    assert answer.headers["retry-after"]
    assert "Perrichon" not in answer.text
    taken = await anonymizer.take_in(HANGS.encode())
    assert (taken.status_code, taken.json()["code"]) == (503, "detection_timed_out")
    assert await stored(anonymizer) == []


async def test_the_next_text_does_not_wait_for_the_one_that_hangs(anonymizer, planted):
    hanging, waiting = await asyncio.gather(
        anonymizer.pseudonymise(HANGS), anonymizer.pseudonymise("Odile arrive.")
    )
    assert (hanging.status_code, waiting.status_code) == (503, 200)
    assert waiting.json()["texts"][0]["text"] == "[FEMME_1] arrive."


async def test_while_too_many_hang_nothing_is_begun_and_then_it_goes_on(anonymizer, planted):
    ready = anonymizer.app.state.readiness["model"]
    for _ in range(3):
        assert await ready()
        assert (await anonymizer.pseudonymise(HANGS)).status_code == 503
    begun = planted.begun
    assert not await ready()
    refused = await anonymizer.pseudonymise("Odile arrive.")
    assert (refused.status_code, refused.json()["code"]) == (503, "detection_timed_out")
    assert planted.begun == begun
    planted.go.set()
    async with asyncio.timeout(5):
        while not await ready():  # noqa: ASYNC110 - threads offer nothing to wait for
            await asyncio.sleep(0.01)
    assert (await anonymizer.pseudonymise("Odile arrive.")).status_code == 200


async def test_a_breakdown_is_told_apart_and_quotes_nothing(anonymizer, planted, capsys):
    answer = await anonymizer.pseudonymise("Odile arrive.", BREAKS)
    assert (answer.status_code, answer.json()["code"]) == (503, "detection_failed")
    assert await stored(anonymizer) == []
    said = capsys.readouterr()
    assert "Perrichon" not in said.out + said.err + answer.text


async def test_a_caller_who_leaves_takes_no_time_from_the_next():
    thread, go = BoundedThread("test", 0.5), threading.Event()
    leaving = asyncio.create_task(thread.run(go.wait, 0.3))
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert await thread.run(lambda: (time.sleep(0.3), "done")[1]) == "done"
    await thread.close()


async def test_the_bound_counts_from_the_beginning_of_the_work_and_not_of_the_waiting():
    thread = BoundedThread("test", 0.5)
    each = [thread.run(time.sleep, 0.2) for _ in range(5)]
    assert await asyncio.gather(*each) == [None] * 5
    await thread.close()


async def test_what_is_left_behind_holds_up_no_closing():
    thread, go = BoundedThread("test", 0.1, most_left=1), threading.Event()
    with pytest.raises(TooLong):
        await thread.run(go.wait, 30)
    with pytest.raises(TooManyLeft):
        await thread.run(go.wait, 30)
    began = time.perf_counter()
    await thread.close()
    assert time.perf_counter() - began < 2
    go.set()
