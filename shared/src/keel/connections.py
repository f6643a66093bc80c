"""Connections that nobody can hold: time-outs, caps and sizes that uvicorn itself does not have.

A client has `headers` seconds for a request's head and may not fall silent for `body` seconds in
its body, or while it is being answered; a head has a size and a number of fields. Connections over
the caps are closed as they come, before a byte of them is read. What is refused before there is a
request is answered with a problem document all the same.
"""

import asyncio
import json
import resource
from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from keel.problems import Problem

_SPARE_FILES = 128
"""Open files left for databases, other services and logs."""
_PARTING_SECONDS = 2
"""How long a client that is still sending may take to hear that it need not."""
_V6_NETWORK = 64
"""Bits of an IPv6 address that one subscriber shares: the rest costs them nothing."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What a client may hold of us; seconds, bytes and numbers, 0 for no limit where it says so."""

    headers: float = 10
    body: float = 30
    body_rate: int = 0
    """Bytes a second below which a body is cut, once its first `body` seconds are over; 0: none."""
    connections: int = 2000
    per_peer: int = 0
    """Connections from one address (IPv6: one /64); 0: no limit, as behind a proxy."""
    head_bytes: int = 64 * 1024
    head_fields: int = 100
    url_bytes: int = 8 * 1024
    trusted_proxies: str = "127.0.0.1,::1"
    """Whose `X-Forwarded-For` and `-Proto` are believed, separated by commas."""


DEFAULT = ConnectionLimits()


class MalformedRequest(Problem):
    """What came is not HTTP/1.1."""

    code = "malformed_request"
    title = "This is not an HTTP request"
    status = 400


class RequestTimeout(Problem):
    """The request did not arrive in time."""

    code = "request_timeout"
    title = "The request did not arrive in time"
    status = 408


class UrlTooLong(Problem):
    """The path and query are over their limit."""

    code = "url_too_long"
    title = "The URL is longer than the service reads"
    status = 414


class HeadersTooLarge(Problem):
    """The header fields are too many or too large."""

    code = "headers_too_large"
    title = "The header fields are larger than the service reads"
    status = 431


