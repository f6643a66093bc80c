"""The newest checkpoint that witnesses cosigned; public, as the whole log is."""

from fastapi import APIRouter, Response

from gateway.log.api import NewestDep
from gateway.wiring import WitnessesDep
from keel.database import SessionDep
from keel.problems import NotFound, problems

router = APIRouter(prefix="/log", tags=["log"])


@router.head("/witnessed", response_class=Response, include_in_schema=False)
@router.get("/witnessed", response_class=Response, responses=problems(NotFound))
async def read_witnessed_checkpoint(
    session: SessionDep, log: NewestDep, witnesses: WitnessesDep
) -> Response:
    """Return the newest checkpoint that enough witnesses cosigned, with their signature lines."""
    note = await witnesses.witnessed(session, log.generation)
    if note is None:
        raise NotFound("No checkpoint has been cosigned by as many witnesses as are asked for.")
    return Response(
        note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )
