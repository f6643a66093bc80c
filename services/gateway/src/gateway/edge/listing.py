"""Lists by cursor: `?after=&limit=`, in the order of ids, which is that of creation.

A page is `{"items": […], "next": cursor or null}`. A store is asked for one row more than the page
holds: whether there is a next page is then known without counting.
"""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from fastapi import Query
from sqlalchemy import Select

Limit = Annotated[int, Query(ge=1, le=200, description="How many items a page holds.")]
DEFAULT_LIMIT = 50
_Row = TypeVar("_Row")


def after_cursor(
    query: Select[_Row],
    column: Any,  # noqa: ANN401 - the mapped id column
    after: str | None,
    limit: int,
) -> Select[_Row]:
    """Return `query` from behind the cursor on, one row longer than the page."""
    if after is not None:
        query = query.where(column > after)
    return query.order_by(column).limit(limit + 1)


def cut(rows: Sequence[_Row], limit: int) -> tuple[Sequence[_Row], str | None]:
    """Return the page's rows and the cursor of the next page, the id of the last row shown."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    last: Any = shown[-1]
    return shown, str(last.id)
