"""The published schema of records, for whoever reads one: no authentication."""

import json
from functools import cache
from typing import Any

from fastapi import APIRouter, Response

from gateway.records import schema

router = APIRouter(prefix="/schemas", tags=["transparency"])

_SCHEMA, _CONTEXT = "application/schema+json", "application/ld+json"
_KEPT = {"Cache-Control": "public, max-age=3600"}


@cache
def _document(name: str) -> bytes:
    made: dict[str, Any] = schema.schema() if name == schema.NAME else schema.context()
    return json.dumps(made, ensure_ascii=False).encode()


@router.get(
    f"/{schema.NAME}",
    response_class=Response,
    responses={200: {"content": {_SCHEMA: {}}}},
)
async def read_record_schema() -> Response:
    """Return the JSON Schema (2020-12) of transparency records; CC BY 4.0."""
    return Response(_document(schema.NAME), media_type=_SCHEMA, headers=_KEPT)


@router.get(
    f"/{schema.CONTEXT_NAME}",
    response_class=Response,
    responses={200: {"content": {_CONTEXT: {}}}},
)
async def read_record_context() -> Response:
    """Return a JSON-LD context of transparency records, to terms of the W3C DPV; optional."""
    return Response(_document(schema.CONTEXT_NAME), media_type=_CONTEXT, headers=_KEPT)
