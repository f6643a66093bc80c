"""The public OpenAPI document and a page to try it; nothing is loaded from elsewhere."""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Path, Response
from fastapi.responses import HTMLResponse

from keel.problems import NotFound

router = APIRouter(include_in_schema=False)

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Passerelle API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="api"></div><script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script></body></html>"""
# The areas first, closed: a page of more than 130 operations is drawn only where one scrolls.
_START = """SwaggerUIBundle({
  url: "/openapi.json", dom_id: "#api", validatorUrl: null,
  docExpansion: "none", filter: true, deepLinking: true, defaultModelsExpandDepth: 0,
});"""
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}


@router.get("/openapi.json")
async def read_openapi_document() -> Response:
    """Return the public document, as committed and shipped with this release."""
    content = files("gateway").joinpath("openapi.json").read_bytes()
    return Response(content, media_type="application/json")


@router.get("/docs")
async def read_documentation() -> HTMLResponse:
    """Return the interactive documentation."""
    return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY})


@router.get("/docs/{name}")
async def read_documentation_file(name: Annotated[str, Path(max_length=60)]) -> Response:
    """Return a file of the interactive documentation."""
    if name == "start.js":
        return Response(_START, media_type="text/javascript")
    if name not in _FILES:
        raise NotFound
    content = files("fastapi_swagger").joinpath("resources", name).read_bytes()
    return Response(content, media_type=_FILES[name])
