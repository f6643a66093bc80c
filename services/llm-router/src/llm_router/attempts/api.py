"""HTTP of attempts: one request, one NDJSON stream."""

import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from keel.passes import Pass, PassDep
from keel.problems import problems
from llm_router.attempts.rules import Event
from llm_router.attempts.service import Attempts, Cover, Task
from llm_router.problems import (
    DeploymentNotAdmitted,
    InvalidInputs,
    NotAssisted,
    RouteRefused,
    UnknownDeployment,
    UnknownUseCase,
)

router = APIRouter(prefix="/attempts", tags=["attempts"])


class NdjsonStream(StreamingResponse):
    """Lines of JSON as they come; the generator is closed with the response, whoever ends it."""

    media_type = "application/x-ndjson"

    def __init__(self, events: AsyncGenerator[Event]) -> None:
        super().__init__(_lines(events))
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the lines; when the caller leaves, the call upstream ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._events.aclose()


async def _lines(events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    async for event in events:
        # ASCII: half of a character may end one delta and start the next.
        yield json.dumps(_line(event)).encode() + b"\n"


def _line(event: Event) -> dict[str, Any]:
    line = asdict(event)
    return {"type": line.pop("type"), **line}


class AttemptBody(BaseModel):
    """What to try, where, and by when."""

    model_config = ConfigDict(extra="forbid")

    deployment: str = Field(max_length=63, pattern=r"^[a-z0-9][a-z0-9-]*$")
    use_case: str = Field(max_length=40, pattern=r"^[a-z][a-z-]*$", examples=["cv-analysis"])
    inputs: dict[Annotated[str, Field(max_length=60)], Any] = Field(
        max_length=20,
        description="As the card's `input_schema` asks: pseudonymised texts and JSON values.",
    )
    deadline_ms: int = Field(ge=100, le=900_000, description="Milliseconds for all of it.")


def _attempts(request: Request) -> Attempts:
    attempts: Attempts = request.app.state.attempts
    return attempts


async def _task(
    body: AttemptBody, admitted: PassDep, attempts: Annotated[Attempts, Depends(_attempts)]
) -> Task:
    return attempts.admitted(
        deployment=body.deployment,
        use_case=body.use_case,
        inputs=body.inputs,
        deadline=timedelta(milliseconds=body.deadline_ms),
        cover=_cover(admitted),
    )


def _cover(admitted: Pass) -> Cover:
    return Cover(
        deployment=admitted.constraints.get("deployment"),
        recipient=admitted.constraints.get("recipient"),
        purpose=admitted.purpose,
        data_categories=admitted.data_categories,
    )


_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": (
            "Lines of JSON: `started`, `delta`…, at most one `restart` (the deltas before it are "
            "void) and its `delta`…, then exactly one `completed` or `failed`."
        ),
        "content": {"application/x-ndjson": {"schema": {"type": "string"}}},
    }
}


@router.post(
    "",
    status_code=200,
    response_class=NdjsonStream,
    responses=_STREAM
    | problems(
        UnknownUseCase,
        UnknownDeployment,
        NotAssisted,
        DeploymentNotAdmitted,
        RouteRefused,
        InvalidInputs,
    ),
)
async def attempt(
    task: Annotated[Task, Depends(_task)], attempts: Annotated[Attempts, Depends(_attempts)]
) -> NdjsonStream:
    """Try one use case on exactly one deployment; leaving cancels the call upstream."""
    return NdjsonStream(attempts.events(task))
