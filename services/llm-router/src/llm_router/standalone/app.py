"""The routes of the router alone: plain Starlette, OpenAI's shapes, errors included."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route as Path
from starlette.types import Receive, Scope, Send

from llm_router.deployments.rules import Deployment, closure
from llm_router.providers.openai_compatible import OpenAICompatible, Patience, chunks
from llm_router.providers.protocol import AttemptFailed, FailureCode
from llm_router.standalone.configuration import StaticKey

_MAX_BODY_BYTES = 4 * 1024 * 1024


class _Refusal(Exception):  # noqa: N818 - rendered in OpenAI's shape
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def create_standalone(deployments: Sequence[Deployment], keys: Sequence[StaticKey]) -> FastAPI:
    """Return the pass-through; deployments whose route is closed are not offered."""
    offered = {d.id: d for d in deployments if closure(d, dpf_accepted=True) is None}

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with OpenAICompatible.opened() as provider:
            app.state.provider = provider
            yield

    async def models(request: Request) -> Response:
        _check_key(request, keys)
        listed = [
            {"id": i, "object": "model", "owned_by": d.recipient.id} for i, d in offered.items()
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def chat_completions(request: Request) -> Response:
        _check_key(request, keys)
        body = await _body(request)
        deployment = offered.get(str(body.get("model")))
        if deployment is None:
            raise _Refusal(404, "model_not_found", "GET /v1/models lists the models there are.")
        return await _relayed(request.app.state.provider, deployment, body)

    return FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        routes=[
            Path("/v1/models", models),
            Path("/v1/chat/completions", chat_completions, methods=["POST"]),
        ],
        lifespan=lifespan,
        exception_handlers={_Refusal: _on_refusal, AttemptFailed: _on_failure},
    )


def _check_key(request: Request, keys: Sequence[StaticKey]) -> None:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    given = hashlib.sha256(key.encode()).hexdigest()
    known = [hmac.compare_digest(given, k.sha256) for k in keys]
    if scheme.lower() != "bearer" or not any(known):
        raise _Refusal(401, "invalid_api_key", "This key is not one of the configuration's.")


async def _body(request: Request) -> dict[str, Any]:
    received = bytearray()
    async for part in request.stream():
        received += part
        if len(received) > _MAX_BODY_BYTES:
            raise _Refusal(413, "too_large", f"At most {_MAX_BODY_BYTES} bytes.")
    try:
        body = json.loads(received)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        raise _Refusal(400, "invalid_request", "The body is a JSON object with model and messages.")
    return body


async def _relayed(
    provider: OpenAICompatible, deployment: Deployment, body: Mapping[str, Any]
) -> Response:
    sent = json.dumps({**body, "model": deployment.model}, ensure_ascii=False).encode()
    is_stream = body.get("stream") is True
    accept = "text/event-stream" if is_stream else "application/json"
    parts = _parts(provider, deployment, sent, accept)
    # The first part is awaited before the answer begins, so that a failure is still a status.
    first = await anext(parts, b"")
    return _Relay(first, parts, accept)


async def _parts(
    provider: OpenAICompatible, deployment: Deployment, body: bytes, accept: str
) -> AsyncGenerator[bytes]:
    limits = deployment.timeouts
    until = asyncio.get_running_loop().time() + limits.whole.total_seconds()
    patience = Patience(limits, until)
    async with provider.posted(deployment, body, accept=accept, patience=patience) as response:
        if response.content_type != accept:
            raise AttemptFailed(FailureCode.WRONG_CONTENT_TYPE, f"Not {accept}.")
        async for chunk in chunks(response, patience):
            yield chunk
            patience.renew()


class _Relay(StreamingResponse):
    """Passes parts on; a failure in mid-stream is an error event, never a silent end."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes], media_type: str) -> None:
        super().__init__(_joined(first, rest, media_type), media_type=media_type)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._rest.aclose()


async def _joined(
    first: bytes, rest: AsyncGenerator[bytes], media_type: str
) -> AsyncGenerator[bytes]:
    yield first
    try:
        async for part in rest:
            yield part
    except AttemptFailed as failure:
        if media_type != "text/event-stream":
            raise
        yield b"\n\ndata: " + json.dumps(_error(failure.code, failure.detail)).encode() + b"\n\n"


def _error(code: str, message: str) -> dict[str, object]:
    return {"error": {"message": message, "type": code, "code": code, "param": None}}


async def _on_refusal(_: Request, refusal: Exception) -> Response:
    if not isinstance(refusal, _Refusal):  # pragma: no cover - registered for it only
        raise refusal
    return JSONResponse(_error(refusal.code, refusal.message), status_code=refusal.status)


async def _on_failure(_: Request, failure: Exception) -> Response:
    if not isinstance(failure, AttemptFailed):  # pragma: no cover - registered for it only
        raise failure
    status = {FailureCode.RATE_LIMITED: 429, FailureCode.UPSTREAM_REFUSED: 400}.get(
        failure.code, 502
    )
    headers = {"Retry-After": str(failure.retry_after_s)} if failure.retry_after_s else {}
    return JSONResponse(_error(failure.code, failure.detail), status_code=status, headers=headers)
