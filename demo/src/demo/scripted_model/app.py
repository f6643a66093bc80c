"""The OpenAI-compatible routes of the scripted model, and what it received."""

import asyncio
import base64
import json
from collections import deque
from collections.abc import AsyncIterator, Iterator

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from demo.scripted_model import MODEL, NOTICE, RECIPIENT
from demo.scripted_model.answers import answer

_PIECE = 12
_MAX_BODY_BYTES = 8 * 1024 * 1024
_MOST_KEPT = 200


def create_app(*, pace_s: float = 0.003) -> Starlette:
    """Return the server; `pace_s` is the pause between two pieces of a stream, in seconds."""
    received: deque[bytes] = deque(maxlen=_MOST_KEPT)

    async def models(_: Request) -> Response:
        model = {"id": MODEL, "object": "model", "owned_by": RECIPIENT, "description": NOTICE}
        return JSONResponse({"object": "list", "data": [model]})

    async def chat_completions(request: Request) -> Response:
        body = await request.body()
        if len(body) > _MAX_BODY_BYTES:
            return _error(413, "too_large")
        received.append(body)
        asked = _asked(body)
        if asked is None:
            return _error(400, "invalid_request")
        messages, is_stream = asked
        text = answer(messages)
        usage = _usage(body.decode(errors="replace"), text)
        if not is_stream:
            return JSONResponse(_whole(text, usage))
        return StreamingResponse(_events(text, usage, pace_s), media_type="text/event-stream")

    async def what_was_received(_: Request) -> Response:
        kept = [base64.b64encode(body).decode() for body in received]
        return JSONResponse({"notice": NOTICE, "bodies_base64": kept})

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
            Route("/received", what_was_received),
        ]
    )


def _asked(body: bytes) -> tuple[list[dict[str, object]], bool] | None:
    """Return the messages and whether a stream is asked for; None when it is no such request."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match asked:
        case {"messages": [*messages]} if all(isinstance(m, dict) for m in messages):
            return messages, asked.get("stream") is True
        case _:
            return None


def _usage(sent: str, text: str) -> dict[str, int]:
    # Words stand for tokens: nothing here tokenises.
    counted = {"prompt_tokens": len(sent.split()), "completion_tokens": len(text.split())}
    return {**counted, "total_tokens": sum(counted.values())}


def _whole(text: str, usage: dict[str, int]) -> dict[str, object]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {
        "id": "demonstration",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [choice],
        "usage": usage,
    }


async def _events(text: str, usage: dict[str, int], pace_s: float) -> AsyncIterator[bytes]:
    for chunk in _chunks(text, usage):
        yield b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
        await asyncio.sleep(pace_s)
    yield b"data: [DONE]\n\n"


def _chunks(text: str, usage: dict[str, int]) -> Iterator[dict[str, object]]:
    yield _chunk({"role": "assistant", "content": ""})
    for at in range(0, len(text), _PIECE):
        yield _chunk({"content": text[at : at + _PIECE]})
    yield _chunk({}, finish_reason="stop")
    yield {**_chunk({}), "choices": [], "usage": usage}


def _chunk(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, object]:
    return {
        "id": "demonstration",
        "object": "chat.completion.chunk",
        "model": MODEL,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}],
    }


def _error(status: int, code: str) -> Response:
    message = f"{NOTICE} : la requête n’a pas la forme attendue."
    return JSONResponse({"error": {"message": message, "code": code}}, status_code=status)
