"""Is it alive, and can it work: the two questions of whoever runs it."""

from collections.abc import Awaitable, Callable
from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

from keel.problems import Problem, problems

Check = Callable[[], Awaitable[bool]]


class NotReady(Problem):
    """Alive, but not able to work yet."""

    code = "not_ready"
    title = "The service is not ready"
    status = 503


class Health(BaseModel):
    """The answer to a probe."""

    status: Literal["ok"] = "ok"


router = APIRouter(tags=["operations"])


@router.get("/livez")
async def livez() -> Health:
    """Say that the process answers."""
    return Health()


@router.get("/readyz", responses=problems(NotReady))
async def readyz(request: Request) -> Health:
    """Say whether the service can work: database, keys, models."""
    checks: dict[str, Check] = request.app.state.readiness
    missing = [name for name, check in checks.items() if not await check()]
    if missing:
        raise NotReady("Wait, then ask again.", members={"waiting_for": missing})
    return Health()
