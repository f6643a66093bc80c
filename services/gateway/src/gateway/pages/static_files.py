"""The style sheet and the one script of the pages, served by ourselves."""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Path, Response

from keel.problems import NotFound

router = APIRouter(tags=["pages"], include_in_schema=False)

_TYPES = {"page.css": "text/css", "open.js": "text/javascript"}


@router.api_route("/pages/{name}", methods=["GET", "HEAD"])
async def read_page_file(name: Annotated[str, Path(max_length=40)]) -> Response:
    """Return the style sheet or the one script of the pages."""
    if name not in _TYPES:
        raise NotFound
    content = files("gateway.pages").joinpath("static", name).read_bytes()
    headers = {"Cache-Control": "max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(content, media_type=_TYPES[name], headers=headers)
