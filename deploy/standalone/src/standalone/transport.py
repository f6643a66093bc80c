"""The inside transport of the one-process mode: an ASGI app behind httpx, streaming both ways.

httpx's own ASGI transport collects the whole answer before it returns and never tells the app
that the reader has left. This one hands chunks through a bounded pipe as they come, lets the app
read the request while it already answers (restoration inside a stream needs that), and sends
`http.disconnect` when the response is closed early, so that a stopped call stops everywhere.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import httpx
import structlog
from starlette.types import ASGIApp, Message

log = structlog.get_logger()

_CHUNKS_AHEAD = 16
_GRACE_SECONDS = 5.0


class InProcessTransport(httpx.AsyncBaseTransport):
    """Calls one ASGI application in this process."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Start the app on `request`; returns when it has started to answer.

        Raises:
            httpx.ReadError: the app ended without answering.
        """
        exchange = _Exchange(self._app, request)
        status, headers = await exchange.started()
        return httpx.Response(status, headers=headers, stream=_Body(exchange), request=request)


class _Pipe:
    """A bounded run of chunks with an end: the writer waits for a slow reader."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._ended = False
        self._error: httpx.ReadError | None = None
        self._changed = asyncio.Condition()

    async def put(self, chunk: bytes) -> None:
        """Add a chunk, waiting while the reader is far behind."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._chunks) < _CHUNKS_AHEAD)
            self._chunks.append(chunk)
            self._changed.notify_all()

    async def end(self, error: httpx.ReadError | None) -> None:
        """Say that no more comes, and why when it should have."""
        async with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()

    async def get(self) -> bytes | None:
        """Return the next chunk; None at the end (raises httpx.ReadError when broken off)."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._chunks or self._ended)
            if self._chunks:
                chunk = self._chunks.popleft()
                self._changed.notify_all()
                return chunk
            if self._error is not None:
                raise self._error
            return None


class _Exchange:
    """One request and its answer, with the app in a task of its own."""

    def __init__(self, app: ASGIApp, request: httpx.Request) -> None:
        self._request = request
        self._gone = asyncio.Event()
        self._pipe = _Pipe()
        self._all_sent = False
        loop = asyncio.get_running_loop()
        self._start: asyncio.Future[tuple[int, list[tuple[bytes, bytes]]]] = loop.create_future()
        self._pieces = self._request_body()
        self._task = loop.create_task(self._run(app))

    async def started(self) -> tuple[int, list[tuple[bytes, bytes]]]:
        """Wait for status and headers; a caller who leaves meanwhile stops the app."""
        try:
            return await asyncio.shield(self._start)
        except asyncio.CancelledError:
            await self.close()
            raise

    async def _run(self, app: ASGIApp) -> None:
        broken: httpx.ReadError | None = httpx.ReadError("the service broke off its answer")
        try:
            await app(_scope(self._request), self._receive, self._send)
            broken = None
        except Exception as error:  # noqa: BLE001 - over TCP too, a crash is a broken connection
            log.error("service_crashed", error=type(error).__name__)  # noqa: TRY400 - no trace: it may hold words
        finally:
            if not self._start.done():
                self._start.set_exception(httpx.ReadError("the service did not answer"))
                self._start.exception()  # the caller may have left: nobody else would look at it
            await self._pipe.end(broken)

    async def _request_body(self) -> AsyncIterator[bytes]:
        stream = self._request.stream
        if isinstance(stream, httpx.AsyncByteStream):
            async for piece in stream:
                yield piece

    async def _receive(self) -> Message:
        if self._gone.is_set():
            return {"type": "http.disconnect"}
        if not self._all_sent:
            piece = await anext(self._pieces, None)
            self._all_sent = piece is None
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start.set_result((message["status"], list(message.get("headers", ()))))
        elif message.get("body") and not self._gone.is_set():
            await self._pipe.put(message["body"])

    async def next_chunk(self) -> bytes | None:
        """Return the next chunk of the answer; None at its end."""
        return await self._pipe.get()

    async def close(self) -> None:
        """Tell the app that the caller has left, and see it end."""
        self._gone.set()
        if not self._task.done():
            self._task.cancel()
        await asyncio.wait({self._task}, timeout=_GRACE_SECONDS)


class _Body(httpx.AsyncByteStream):
    """The answer's body, chunk by chunk as the app sends it."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (chunk := await self._exchange.next_chunk()) is not None:
            yield chunk

    async def aclose(self) -> None:
        """End the exchange, whether or not the body was read to its end."""
        await self._exchange.close()


def _scope(request: httpx.Request) -> dict[str, object]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port or 80),
        "client": ("in-process", 0),
        "root_path": "",
    }
