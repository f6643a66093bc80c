"""Editing what others may edit too: `ETag` out, `If-Match` in (RFC 9110, section 13).

The tag is a digest of what a reader sees, so that it changes exactly when that does and no row
needs a counter for it.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Header
from pydantic import BaseModel

from gateway.problems import PreconditionFailed, PreconditionNeeded
from keel.strict_json import canonical

IfMatch = Annotated[str | None, Header(max_length=200)]
_DIGITS = 22


def etag(view: BaseModel | Mapping[str, Any]) -> str:
    """Return the strong tag of a representation, quotes included."""
    shown = view.model_dump(mode="json") if isinstance(view, BaseModel) else dict(view)
    return f'"{hashlib.sha256(canonical(shown)).hexdigest()[:_DIGITS]}"'


def require_match(if_match: str | None, view: BaseModel | Mapping[str, Any]) -> None:
    """Refuse an edit that was not made on what stands now.

    Raises:
        PreconditionNeeded: the request has no `If-Match`.
        PreconditionFailed: somebody changed it meanwhile.
    """
    tags = tags_of(if_match)
    if tags is not None and etag(view) not in tags:
        raise changed_meanwhile()


def tags_of(if_match: str | None) -> list[str] | None:
    """Return the tags that an edit was made on; None for `*`, whatever stands now.

    Raises:
        PreconditionNeeded: the request has no `If-Match`.
    """
    if if_match is None:
        raise PreconditionNeeded("Read it, and send its `ETag` in `If-Match`.")
    return None if if_match.strip() == "*" else [tag.strip() for tag in if_match.split(",")]


def changed_meanwhile() -> PreconditionFailed:
    """Return the refusal of an edit of what is gone."""
    return PreconditionFailed("Somebody changed it meanwhile. Read it again, then edit.")
