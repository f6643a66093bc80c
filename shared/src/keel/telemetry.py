"""Traces and logs that hold no personal data.

One server span a request (W3C trace context), and logs from an allow-list of fields: no bodies, no
query strings, no names. A field that is not on the list is dropped, whoever adds it. What libraries
log, and what the interpreter would print of an exception, goes the same way: the class of the
exception is said, never its message or its trace, for both may hold what somebody wrote.
"""

import logging
import sys
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from types import TracebackType
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ALLOWED_FIELDS = frozenset(
    {
        "event", "level", "timestamp", "service", "trace_id", "route", "method", "status",
        "duration_ms", "error", "code", "count", "size", "operation", "kind", "pid", "attempt",
        "source", "release", "rows", "state", "port", "signal", "reason",
    }
)  # fmt: skip

_trace_id: ContextVar[str | None] = ContextVar("trace_id", default=None)
_propagator = TraceContextTextMapPropagator()


def current_trace_id() -> str | None:
    """Return the trace id of the request being served, 32 hexadecimal characters."""
    return _trace_id.get()


def trace_headers() -> dict[str, str]:
    """Return the headers that carry the present trace to another service (W3C Trace Context)."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier


def _allow_listed(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key in ALLOWED_FIELDS}


def _with_trace(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if (trace_id := current_trace_id()) is not None:
        event["trace_id"] = trace_id
    return event


class _StandardError:
    """Writes a line to wherever standard error is at that moment; a closed one stops nobody."""

    def msg(self, line: str) -> None:
        """Write one line."""
        with suppress(ValueError, OSError):
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    log = debug = info = warning = error = critical = exception = msg


def _to_standard_error(*_: object) -> _StandardError:
    return _StandardError()


def configure_logging(service: str, *, level: int = logging.INFO) -> None:
    """Send one JSON object a line to standard error, allow-listed fields only.

    The loggers of libraries and Python's warnings end here too, without their messages.
    """

    def named(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        # Not a context variable: threads and callbacks of the loop would not have it.
        event.setdefault("service", service)
        return event

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            named,
            _with_trace,
            _allow_listed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_to_standard_error,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not isinstance(h, _WithoutMessages)]
    root.addHandler(_WithoutMessages())
    logging.captureWarnings(capture=True)


class _WithoutMessages(logging.Handler):
    """Says that a library logged something, which library, and the class of its exception.

    Not even the template of the message: asyncio and uvicorn write the exception into it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        raised = record.exc_info[0] if record.exc_info else None
        _say(record.levelno, "library_message", source=record.name, raised=raised)


def _say(level: int, event: str, *, source: str, raised: type[BaseException] | None) -> None:
    error = {} if raised is None else {"error": raised.__name__}
    structlog.get_logger().log(level, event, source=source, **error)


def say_no_traces() -> None:
    """Keep exceptions that nobody caught from printing their messages, from now on.

    For a process that serves: what it works on is in its exceptions. An operator's own verbs keep
    their traces.
    """

    def uncaught(raised: type[BaseException], _: BaseException, __: TracebackType | None) -> None:
        _say(logging.CRITICAL, "uncaught", source="main", raised=raised)

    def uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
        _say(logging.ERROR, "uncaught", source="thread", raised=given.exc_type)

    def unraisable(given: Any) -> None:  # noqa: ANN401 - its class exists for type checkers only
        _say(logging.ERROR, "uncaught", source="unraisable", raised=given.exc_type)

    sys.excepthook, threading.excepthook = uncaught, uncaught_in_thread
    sys.unraisablehook = unraisable


class TraceMiddleware:
    """Open one server span a request and remember its trace id.

    A thin middleware of our own: the framework's instrumentation makes a span for each chunk of a
    stream, which cost twelve times a stream's own price when measured.
    """

    def __init__(self, app: ASGIApp, service: str) -> None:
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            trace.set_tracer_provider(TracerProvider())
        self._app = app
        self._tracer = trace.get_tracer(f"passerelle.{service}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request inside its span."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        with self._tracer.start_as_current_span(
            scope["method"],
            context=_propagator.extract(headers),
            kind=SpanKind.SERVER,
            record_exception=False,  # a span that is exported would carry message and trace
            set_status_on_exception=False,
        ) as span:
            token = _trace_id.set(f"{span.get_span_context().trace_id:032x}")

            async def send_and_note(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                await send(message)

            try:
                await self._app(scope, receive, send_and_note)
            except Exception as error:
                span.set_status(StatusCode.ERROR)
                span.set_attribute("error.type", type(error).__name__)
                raise
            finally:
                route = scope.get("route")
                if route is not None and span.is_recording():
                    span.update_name(f"{scope['method']} {route.path}")
                    span.set_attribute("http.route", route.path)
                _trace_id.reset(token)
