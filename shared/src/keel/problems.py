"""How every service says no: RFC 9457 `application/problem+json`, rendered in one place.

A refusal is a subclass of `Problem` with a name, declared in a service's `problems.py` and raised
where it is known. Rejected values are never echoed: they may be what somebody wrote about
themselves.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from keel.telemetry import current_trace_id

log = structlog.get_logger()


class Problem(Exception):  # noqa: N818 - the RFC calls it a problem, and so do the documents
    """A refusal that a caller can act on.

    `code` never changes once published; `type` is `/problems/` + code with hyphens. `members` are
    further members of the document (identifiers and codes only), `headers` go on the response.
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"
    status: ClassVar[int] = 500

    def __init__(
        self,
        detail: str = "",
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def document(self) -> dict[str, object]:
        """Return the body of RFC 9457, with `code` and `trace_id`."""
        return {
            "type": type_of(self.code),
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "trace_id": current_trace_id(),
            **self.members,
        }


def type_of(code: str) -> str:
    """Return the problem type of a code."""
    return "/problems/" + code.replace("_", "-")


class NotFound(Problem):
    """It does not exist, or belongs to somebody else: the two look the same."""

    code = "not_found"
    title = "There is no such thing here"
    status = 404


class InvalidRequest(Problem):
    """The request is not of the shape that the document gives."""

    code = "invalid_request"
    title = "The request is not of the documented shape"
    status = 422


class MethodNotAllowed(Problem):
    """The path exists, the method does not."""

    code = "method_not_allowed"
    title = "This method does not exist on this path"
    status = 405


class TooLarge(Problem):
    """A body, file or text is over its limit."""

    code = "too_large"
    title = "This is larger than the service reads"
    status = 413


class MediaTypeNotSupported(Problem):
    """The content is of a type that the service does not read."""

    code = "media_type"
    title = "This type of content is not read here"
    status = 415


class DatabaseUnavailable(Problem):
    """The database does not answer; nothing was done."""

    code = "database_unavailable"
    title = "The database does not answer"
    status = 503


class ProblemDocument(BaseModel):
    """A refusal (RFC 9457). `code` is stable; `detail` says what to do."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(max_length=200, examples=["/problems/not-found"])
    title: str = Field(max_length=200)
    status: int = Field(ge=400, le=599)
    detail: str = Field(max_length=2000)
    code: str = Field(max_length=100, examples=["not_found"])
    trace_id: str | None = Field(default=None, max_length=32)


def problems(*refusals: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Declare on a route what it may answer instead of what was asked (`responses=`)."""
    declared: dict[int | str, dict[str, Any]] = {}
    every: tuple[type[Problem], ...] = (*refusals, InvalidRequest)
    for refusal in every:
        entry = declared.setdefault(refusal.status, {"description": ""})
        line = f"`{refusal.code}`: {refusal.title}."
        entry["description"] = f"{entry['description']} {line}".strip()
        entry["content"] = {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }
    return declared


def problem_response(problem: Problem) -> JSONResponse:
    """Render a refusal."""
    return JSONResponse(
        problem.document(),
        status_code=problem.status,
        headers=problem.headers,
        media_type="application/problem+json",
    )


def _where(error: Mapping[str, Any]) -> dict[str, str]:
    # Location and rule only: `input` and `ctx` can hold what a person wrote. A location may hold
    # a key that the caller made up, so its parts are shortened to what a field name needs.
    return {
        "at": ".".join(str(part)[:60] for part in error["loc"])[:300],
        "why": str(error["type"]),
    }


async def _on_problem(_: Request, refusal: Exception) -> JSONResponse:
    if not isinstance(refusal, Problem):  # pragma: no cover - registered for Problem only
        raise refusal
    return problem_response(refusal)


_NO_OBJECT = frozenset({"model_attributes_type", "model_type", "dict_type"})
"""What the framework finds wrong with a body that it did not read as JSON."""


def _is_no_json(request: Request, errors: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a JSON body came under the name of something else."""
    media, _, _ = request.headers.get("content-type", "").partition(";")
    if media.strip().lower() == "application/json" or media.strip().lower().endswith("+json"):
        return False
    return any(e["loc"] == ("body",) and e["type"] in _NO_OBJECT for e in errors)


async def _on_validation(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - registered for it only
        raise error
    errors = error.errors()
    if _is_no_json(request, errors):
        return problem_response(
            MediaTypeNotSupported("Send one JSON document with `Content-Type: application/json`.")
        )
    if any(e["type"] == "json_invalid" for e in errors):
        detail = "The body is not JSON. Send one JSON document, UTF-8, as application/json."
    else:
        detail = "Some fields are missing or out of bounds; `errors` says which and why."
    shown = [_where(e) for e in errors[:20]]
    return problem_response(InvalidRequest(detail, members={"errors": shown}))


_BY_STATUS: Mapping[int, type[Problem]] = {
    404: NotFound,
    405: MethodNotAllowed,
    413: TooLarge,
    415: MediaTypeNotSupported,
}


async def _on_http_exception(_: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):  # pragma: no cover - registered for it only
        raise error
    refusal = _BY_STATUS.get(error.status_code, InvalidRequest)
    return problem_response(refusal(headers=error.headers or {}))


async def _on_database_error(_: Request, error: Exception) -> JSONResponse:
    log.error("database_unavailable", error=type(error).__name__)
    return problem_response(
        DatabaseUnavailable(
            "Nothing was done. Try again in a moment.", headers={"Retry-After": "1"}
        )
    )


_GONE = 499
"""What servers write down for a client that left; it is never received."""

_UNABLE = frozenset({"08", "40", "53", "57"})
"""Classes of SQLSTATE that blame no statement: connection, rollback, resources, shutdown."""
_READS_ONLY = "25006"
"""Nor does it where a standby has taken the primary's address."""


async def _on_driver_error(request: Request, error: Exception) -> JSONResponse:
    # asyncpg's dialect has one bare class for a server that shuts down and for data that no
    # column takes. Only the first is worth trying again.
    if not isinstance(error, DBAPIError):  # pragma: no cover - registered for it only
        raise error
    sqlstate = str(getattr(error.orig, "sqlstate", None) or "")
    unable = sqlstate[:2] in _UNABLE or sqlstate == _READS_ONLY
    if error.connection_invalidated or unable:
        return await _on_database_error(request, error)
    raise error


async def _on_crash(_: Request, error: Exception) -> JSONResponse:
    # The class name only: a message can hold what somebody wrote.
    log.error("unexpected_error", error=type(error).__name__)
    return problem_response(
        Problem("Quote the trace_id when you report it. Nothing else was recorded.")
    )


async def _on_departure(_: Request, __: Exception) -> Response:
    # Nobody is there to read it: no failure of ours, and nothing for a log.
    return Response(status_code=_GONE)


def answer_with_problems(app: FastAPI) -> None:
    """Make `app` answer every refusal and failure as a problem document."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(OperationalError, _on_database_error)
    app.add_exception_handler(InterfaceError, _on_database_error)
    app.add_exception_handler(NoConnectionFree, _on_database_error)
    app.add_exception_handler(ClientDisconnect, _on_departure)
    app.add_exception_handler(DBAPIError, _on_driver_error)
    app.add_exception_handler(Exception, _on_crash)
