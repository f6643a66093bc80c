"""JSON bodies with one reading: no member twice, no NaN, no lone surrogate, no NUL, no abyss."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from keel.strict_json import NotStrictJson, parse

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class StrictRequest(Request):
    """A request whose JSON is read strictly."""

    async def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body's one JSON value; the framework answers 422 to anything else."""
        try:
            return parse(await self.body())
        except NotStrictJson as fault:
            raise json.JSONDecodeError(str(fault), "", 0) from None


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
