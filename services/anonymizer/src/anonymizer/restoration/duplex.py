"""An answer that begins while its request is still arriving: NDJSON in, NDJSON out."""

import json
from collections.abc import Iterator

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from anonymizer.restoration.rules import Restorer

_MAX_LINE = 1024 * 1024
NDJSON = "application/x-ndjson"


class _NotOurLine(Exception):  # noqa: N818 - the caller's line, answered in the stream
    """A line is not `{"delta": "…"}`, or is too long."""


class RestoredStream(Response):
    """Restores `{"delta"}` lines as they arrive; the last line out is `{"unknown"}`.

    Starlette's own streaming response waits for the client to leave by reading the request,
    which would swallow the lines: this one reads and writes by itself.
    """

    media_type = NDJSON

    def __init__(self, restorer: Restorer) -> None:
        super().__init__()
        self._restorer = restorer
        self._partial = b""
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer line by line until the request ends or the caller leaves."""
        del scope
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            more = bool(message.get("more_body"))
            try:
                restored = "".join(self._deltas(message))
            except _NotOurLine:
                await self._send(send, self._last("a line is not JSON of the documented shape"))
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            if restored:
                await self._send(send, {"delta": restored})
        held = self._restorer.finish()
        if held:
            await self._send(send, {"delta": held})
        await self._send(send, self._last(None))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _last(self, problem: str | None) -> dict[str, object]:
        last: dict[str, object] = {"unknown": list(self._restorer.unknown)}
        return last if problem is None else {**last, "problem": problem}

    def _deltas(self, message: Message) -> Iterator[str]:
        *lines, self._partial = (self._partial + message.get("body", b"")).split(b"\n")
        if not message.get("more_body") and self._partial.strip():
            lines.append(self._partial)
        if len(self._partial) > _MAX_LINE:
            raise _NotOurLine
        for line in lines:
            if line.strip():
                yield self._restorer.feed(_delta(line))

    async def _send(self, send: Send, line: dict[str, object]) -> None:
        # ASCII: half of a character may end one delta and start the next.
        body = json.dumps(line).encode() + b"\n"
        await send({"type": "http.response.body", "body": body, "more_body": True})


def _delta(line: bytes) -> str:
    try:
        delta = json.loads(line)["delta"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _NotOurLine from None
    if not isinstance(delta, str):
        raise _NotOurLine
    return delta