def peer_of(address: str) -> str:
    """Return whom an address counts as: itself, or the /64 of an IPv6 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(IPv6Address(int(ip) >> _V6_NETWORK << _V6_NETWORK)) + f"/{_V6_NETWORK}"


class GuardedConfig(uvicorn.Config):
    """The configuration of one server, with the limits of its connections and who holds them."""

    def __init__(self, app: Any, limits: ConnectionLimits, **given: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(
            app,
            http=GuardedProtocol,
            ws="none",
            forwarded_allow_ips=limits.trusted_proxies,
            **given,
        )
        self.limits = limits
        self.peers: Counter[str] = Counter()
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        # One file less than the system gives would fail in `accept`, for everybody.
        self.most = max(1, min(limits.connections, files - _SPARE_FILES))


class GuardedProtocol(HttpToolsProtocol):
    """One connection, within its limits."""

    config: GuardedConfig

    def __init__(self, config: GuardedConfig, *given: Any, **named: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(config, *given, **named)
        self._limits = config.limits
        self._peer: str | None = None
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._in_head = True
        self._in_body = False
        self._head_bytes = self._field_bytes = 0
        self._problem: Problem | None = None
        self._body_began = self._heard = 0.0
        self._body_bytes = 0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or close it at once when there are too many."""
        super().connection_made(transport)
        self._peer = peer_of(self.client[0]) if self.client else "local"
        peers = self.config.peers
        peers[self._peer] += 1
        per_peer = self._limits.per_peer
        if len(self.connections) > self.config.most or 0 < per_peer < peers[self._peer]:
            self._refused = True
            transport.abort()
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self._unset_keepalive_if_required()
        if self._lingering is not None:
            self._lingering.cancel()
        if self._peer is not None:
            peers = self.config.peers
            peers[self._peer] -= 1
            if peers[self._peer] <= 0:
                del peers[self._peer]
            self._peer = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, unless the connection was refused."""
        if self._refused or self.parser is None:
            return  # read, so that our last words are not lost, and forgotten
        self._heard = self.loop.time()
        only_head = self._in_head or self._is_idle()
        super().data_received(data)
        # What a field's name and value add up to is known when they are whole; until then, count.
        if self._in_head:
            self._head_bytes += len(data) if only_head else 1
        if self._in_head and self._head_bytes > self._limits.head_bytes + self._limits.url_bytes:
            self._refuse(HeadersTooLarge(self._head_rule()))
        elif self._timer is None and self.timeout_keep_alive_task is None and self._is_idle():
            self._wait_for_head()  # empty lines between two requests are no sign of life

    def _is_idle(self) -> bool:
        return not self._in_body and (self.cycle is None or self.cycle.response_complete)

    # The head

    def on_message_begin(self) -> None:
        """Begin the clock of a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes, self._field_bytes = True, 0, 0
        self._wait_for_head()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the URL."""
        super().on_url(url)
        if len(self.url) > self._limits.url_bytes:
            self._problem = UrlTooLong(f"Send at most {self._limits.url_bytes} bytes.")
            raise self._problem

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one field."""
        super().on_header(name, value)
        self._field_bytes += len(name) + len(value) + 4
        limits = self._limits
        if len(self.headers) > limits.head_fields or self._field_bytes > limits.head_bytes:
            self._problem = HeadersTooLarge(self._head_rule())
            raise self._problem

    def on_headers_complete(self) -> None:
        """Begin the clock of a body."""
        self._in_head = False
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = cast("asyncio.Transport", _Parting(self))
        self._in_body = True
        self._body_began, self._body_bytes = self._heard, 0
        self._stop_waiting()
        self._timer = self.loop.call_later(self._limits.body, self._look_at_body)

    def _head_rule(self) -> str:
        fields, size = self._limits.head_fields, self._limits.head_bytes
        return f"Send at most {fields} header fields and {size} bytes of them."

    def _wait_for_head(self) -> None:
        self._stop_waiting()
        self._timer = self.loop.call_later(self._limits.headers, self._head_is_late)

    def _head_is_late(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait_for_head()  # a pipelined request waits for the answer before it
            return
        self._refuse(RequestTimeout(f"Send the headers within {self._limits.headers:g} seconds."))

    # The body

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Stop the clock: from here on the client waits for us."""
        super().on_message_complete()
        self._in_body = False
        self._stop_waiting()

    def _look_at_body(self) -> None:
        """Cut a body that came to a halt, or trickles; one that we do not read is not late."""
        self._timer = None
        if not self._in_body or self.transport.is_closing():
            return
        now, limits = self.loop.time(), self._limits
        if self.flow.read_paused:
            self._heard = now
        due = self._heard + limits.body
        if limits.body_rate:
            enough = self._body_began + limits.body + self._body_bytes / limits.body_rate
            due = min(due, enough)
        if due > now:
            self._timer = self.loop.call_later(due - now, self._look_at_body)
            return
        self._refuse(RequestTimeout(f"Send the body without pauses of {limits.body:g} seconds."))

    # The answer

    def pause_writing(self) -> None:
        """Begin the clock of a reader who does not read."""
        super().pause_writing()
        self._linger()

    def resume_writing(self) -> None:
        """Stop it."""
        super().resume_writing()
        if self._lingering is not None and not self.transport.is_closing():
            self._lingering.cancel()
            self._lingering = None

    def on_response_complete(self) -> None:
        """See to it that an answer that nobody takes does not keep the connection."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._linger()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that is not used."""
        super().timeout_keep_alive_handler()
        self._linger()

    def shutdown(self) -> None:
        """Close with the server."""
        super().shutdown()
        if self.transport.is_closing():
            self._linger()

    def _linger(self, seconds: float | None = None) -> None:
        if self._lingering is None:
            seconds = self._limits.body if seconds is None else seconds
            self._lingering = self.loop.call_later(seconds, self.transport.abort)

    # Refusing

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words
        """Answer what the parser refused."""
        self._refuse(self._problem or MalformedRequest("Send a request of HTTP/1.1 (RFC 9112)."))

    def _refuse(self, problem: Problem) -> None:
        """Answer where no answer has begun, and close."""
        if self.has_parted():
            return
        begun = self.cycle is not None and not self._in_head and self.cycle.response_started
        silent = isinstance(problem, RequestTimeout) and self._in_head and not self._head_bytes
        if not begun and not silent:
            self.transport.write(_answer(problem))
        if isinstance(problem, RequestTimeout):  # it says nothing: no last words are lost
            self._refused = True
            self.transport.close()
            self._linger()
        else:
            self.part()

    def part(self) -> None:
        """Say no more, and close once the client has heard it.

        A socket that is closed over unread bytes resets the connection, and the answer is lost.
        """
        self._refused = True
        self._stop_waiting()
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self._linger(_PARTING_SECONDS)
        else:
            self.transport.close()
            self._linger()

    def is_read(self) -> bool:
        """Say whether everything that the client sent of its request was read."""
        return not self._in_body

    def has_parted(self) -> bool:
        """Say whether the client was told all that it will be told."""
        return self._refused or self.transport.is_closing()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Parting:
    """The transport as an answer sees it: it closes without losing what was written."""

    def __init__(self, connection: GuardedProtocol) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """Write a piece of the answer."""
        if not self._connection.has_parted():
            self._connection.transport.write(data)

    def is_closing(self) -> bool:
        """Say whether nothing more can be written."""
        return self._connection.has_parted()

    def close(self) -> None:
        """Close at once after a whole request; else let the client hear us first."""
        if self._connection.is_read():
            self._connection.transport.close()
        else:
            self._connection.part()


def _answer(problem: Problem) -> bytes:
    body = json.dumps(problem.document()).encode()
    head = (
        f"HTTP/1.1 {problem.status} {problem.title}\r\n"
        "content-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
