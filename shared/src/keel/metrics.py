"""Figures for whoever runs a service: `/metrics` on a port of its own, as Prometheus reads them.

The port is another listener than the public one, off unless `<SERVICE>_METRICS_PORT` names it.
Labels are bounded: a route is its template, never a path, and nothing about a person is a label.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from socket import socket
from typing import Any

import structlog
import uvicorn
from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = structlog.get_logger()

_PATIENCE_SECONDS = 5.0
"""What one measure may take; a scrape that waits longer is worth less than one that lacks it."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ROUTE = "none"
_STOPPING_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure as it is now. `labels` are few and bounded: names that an operator chose."""

    name: str
    """With its unit at the end: `passerelle_log_oldest_waiting_seconds`."""
    help: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()


Measure = Callable[[], Awaitable[Iterable[Figure]]]
"""Looks at something, the database for the most part, each time that somebody asks."""


@dataclass(slots=True)
class Metrics:
    """The figures of one process: what it counts, and what it looks up when asked."""

    measures: dict[str, Measure] = field(default_factory=dict)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    requests: Counter = field(init=False)
    seconds: Histogram = field(init=False)

    def __post_init__(self) -> None:
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "passerelle_requests",
            "Requests that were answered",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "passerelle_request_seconds",
            "Seconds from a request's head to the end of its answer",
            ("service", "method", "route"),
            buckets=_SECONDS,
            registry=self.registry,
        )

    async def exposition(self) -> bytes:
        """Return every figure in the text form of Prometheus."""
        looked_up = CollectorRegistry()
        looked_up.register(_Families(await self._figures()))
        return generate_latest(self.registry) + generate_latest(looked_up)

    async def _figures(self) -> list[Figure]:
        names = list(self.measures)
        found = await asyncio.gather(*(self._measured(name) for name in names))
        figures = [figure for some in found if some is not None for figure in some]
        failed = "Whether a measure could not be taken: its figures are missing"
        return figures + [
            Figure("passerelle_measure_failed", failed, float(some is None), (("measure", name),))
            for name, some in zip(names, found, strict=True)
        ]

    async def _measured(self, name: str) -> list[Figure] | None:
        try:
            return list(await asyncio.wait_for(self.measures[name](), _PATIENCE_SECONDS))
        except Exception as error:  # noqa: BLE001 - one that fails takes no other figure away
            logger.warning("measure_failed", kind=name, error=type(error).__name__)
            return None


class _Families:
    """What was looked up, in the form that the library writes."""

    def __init__(self, figures: Iterable[Figure]) -> None:
        self._families: dict[str, GaugeMetricFamily] = {}
        for figure in figures:
            family = self._families.get(figure.name)
            if family is None:
                names = [name for name, _ in figure.labels]
                family = GaugeMetricFamily(figure.name, figure.help, labels=names)
                self._families[figure.name] = family
            family.add_metric([value for _, value in figure.labels], figure.value)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return each family once."""
        return self._families.values()


def readiness_of(service: str, state: Any) -> Measure:  # noqa: ANN401 - an application's state
    """Measure a service's own readiness checks, one by one."""

    async def measure() -> list[Figure]:
        said = "Whether a readiness check holds"
        checks = list(state.readiness.items())
        return [
            Figure(
                "passerelle_ready",
                said,
                float(await check()),
                (("service", service), ("check", name)),
            )
            for name, check in checks
        ]

    return measure


class MeasuredMiddleware:
    """Counts and times requests once somebody listens to the figures; before, it costs nothing."""

    def __init__(self, app: ASGIApp, *, service: str, state: Any) -> None:  # noqa: ANN401 - as above
        self.app = app
        self._service = service
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note how it went."""
        metrics: Metrics | None = self._state.metrics
        if metrics is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = HTTPStatus.INTERNAL_SERVER_ERROR.value

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, receive, noting)
        finally:
            route = str(getattr(scope.get("route"), "path", _NO_ROUTE))
            method = scope["method"] if scope["method"] in _METHODS else "other"
            metrics.requests.labels(self._service, method, route, str(status)).inc()
            taken = time.perf_counter() - began
            metrics.seconds.labels(self._service, method, route).observe(taken)


def _application(metrics: Metrics) -> ASGIApp:
    """Return what answers on the port: `/metrics`, and nothing else."""

    async def app(scope: Scope, _: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        asked = scope["method"] in {"GET", "HEAD"} and scope["path"] == "/metrics"
        status = HTTPStatus.OK if asked else HTTPStatus.NOT_FOUND
        body = await metrics.exposition() if asked else b""
        headers = [
            (b"content-type", CONTENT_TYPE_LATEST.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send(
            {"type": "http.response.body", "body": body if scope["method"] == "GET" else b""}
        )

    return app


class _Beside(uvicorn.Server):
    """A server that leaves the signals to the one that it stands beside."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear none."""
        yield


@asynccontextmanager
async def metrics_on(bound: socket, metrics: Metrics) -> AsyncIterator[None]:
    """Answer on a bound socket while the context lasts."""
    config = uvicorn.Config(
        _application(metrics),
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=20,
        timeout_graceful_shutdown=_STOPPING_SECONDS,
    )
    server = _Beside(config)
    with bound:
        task = asyncio.create_task(server.serve(sockets=[bound]), name="metrics")
        try:
            yield
        finally:
            server.should_exit = True
            await asyncio.wait({task}, timeout=2 * _STOPPING_SECONDS)
            task.cancel()
