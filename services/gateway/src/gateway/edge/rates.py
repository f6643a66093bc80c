"""How often one may ask: sliding windows in memory, told in `RateLimit` headers.

Coarse, and each process counts for itself: this keeps one client from taking everybody's share, it
is no contract (`gateway.quotas` is). The header fields and the members of the refusal are those of
draft-ietf-httpapi-ratelimit-headers-10.

A window of our own rather than the library's: its stores look at every key at each request to find
what has expired, so that an attacker with many addresses would make everybody's requests slow.
"""

import base64
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from fastapi import Request, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.problems import RateLimited
from keel.connections import peer_of
from keel.problems import problem_response

_MINUTE = 60.0
_MOST_KEYS = 50_000
_THE_REST = "\x00"
"""What keys beyond the most are counted as, together: memory has an end, and so has patience."""
_NEVER_LIMITED = frozenset({"/livez", "/readyz"})
_PAGES = ("/consent/", "/me/")
_SECRETS = ("/oauth2/", *_PAGES)
_CODE = "/code/check"
_GONE = b"/gone"
"""Where a page leads whose link or code opens nothing."""
_API = "/v1/"
_REFUSED, _INCOMPLETE, _FAILED = 400, 422, 500
TooOften = Callable[[int], Response]
"""Makes the page that tells a person to wait so many seconds."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where one stands with a policy: what is left, and in how many seconds there is more."""

    policy: str
    quota: int
    window: int | None
    """Seconds; None for a period of the calendar."""
    left: int
    more_in: int

    def policy_item(self) -> str:
        """Return the item of `RateLimit-Policy`."""
        window = "" if self.window is None else f";w={self.window}"
        return f'"{self.policy}";q={self.quota}{window}'

    def limit_item(self) -> str:
        """Return the item of `RateLimit`."""
        return f'"{self.policy}";r={self.left};t={self.more_in}'


@dataclass(slots=True)
class Window:
    """At most `quota` a window of `seconds` for each key, counted as if evenly spread.

    The window before counts for the part of it that the sliding window still covers. Two tables
    are all it keeps: the older one goes as a whole when its time is over.
    """

    policy: str
    quota: int
    seconds: float = _MINUTE
    now: Callable[[], float] = time.monotonic
    _index: int = 0
    _current: dict[str, int] = field(default_factory=dict)
    _before: dict[str, int] = field(default_factory=dict)

    def look(self, key: str) -> Standing:
        """Say where `key` stands, taking nothing."""
        key, passed = self._turn(key)
        current, before = self._current.get(key, 0), self._before.get(key, 0)
        used = current + before * (1 - passed)
        left = max(0, math.floor(self.quota - used + 1e-9))
        wait = 0.0 if left else self._wait(current, before, passed)
        return Standing(self.policy, self.quota, round(self.seconds), left, math.ceil(wait))

    def take(self, key: str) -> Standing | None:
        """Take one and say where `key` stands; None when nothing is left, or nothing is limited."""
        if not self.quota:
            return None
        standing = self.look(key)
        if not standing.left:
            return None
        key, _ = self._turn(key)
        self._current[key] = self._current.get(key, 0) + 1
        return self.look(key)

    def _turn(self, key: str) -> tuple[str, float]:
        """Return under what `key` is counted, and which part of the window has passed."""
        index, passed = divmod(self.now() / self.seconds, 1)
        if index != self._index:
            self._before = self._current if index == self._index + 1 else {}
            self._current, self._index = {}, int(index)
        if key not in self._current and len(self._current) >= _MOST_KEYS:
            key = _THE_REST
        return key, passed

    def _wait(self, current: int, before: int, passed: float) -> float:
        """Return the seconds until one more fits."""
        room = self.quota - 1
        if current <= room:  # once enough of the window before has slid out
            return max(0.0, (1 - (room - current) / before) - passed) * self.seconds
        return (1 - passed + 1 - room / current) * self.seconds


@dataclass(frozen=True, slots=True)
class Rates:
    """Every window of this process; a quota of 0 sets no limit."""

    client: Window
    """Requests of a client that was let in."""
    peer: Window
    """Requests from an address that nobody vouches for."""
    wrong_client: Window
    """Wrong secrets given for one client id from one address: nobody uses up another's patience."""
    wrong_peer: Window
    """Wrong secrets, links and codes that came from one address."""

    @classmethod
    def a_minute(cls, *, client: int, peer: int, wrong_client: int, wrong_peer: int) -> "Rates":
        """Return windows of a minute with these quotas."""
        return cls(
            Window("client", client),
            Window("peer", peer),
            Window("wrong-client-secrets", wrong_client),
            Window("wrong-secrets", wrong_peer),
        )

    def enter(self, request: Request, client: str) -> None:
        """Count a request of a client that was let in, once.

        Raises:
            RateLimited: it asked too often.
        """
        standings = standings_of(request.scope)
        request.state.let_in = True
        if not self.client.quota or self.client.policy in standings:
            return
        standing = self.client.take(client)
        standings[self.client.policy] = standing or self.client.look(client)
        if standing is None:
            raise _refusal(self.client.look(client))


