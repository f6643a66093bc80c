"""JSON bodies with one reading: no member twice, no NaN, no lone surrogate, no NUL, no abyss."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import FormData

from keel.strict_json import NotStrictJson, parse

_FILES, _FIELDS, _PART_BYTES = 1, 20, 64 * 1024
"""What one form may hold; a file has its own limit."""

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body's one JSON value; the framework answers 422 to anything else."""
        try:
            return parse(await self.body())
        except NotStrictJson as fault:
            raise json.JSONDecodeError(str(fault), "", 0) from None

    async def _get_form(self, **given: Any) -> FormData:  # noqa: ANN401 - the framework's own
        """Read a form of a few fields and one file: more are refused before they are kept."""
        own = {"max_files": _FILES, "max_fields": _FIELDS, "max_part_size": _PART_BYTES}
        return await super()._get_form(**{**given, **own})


class StrictRoute(APIRoute):
    """A route that reads JSON strictly; every route with a JSON body is one."""

    def get_route_handler(self) -> Handler:
        """Hand the framework a request that reads strictly."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if not isinstance(request, StrictRequest):
                request = StrictRequest(request.scope, request.receive)
            return await handle(request)

        return strictly
