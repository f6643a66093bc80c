"""`python -m <service>`: the same first verbs in every service, and room for its own."""

import argparse
import asyncio
import json
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
import uvloop
from fastapi import FastAPI

from keel.connections import DEFAULT, ConnectionLimits, GuardedConfig
from keel.metrics import Metrics, metrics_on
from keel.settings import ServiceSettings, SettingsRefused
from keel.start import StartRefused
from keel.telemetry import configure_logging, say_no_traces

REFUSED = 2
"""The exit status of a start that was refused."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One more thing that `python -m <service>` can do."""

    name: str
    help: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Service:
    """What the command line needs to know of a service.

    `document` returns the committed OpenAPI document without settings, database or model.
    """

    package: str
    settings: type[ServiceSettings]
    create_app: Callable[[Any], FastAPI]
    document: Callable[[], dict[str, Any]]
    has_database: bool = True
    verbs: Sequence[Verb] = field(default_factory=tuple)


def main(service: Service, argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status (2: refused, the reason is on standard error)."""
    parser = argparse.ArgumentParser(prog=f"python -m {service.package}")
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in (*_first_verbs(service), *service.verbs):
        sub = verbs.add_parser(verb.name, help=verb.help, description=verb.help)
        verb.arguments(sub)
        sub.set_defaults(run=verb.run)
    arguments = parser.parse_args(argv)
    configure_logging(service.package)
    try:
        return int(arguments.run(arguments))
    except StartRefused as refusal:
        print(f"{service.package}: {refusal}", file=sys.stderr)  # noqa: T201 - an operator reads it
        return REFUSED


def _first_verbs(service: Service) -> list[Verb]:
    verbs = [
        Verb("serve", "answer requests", lambda _: _serve(service)),
        Verb("openapi", "print the OpenAPI document", lambda _: _print_document(service)),
    ]
    if service.has_database:
        verbs.append(Verb("migrate", "bring the database up to date", lambda _: _migrate(service)))
    return verbs


def _serve(service: Service) -> int:
    settings: Any = service.settings.read()
    if service.has_database:
        require_migrated(service.package, settings.database_url)
    app = service.create_app(settings)
    limits = settings.connection_limits()
    metrics = settings.metrics_port
    serve(app, host=settings.host, port=settings.port, limits=limits, metrics_port=metrics)
    return 0


def require_migrated(package: str, database_url: str) -> None:
    """Refuse to start on a database that does not answer or is not up to date.

    Raises:
        StartRefused: one of the two; the message says what to do.
    """
    # Not at the top: no other verb needs Alembic, and an operator waits for each import.
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from keel.migrations import is_current  # noqa: PLC0415

    try:
        current = asyncio.run(is_current(package, database_url))
    except SQLAlchemyError as error:
        raise StartRefused(
            f"The database does not answer ({type(error).__name__}). Start it, or correct its URL."
        ) from None
    if not current:
        raise StartRefused(
            f"The database is not up to date. Run `python -m {package} migrate` first."
        )


def _migrate(service: Service) -> int:
    from keel.migrations import migrate_now  # noqa: PLC0415 - the same

    settings: Any = service.settings.read()
    migrate_now(service.package, settings.database_url)
    return 0


def _print_document(service: Service) -> int:
    sys.stdout.write(render_document(service.document()))
    return 0


def render_document(document: dict[str, Any]) -> str:
    """Write an OpenAPI document as it is committed: indented, ending in a newline."""
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=False) + "\n"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket bound to `host`:`port` (0: any free port).

    Raises:
        SettingsRefused: the port is in use or may not be taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: asyncio sets TCP_NODELAY only on sockets that say they are TCP.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        reason = getattr(error, "strerror", None) or "no such port"
        raise SettingsRefused(
            f"Cannot listen on {host}:{port} ({reason}). Choose another port."
        ) from None
    return bound


def serve(
    app: FastAPI,
    *,
    host: str,
    port: int,
    limits: ConnectionLimits = DEFAULT,
    metrics_port: int | None = None,
) -> None:
    """Serve `app` until a signal says stop, and its figures on a port of their own, if any."""
    bound = listen(host, port)
    figures = None if metrics_port is None else listen(host, metrics_port)
    uvloop.run(serve_on(app, bound, limits, figures))


async def serve_on(
    app: FastAPI,
    bound: socket.socket,
    limits: ConnectionLimits = DEFAULT,
    figures: socket.socket | None = None,
) -> None:
    """Open the application's lifespan, then serve it on a bound socket until a signal.

    `figures` is the bound socket on which `/metrics` is answered, where somebody asked for it.
    The lifespan is opened here, not by the server, so that a start that is refused (a database in
    use, a missing key) reaches the operator as one sentence instead of a stack trace.
    """
    say_no_traces()
    async with AsyncExitStack() as stack:
        stack.enter_context(bound)
        if figures is not None:
            app.state.metrics = Metrics(app.state.measures)
            await stack.enter_async_context(metrics_on(figures, app.state.metrics))
        await stack.enter_async_context(app.router.lifespan_context(app))
        await _Server(server_config(app, limits)).serve(sockets=[bound])


class _Server(uvicorn.Server):
    """A server that stops on a signal and lets the process come to its own end.

    uvicorn raises the signal again once it has stopped serving, which would end the process
    before the lifespan is closed: open databases, child processes and sockets would be left.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop serving on SIGTERM and SIGINT, and do nothing more about them."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


def server_config(app: Any, limits: ConnectionLimits = DEFAULT) -> uvicorn.Config:  # noqa: ANN401 - any ASGI application
    """Return the one way in which our servers are configured."""
    return GuardedConfig(
        app,
        limits,
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=True,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=10,
    )
