"""What comes back from the anonymizer is told whole, wherever the network cuts its bytes."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
import pytest

from gateway.runs.api import _event
from gateway.runs.restoring import StreamedRestoration
from gateway.runs.telling import Telling

DELTAS = [
    "Née à Guéret 🙂, ",
    "Zoé\u2028Müller 👩‍🔧 l’a dit\u202f: ",
    "\\n« été\u0085»",
    "\x1d\x1ffin",
]


class _Cut(httpx.AsyncByteStream):
    def __init__(self, *pieces):
        self._pieces = pieces

    async def __aiter__(self):
        for piece in self._pieces:
            yield piece


class Anonymizer:
    """Answers with these pieces of bytes, once it was sent every delta."""

    def __init__(self, *pieces):
        self._pieces, self.sent = pieces, []

    async def headers(self, *_):
        return {}

    @asynccontextmanager
    async def stream(self, *_, content, **__):
        self.sent = [json.loads(line)["delta"] async for line in content]
        yield httpx.Response(200, stream=_Cut(*self._pieces))


async def _told(anonymizer):
    telling = Telling()
    restoration = StreamedRestoration(anonymizer, None, telling, deadline_seconds=5)
    for delta in DELTAS:
        await restoration.feed(delta)
    await restoration.finish()
    telling.end()
    return "".join([event.data["text"] async for event in telling.told()])


@pytest.mark.parametrize("escaped", [True, False], ids=["escaped", "UTF-8"])
async def test_a_stream_of_restored_text_may_be_cut_inside_a_character(escaped):
    lines = [json.dumps({"delta": delta}, ensure_ascii=escaped) for delta in DELTAS]
    body = "\n".join([*lines, '{"unknown": []}', ""]).encode()
    for cut in range(len(body) + 1):
        anonymizer = Anonymizer(body[:cut], body[cut:])
        assert await asyncio.wait_for(_told(anonymizer), 5) == "".join(DELTAS)
        assert anonymizer.sent == DELTAS
    one_by_one = Anonymizer(*(body[at : at + 1] for at in range(len(body))))
    assert await _told(one_by_one) == "".join(DELTAS)


def test_half_a_character_in_one_event_and_half_in_the_next_is_one_in_the_end():
    events = [_event("delta", {"text": half}) for half in ("\ud83d", "\ude42")]
    data = [json.loads(event.split(b"data: ")[1]) for event in events]
    joined = "".join(part["text"] for part in data)
    assert joined.encode("utf-16", "surrogatepass").decode("utf-16") == "🙂"
