"""Calling another service: time-outs, trace headers, and refusals that stay refusals."""

import ssl
from collections.abc import Mapping
from functools import cache
from typing import Any, NoReturn

import httpx
from httpx_aiohttp import AiohttpTransport

from keel.problems import Problem
from keel.telemetry import trace_headers

TIMEOUT = httpx.Timeout(30.0, connect=5.0)


class ServiceUnavailable(Problem):
    """Another service of the platform does not answer."""

    code = "service_unavailable"
    title = "A part of the platform does not answer"
    status = 503


class Relayed(Problem):
    """A refusal of another service, passed on with its own code, title and status."""

    def __init__(self, document: Mapping[str, Any], status: int) -> None:
        known = {"type", "title", "status", "detail", "code", "trace_id"}
        super().__init__(
            str(document.get("detail", "")),
            members={k: v for k, v in document.items() if k not in known},
        )
        self.code = str(document.get("code", "service_unavailable"))  # type: ignore[misc]
        self.title = str(document.get("title", ServiceUnavailable.title))  # type: ignore[misc]
        self.status = status  # type: ignore[misc]


@cache
def _authorities() -> ssl.SSLContext:
    # Read once a process: reading them takes 20 ms, and each service has several others to call.
    return httpx.create_ssl_context(trust_env=False)


async def _add_trace(request: httpx.Request) -> None:
    request.headers.update(trace_headers())


def caller(base_url: str, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Return a client for one service, over TCP unless a transport is given.

    The aiohttp transport reads an answer while the request's body is still being sent, which
    restoration inside a stream needs; plain httpx sends the whole body first.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        transport=transport or AiohttpTransport(verify=_authorities()),
        timeout=TIMEOUT,
        event_hooks={"request": [_add_trace]},
        trust_env=False,
    )


def refuse(response: httpx.Response) -> NoReturn:
    """Pass on the refusal that `response` (already read) holds.

    Raises:
        Relayed: it is a problem document of the caller's making.
        ServiceUnavailable: anything else; a service's own failure is not the caller's business.
    """
    if response.headers.get("content-type", "").startswith("application/problem+json"):
        document = response.json()
        code = document.get("code")
        if code not in {"pass_refused", "internal"}:
            raise Relayed(document, response.status_code)
    raise ServiceUnavailable("Try again in a moment.", headers={"Retry-After": "2"})
