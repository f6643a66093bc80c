"""One attempt: a single POST to an address that was looked up once, checked, and then called.

The check and the call use the same answer of the resolver, so that a name cannot mean one host when
it is judged and another when it is called (DNS rebinding). Redirects are not followed, and no proxy
of the environment is asked.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from yarl import URL

from gateway.webhooks.addresses import Reach
from gateway.webhooks.rules import Failure

TIME_LIMIT = 10.0
"""Seconds for one attempt: name, connection, TLS, request and answer together."""

_READ_BYTES = 4096
_LOOKUPS = 32
_HEADERS = {"Content-Type": "application/json", "User-Agent": "Passerelle-Webhooks/1"}

Lookup = Callable[[str], Awaitable[Sequence[str]]]
"""Answers the addresses of a host name; raises OSError when it has none."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt ended: `failure` is None when the receiver answered 2xx."""

    failure: Failure | None
    status: int | None = None


class AddressRefused(Exception):  # noqa: N818 - a finding, noted on the delivery
    """A name stands for an address that nothing is sent to."""


_FAILURES: tuple[tuple[type[Exception], Failure], ...] = (
    (AddressRefused, Failure.ADDRESS_REFUSED),
    (TimeoutError, Failure.TIMED_OUT),
    (aiohttp.ClientConnectorDNSError, Failure.NAME_UNKNOWN),
    (aiohttp.ClientSSLError, Failure.TLS_FAILED),
    (aiohttp.ClientError, Failure.CONNECTION_FAILED),
    (OSError, Failure.CONNECTION_FAILED),
    (ValueError, Failure.CONNECTION_FAILED),  # an answer that is no HTTP
)
"""The first that fits."""

_EXPECTED = tuple(kind for kind, _ in _FAILURES)


class _Names:
    """The system's resolver, in threads of its own: slow names hold up nobody else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_LOOKUPS, thread_name_prefix="names")

    async def look_up(self, host: str) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        # The dot makes the name complete: no search domain of the cluster is tried with it.
        found = await loop.run_in_executor(self._threads, _getaddrinfo, host + ".")
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(name: str) -> Sequence[tuple[object, object, object, object, tuple[object, ...]]]:
    return socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)


class _Checked(AbstractResolver):
    """A resolver that answers public addresses only, and nothing where one of them is not."""

    def __init__(self, reach: Reach, look_up: Lookup) -> None:
        self._reach = reach
        self._look_up = look_up

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look `host` up, once for each connection.

        Raises:
            AddressRefused: one of its addresses is not public; the others are not tried.
        """
        addresses = await self._look_up(host)
        if not all(self._reach.reaches(address) for address in addresses):
            raise AddressRefused
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=socket.IPPROTO_TCP,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in addresses
            if family in {socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET}
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Sender:
    """Makes attempts; open it once a process (`async with`)."""

    def __init__(
        self, reach: Reach, *, look_up: Lookup | None = None, time_limit: float = TIME_LIMIT
    ) -> None:
        self._reach = reach
        self._names = _Names()
        self._look_up = look_up or self._names.look_up
        self._time_limit = time_limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(
            resolver=_Checked(self._reach, self._look_up),
            use_dns_cache=False,
            force_close=True,  # each attempt is judged anew
            limit=0,  # the worker bounds its attempts
            socket_factory=self._open,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=self._time_limit),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
        self._names.close()

    def _open(self, address: AddrInfoType) -> socket.socket:
        """Open a socket, unless its address is closed: the last look before the call."""
        family, kind, protocol, _, where = address
        if not self._reach.connects(str(where[0])):
            raise PermissionError("not an address that events are sent to")
        return socket.socket(family, kind, protocol)

    async def post(self, url: str, body: str, headers: Mapping[str, str]) -> Attempt:
        """Make one attempt; whatever goes wrong is a value."""
        if self._session is None or not self._reach.admits(url):
            return Attempt(Failure.ADDRESS_REFUSED)
        try:
            async with self._session.post(
                URL(url, encoded=True), data=body.encode(), headers=headers, allow_redirects=False
            ) as response:
                await _read_a_little(response)
                return _judged(response.status)
        except _EXPECTED as error:
            return Attempt(next(failure for kind, failure in _FAILURES if isinstance(error, kind)))


async def _read_a_little(response: aiohttp.ClientResponse) -> None:
    """Let a short answer end in peace; what it says, and what is longer, is nobody's concern."""
    with suppress(TimeoutError, aiohttp.ClientError, OSError):
        left = _READ_BYTES
        while left > 0 and (piece := await response.content.read(left)):
            left -= len(piece)
    response.close()


def _judged(status: int) -> Attempt:
    if HTTPStatus(200) <= status < HTTPStatus(300):
        return Attempt(None, status)
    if HTTPStatus(300) <= status < HTTPStatus(400):
        return Attempt(Failure.REDIRECTED, status)
    return Attempt(Failure.GONE if status == HTTPStatus.GONE else Failure.STATUS, status)