def standings_of(scope: Scope) -> dict[str, Standing]:
    """Return what a request's answer will tell of its client's standing, by policy."""
    standings: dict[str, Standing] = scope.setdefault("state", {}).setdefault("standings", {})
    return standings


def _refusal(standing: Standing) -> RateLimited:
    return RateLimited(
        f"Ask again in {max(1, standing.more_in)} seconds, and at most {standing.quota} times in "
        f"{standing.window} seconds.",
        members={"violated-policies": [standing.policy]},
        headers={"Retry-After": str(max(1, standing.more_in))},
    )


class RateLimits:
    """Slow down whoever is not let in, and tell everybody where they stand."""

    def __init__(self, app: ASGIApp, rates: Rates, too_often: TooOften) -> None:
        self._app = app
        self._rates = rates
        self._too_often = too_often

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in _NEVER_LIMITED:
            await self._app(scope, receive, send)
            return
        peer = peer_of(scope["client"][0]) if scope.get("client") else "local"
        standings = standings_of(scope)
        wrong = self._wrong(scope, peer)

        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._note(scope, message, wrong, peer)
                message["headers"] = [*message.get("headers", ()), *_fields(standings)]
            await send(message)

        for window, key in (*wrong, (self._rates.peer, peer)):
            if window.quota and not window.look(key).left:
                standings[window.policy] = window.look(key)
                await self._refused(scope, window.look(key))(scope, receive, telling)
                return
        if self._rates.peer.quota and not scope["path"].startswith(_API):
            taken = self._rates.peer.take(peer)
            if taken is not None:
                standings[self._rates.peer.policy] = taken
        await self._app(scope, receive, telling)

    def _refused(self, scope: Scope, standing: Standing) -> Response:
        """Answer software with a problem document, and whoever reads a hosted page with a page."""
        refusal = _refusal(standing)
        if not scope["path"].startswith(_PAGES):
            return problem_response(refusal)
        page = self._too_often(max(1, standing.more_in))
        page.headers.update(refusal.headers)
        return page

    def _wrong(self, scope: Scope, peer: str) -> tuple[tuple[Window, str], ...]:
        """Return the windows in which a wrong secret of this request would count."""
        if scope["method"] != "POST" or not scope["path"].startswith(_SECRETS):
            return ()
        client = _client_id(dict(scope["headers"]))
        windows = ((self._rates.wrong_peer, peer),)
        if client is None:
            return windows
        return (*windows, (self._rates.wrong_client, f"{client} {peer}"))

    def _note(
        self,
        scope: Scope,
        message: Message,
        wrong: tuple[tuple[Window, str], ...],
        peer: str,
    ) -> None:
        """Count what is only known from the answer: a wrong secret, a caller who was not let in."""
        state: Mapping[str, Any] = scope.get("state", {})
        location = dict(message.get("headers", ())).get(b"location", b"")
        if wrong and (location.endswith(_GONE) or _is_wrong(scope["path"], message["status"])):
            for window, key in wrong:
                window.take(key)
        if scope["path"].startswith(_API) and not state.get("let_in"):
            self._rates.peer.take(peer)


def _is_wrong(path: str, status: int) -> bool:
    """Say whether an answer to a request with a secret says that it was wrong."""
    if status == _INCOMPLETE:  # on every other page: an answer was left out of a form
        return path.endswith(_CODE)
    return _REFUSED <= status < _FAILED


def _client_id(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the client id that HTTP Basic names; it is only counted, never believed."""
    scheme, _, encoded = headers.get(b"authorization", b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        return unquote(base64.b64decode(encoded).partition(b":")[0].decode())[:100] or None
    except ValueError:
        return None


def _fields(standings: Mapping[str, Standing]) -> list[tuple[bytes, bytes]]:
    if not standings:
        return []
    policies = ", ".join(standing.policy_item() for standing in standings.values())
    limits = ", ".join(standing.limit_item() for standing in standings.values())
    return [
        (b"ratelimit-policy", policies.encode("ascii")),
        (b"ratelimit", limits.encode("ascii")),
    ]
