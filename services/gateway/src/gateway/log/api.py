"""The public log (C2SP tlog-tiles): anyone may read it, nobody is asked who they are.

Each path answers GET and HEAD (section 7.4); the document names GET only.
"""

import base64
import re
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from gateway.log import rules, store
from gateway.log.service import Log
from keel.database import SessionDep
from keel.problems import NotFound, problems

router = APIRouter(prefix="/log", tags=["log"])

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_MAX_INDEX = 2**53
_WIDTH = re.compile(r"[1-9][0-9]{0,2}")
_LEVEL = re.compile(r"0|[1-9][0-9]?")
Index = Annotated[int, Query(ge=0, lt=_MAX_INDEX)]


class InclusionProof(BaseModel):
    """The siblings of a leaf, leaf to root, in standard base64."""

    index: int = Field(ge=0)
    size: int = Field(ge=1)
    hashes: list[Annotated[str, Field(max_length=44)]] = Field(max_length=64)


class ConsistencyProof(BaseModel):
    """The nodes that show one tree to be a prefix of another, in standard base64."""

    from_: int = Field(alias="from", ge=0)
    to: int = Field(ge=0)
    hashes: list[Annotated[str, Field(max_length=44)]] = Field(max_length=128)


def _encoded(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(h).decode() for h in hashes]


@router.head("/checkpoint", response_class=Response, include_in_schema=False)
@router.get("/checkpoint", response_class=Response)
async def read_checkpoint(session: SessionDep) -> Response:
    """Return the signed size and root of the log (a C2SP signed note)."""
    _, note = await Log(session).checkpoint()
    return Response(
        note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


@router.head("/vkey", response_class=Response, include_in_schema=False)
@router.get("/vkey", response_class=Response)
async def read_verifier_key(request: Request) -> Response:
    """Return the verifier key line; trust it only when you also have it from elsewhere."""
    state = request.app.state
    line = rules.verifier_key(state.settings.log_origin, state.keyring.log)
    return Response(
        line + "\n",
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": "public, max-age=3600"},
    )


@router.head("/proof/inclusion", include_in_schema=False)
@router.get("/proof/inclusion", responses=problems(NotFound))
async def prove_inclusion(
    index: Index, size: Index, session: SessionDep, response: Response
) -> InclusionProof:
    """Prove that a leaf is in the tree of a given size."""
    published, _ = await Log(session).checkpoint()
    if not index < size <= published:
        raise NotFound("Ask for an index below a size that the checkpoint covers.")
    path = await Log(session).inclusion(index, size)
    response.headers.update(_IMMUTABLE)
    return InclusionProof(index=index, size=size, hashes=_encoded(path))


@router.head("/proof/consistency", include_in_schema=False)
@router.get("/proof/consistency", responses=problems(NotFound))
async def prove_consistency(
    session: SessionDep,
    response: Response,
    from_: Annotated[int, Query(alias="from", ge=0, lt=_MAX_INDEX)],
    to: Index,
) -> ConsistencyProof:
    """Prove that an earlier tree is a prefix of a later one."""
    published, _ = await Log(session).checkpoint()
    if not from_ <= to <= published:
        raise NotFound("Ask for sizes in order that the checkpoint covers.")
    path = await Log(session).consistency(from_, to)
    response.headers.update(_IMMUTABLE)
    return ConsistencyProof(**{"from": from_, "to": to, "hashes": _encoded(path)})


def _place(path: str, size: int, level: int) -> tuple[int, int]:
    """Read `<N>[.p/<W>]` against the published size; returns position and width."""
    number, is_partial, partial = path.partition(".p/")
    position = rules.tile_number(number)
    if position is None:
        raise NotFound
    width = store.tile_width(level, position, size)
    wanted = rules.TILE_WIDTH
    if is_partial:
        if not _WIDTH.fullmatch(partial):
            raise NotFound
        wanted = int(partial)
        if wanted >= rules.TILE_WIDTH:
            raise NotFound
    if wanted > width:
        raise NotFound
    return position, wanted


TilePath = Annotated[str, Path(max_length=60)]


@router.head("/tile/entries/{path:path}", response_class=Response, include_in_schema=False)
@router.get("/tile/entries/{path:path}", response_class=Response, responses=problems(NotFound))
async def read_entries(path: TilePath, session: SessionDep) -> Response:
    """Return up to 256 leaves, each behind its length (big-endian uint16)."""
    size, _ = await Log(session).checkpoint()
    position, width = _place(path, size, 0)
    leaves = await store.entries(session, position * rules.TILE_WIDTH, width)
    body = b"".join(len(entry).to_bytes(2, "big") + entry for entry in leaves)
    return Response(body, media_type="application/octet-stream", headers=_IMMUTABLE)


@router.head("/tile/{level}/{path:path}", response_class=Response, include_in_schema=False)
@router.get("/tile/{level}/{path:path}", response_class=Response, responses=problems(NotFound))
async def read_tile(
    level: Annotated[str, Path(max_length=10)], path: TilePath, session: SessionDep
) -> Response:
    """Return up to 256 hashes of one level."""
    if not _LEVEL.fullmatch(level):
        raise NotFound
    size, _ = await Log(session).checkpoint()
    position, width = _place(path, size, int(level))
    hashes = await store.tile_hashes(session, int(level), position)
    return Response(
        hashes[: width * rules.HASH_BYTES],
        media_type="application/octet-stream",
        headers=_IMMUTABLE,
    )
