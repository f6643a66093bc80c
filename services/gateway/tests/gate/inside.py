"""Doubles of the four services behind the gateway, over real HTTP; they note what reaches them.

`python inside.py` serves them on a free loopback port and prints it. The model double is the
attempt: each is noted with the instants of its first and last bytes, its whole body and the claims
of its pass, and with the instant at which the gateway left it, if it did.
"""

import asyncio
import base64
import json
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn

RECIPIENT = {
    "id": "rcp_local-llm", "legal_name": "Le centre lui-même", "role": "controller", "jurisdictions": ["FR"],
    "operator_home": "FR", "route": "route.local", "retention": "none", "training_use": "none",
    "deployments": ["local"],
}  # fmt: skip
CARD = {
    "id": "cv-analysis", "version": "1.0.0", "title": "Analyse de CV", "purpose": "analysis",
    "data_categories": ["cv"], "modes": ["computed", "assisted"], "without_ai": "Lecture par des règles.",
    "oversight": "H1", "risk_class": "art50_transparency", "necessity_code": "career_reading",
}  # fmt: skip
OUTPUT = {"threads": [], "open_questions": [], "experiences": []}
_FIXED: list[tuple[str, Any]] = [
    ("/use-cases/", CARD),
    ("/recipients", {"items": [RECIPIENT]}),
    ("/pseudonymised", {"text": "Développeuse, depuis 2020."}),
    ("/outline", {"experiences": [], "periods_without_information": []}),
    (
        "/documents/",
        {"data_categories": ["cv"], "entity_counts": {"PERSON": 1}, "special_categories": []},
    ),
]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]


def claims(headers: dict[bytes, bytes]) -> dict[str, Any]:
    """What a pass says; whether it is signed is the services' own test."""
    token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
    middle = token.split(".")[1] if token.count(".") == 2 else "e30"
    return json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))


class Inside:
    """All four services, as one ASGI application."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.deployments = ["local"]
        self.failing: set[str] = set()
        self.pace = 0.0
        self.pieces = 3
        self.go = asyncio.Event()
        self.go.set()
        self.before: Callable[[str], Awaitable[None]] | None = None
        """Called with the operation before it is answered: where a story changes its mind."""

    @property
    def attempts(self) -> list[dict[str, Any]]:
        return [call for call in self.received if call["path"] == "/attempts"]

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        headers = dict(scope["headers"])
        path = scope["path"]
        if path == "/control":
            await self._control(await _body(receive), send)
            return
        call = {
            "at": time.monotonic(),
            "path": path,
            "method": scope["method"],
            "read": None,
            "left": None,
            **_of(claims(headers)),
        }
        self.received.append(call)
        if path == "/restorations/stream":
            await self._restore_stream(receive, send)
            return
        call["bytes"] = base64.b64encode(body := await _body(receive)).decode()
        call["read"] = time.monotonic()
        if self.before is not None:
            await self.before(call["op"])
        if path == "/attempts":
            await self._attempt(call, json.loads(body), receive, send)
        else:
            await _json(send, self._answer(path, body))

    async def _control(self, body: bytes, send: Send) -> None:
        """Change the script from another process, and hear what was received."""
        asked = json.loads(body or b"{}")
        self.pace, self.pieces = asked.get("pace", self.pace), asked.get("pieces", self.pieces)
        if "go" in asked:
            (self.go.set if asked["go"] else self.go.clear)()
        known = asked.get("known", 0)
        found = [{k: v for k, v in call.items() if k != "bytes"} for call in self.received[known:]]
        await _json(send, {"received": found})

    def _answer(self, path: str, body: bytes) -> Any:
        if path == "/plans":
            return {"candidates": [_candidate(d) for d in self.deployments], "rejected": []}
        if path == "/restorations":
            return {"value": json.loads(body)["value"], "unknown": []}
        if path == "/documents":
            return {"id": body[body.index(b"doc_") :][:30].decode()}
        return next((answer for shape, answer in _FIXED if shape in path), {})

    async def _attempt(
        self, call: dict[str, Any], body: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        speaking = asyncio.create_task(self._speak(body, send))
        leaving = asyncio.create_task(_gone(receive))
        await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not speaking.done():
            call["left"] = time.monotonic()
            speaking.cancel()
        leaving.cancel()
        await asyncio.gather(speaking, leaving, return_exceptions=True)

    async def _speak(self, body: dict[str, Any], send: Send) -> None:
        await _start(send, 200, b"application/x-ndjson")
        prompt = {"id": "cv-analysis", "version": "1", "digest": "0" * 64}
        await _line(send, {"type": "started", "model_requested": "double", "prompt": prompt})
        if body["deployment"] in self.failing:
            await _line(
                send, {"type": "failed", "code": "unavailable", "retryable": True, "detail": ""}
            )
        else:
            for piece in range(self.pieces):
                await _line(send, {"type": "delta", "text": f"mot{piece} "})
                await asyncio.sleep(self.pace)
            await self.go.wait()
            last = {
                "type": "completed", "output": OUTPUT, "text_digestable": "", "finish_reason": "stop",
                "model_returned": "double", "usage": {"input_tokens": 1, "output_tokens": 1}, "schema_id": "cv-analysis",
                "schema_valid": True, "repaired": False, "evidence_coverage": 100, "unproved": 0,
            }  # fmt: skip
            await _line(send, last)
        await send({"type": "http.response.body", "body": b""})

    async def _restore_stream(self, receive: Receive, send: Send) -> None:
        await _start(send, 200, b"application/x-ndjson")
        rest = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            *lines, rest = (rest + message.get("body", b"")).split(b"\n")
            for line in lines:
                await _line(send, {"delta": json.loads(line)["delta"]})
            if not message.get("more_body"):
                break
        await send({"type": "http.response.body", "body": b""})


def _candidate(deployment: str) -> dict[str, Any]:
    return {
        "deployment": deployment, "recipient": RECIPIENT["id"], "jurisdictions": ["FR"], "model": "double",
        "route": "route.local", "legal_name": RECIPIENT["legal_name"],
    }  # fmt: skip


def _of(said: dict[str, Any]) -> dict[str, Any]:
    return {
        "op": said.get("op", ""),
        "record": said.get("rec"),
        "bilan": said.get("bil"),
        "jti": said.get("jti"),
        "categories": said.get("cat"),
    }


async def _body(receive: Receive) -> bytes:
    found = b""
    while True:
        message = await receive()
        found += message.get("body", b"")
        if not message.get("more_body"):
            return found


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _start(send: Send, status: int, kind: bytes) -> None:
    await send(
        {"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]}
    )


async def _line(send: Send, event: dict[str, Any]) -> None:
    await send(
        {
            "type": "http.response.body",
            "body": json.dumps(event).encode() + b"\n",
            "more_body": True,
        }
    )


async def _json(send: Send, value: Any) -> None:
    await _start(send, 200, b"application/json")
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


def bound() -> socket.socket:
    """A socket on a free loopback port."""
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.bind(("127.0.0.1", 0))
    return found


def server(app: Any) -> uvicorn.Server:
    """A server of any ASGI application, for tests."""
    config = uvicorn.Config(
        app,
        lifespan="off",
        http="httptools",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


if __name__ == "__main__":
    import uvloop

    async def main() -> None:
        listening = bound()
        sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
        sys.stdout.flush()
        await server(Inside()).serve(sockets=[listening])

    uvloop.run(main())
