"""Caps on what comes in, applied while it streams: nobody's memory is anybody's attack."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from keel.problems import TooLarge, problem_response

_UPLOADS = "/v1/documents"
_FORM = b"application/x-www-form-urlencoded"
_PARTS = b"multipart/"
_FORM_BYTES = 64 * 1024
"""What a form of ours may hold: its parser is slow enough to be an attack by itself."""


class BodyCap:
    """Refuse a body over its cap, before or while it is read."""

    def __init__(self, app: ASGIApp, *, body_bytes: int, upload_bytes: int) -> None:
        self._app = app
        self._body_bytes = body_bytes
        self._upload_bytes = upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request within its cap."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        cap = self._cap(scope["path"], headers.get(b"content-type", b""))
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > cap:
            await _too_large(cap)(scope, receive, send)
            return
        seen, over, answered = 0, False, False

        async def capped() -> Message:
            nonlocal seen, over
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > cap:
                over = True
                raise _OverCap
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            if over and not answered:
                return  # a guess at what was wrong with a body that it could not read
            answered = answered or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, capped, noted)
        except Exception:  # whoever reads a body may wrap `_OverCap` in an exception of its own
            if not over:
                raise
        if over and not answered:
            await _too_large(cap)(scope, receive, send)

    def _cap(self, path: str, content_type: bytes) -> int:
        """Return how many bytes a body of this type may have on this path."""
        if path == _UPLOADS:
            return self._upload_bytes
        is_form = content_type.strip().lower().startswith((_FORM, _PARTS))
        return min(self._body_bytes, _FORM_BYTES) if is_form else self._body_bytes


class _OverCap(Exception):  # noqa: N818 - a signal between the two halves of the middleware
    """The body went over its cap while it was read."""


def _too_large(cap: int) -> ASGIApp:
    return problem_response(
        TooLarge(f"Send at most {cap} bytes here.", headers={"Connection": "close"})
    )
