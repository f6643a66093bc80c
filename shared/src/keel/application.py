"""The FastAPI application that every service starts from."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from fastapi.telemetry import TelemetryConfig
from starlette.types import ASGIApp

from keel import health
from keel.metrics import MeasuredMiddleware, readiness_of
from keel.passes import Admission
from keel.problems import ProblemDocument, answer_with_problems
from keel.telemetry import TraceMiddleware

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


# The framework would open a second trace a request and, where a log exporter is configured, send
# messages of exceptions, stack traces and rejected values. `TraceMiddleware` is what we say.
_NO_OTHER_TELEMETRY = TelemetryConfig(
    tracing=False, metrics=False, logs=False, operation_spans=False, auto_configure=False
)


class _TracedApplication(FastAPI):
    """An application whose trace is around everything.

    `add_middleware` would leave the framework's own handler of crashes outside of the trace: the
    500 that it renders could not name it.
    """

    def build_middleware_stack(self) -> ASGIApp:
        """Return the framework's stack inside the trace."""
        name = self.state.name
        traced = TraceMiddleware(super().build_middleware_stack(), service=name)
        return MeasuredMiddleware(traced, service=name, state=self.state)


def create_service(
    *,
    name: str,
    title: str,
    description: str,
    version: str,
    lifespan: Lifespan | None = None,
    admission: Admission | None = None,
    docs: bool = False,
) -> FastAPI:
    """Return an application with problems, probes, traces and a truthful OpenAPI document.

    `admission` guards the inside services: each of their routes takes a `PassDep`. Readiness
    checks are added to `app.state.readiness`, what an operator watches to `app.state.measures`.
    Without a lifespan the application is good for its document only. The framework's own
    documentation pages stay off (they load scripts from elsewhere); `docs` only keeps the document
    itself at /openapi.json.
    """
    app = _TracedApplication(
        title=title,
        description=description,
        version=version,
        lifespan=lifespan,
        # A redirect would be built from the caller's own Host header.
        redirect_slashes=False,
        openapi_url="/openapi.json" if docs else None,
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
        telemetry=_NO_OTHER_TELEMETRY,
    )
    app.state.name = name
    app.state.readiness = {}
    app.state.metrics = None
    app.state.measures = {f"{name}_readiness": readiness_of(name, app.state)}
    app.state.admission = admission
    answer_with_problems(app)
    app.include_router(health.router)
    _tell_the_truth(app)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


def _tell_the_truth(app: FastAPI) -> None:
    """Replace the framework's default 422 by ours, share one Problem schema, fix upload fields."""
    framework_document = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = framework_document()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            schemas["Problem"] = ProblemDocument.model_json_schema()
            for path in document["paths"].values():
                for operation in path.values():
                    _declare_problems(operation)
            _binary_uploads(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def _declare_problems(operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    given = responses.get("422")
    if given is not None and "application/json" in given.get("content", {}):
        del responses["422"]
    responses.setdefault(
        "4XX", {"description": "A refusal that says what to do.", "content": _PROBLEM}
    )
    responses.setdefault("5XX", {"description": "A failure on our side.", "content": _PROBLEM})


def _binary_uploads(node: Any) -> None:  # noqa: ANN401 - any JSON value
    # Generators of clients know files by `format: binary`; the framework writes contentMediaType.
    if isinstance(node, dict):
        if node.get("contentMediaType") == "application/octet-stream":
            del node["contentMediaType"]
            node["format"] = "binary"
        for value in node.values():
            _binary_uploads(value)
    elif isinstance(node, list):
        for value in node:
            _binary_uploads(value)
