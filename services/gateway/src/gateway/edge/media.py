"""What a body says that it is: text of ours is UTF-8, and nothing else is decoded."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from keel.problems import MediaTypeNotSupported, problem_response

_CHARSET = re.compile(rb"charset\s*=\s*\"?([^\";,\s]*)", re.IGNORECASE)
_OURS = frozenset({b"utf-8", b"utf8", b"us-ascii"})


class DeclaredCharset:
    """Refuse a body in another charset before anybody asks Python for its decoder.

    A parser of forms decodes by whatever name the caller gives; some names decode into characters
    that no database takes, others are no charset at all.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request whose text can only be read in one way."""
        if scope["type"] == "http":
            declared = [v for k, v in scope["headers"] if k == b"content-type"]
            named = [name.lower() for v in declared for name in _CHARSET.findall(v)]
            if len(declared) > 1 or not _OURS.issuperset(named):
                refusal = MediaTypeNotSupported("Send text in UTF-8, and say so or say nothing.")
                await problem_response(refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)
