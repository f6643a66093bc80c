"""The public log (C2SP tlog-tiles): anyone may read it, nobody is asked who they are.

Each path answers GET and HEAD (section 7.4); the document names GET only. `/log/…` is the log that
grows; `/log/<generation>/…` is one of the logs of this installation by its number, also one that
ended.
"""

import base64
import re
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field

from gateway.edge.strict import Handler
from gateway.log import rules, store
from gateway.log.service import Log
from gateway.wiring import WitnessesDep
from keel.database import SessionDep
from keel.problems import NotFound, problems


class _PublicRoute(APIRoute):
    """A route of the log: what is no path of it is not there, rather than out of bounds (7.4)."""

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            # A route's `$` lets a last newline pass.
            if not str(request.scope["path"]).isprintable():
                raise NotFound
            try:
                return await handle(request)
            except RequestValidationError as error:
                if any(fault["loc"][0] == "path" for fault in error.errors()):
                    raise NotFound from None
                raise

        return answer


router = APIRouter(prefix="/log", tags=["log"], route_class=_PublicRoute)

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_MAX_INDEX = 2**53
_WIDTH = re.compile(r"[1-9][0-9]{0,2}")
_LEVEL = re.compile(r"0|[1-9][0-9]?")
_GENERATION = re.compile(r"[1-9][0-9]{0,8}")
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


async def _newest(session: SessionDep) -> Log:
    found = await Log.newest(session)
    if found is None:
        raise NotFound("The log has not begun.")
    return found


async def _numbered(generation: Annotated[str, Path(max_length=10)], session: SessionDep) -> Log:
    number = int(generation) if _GENERATION.fullmatch(generation) else None
    found = None if number is None else await Log.of(session, number)
    if found is None:
        raise NotFound("There is no log of this number here.")
    return found


NewestDep = Annotated[Log, Depends(_newest)]
NumberedDep = Annotated[Log, Depends(_numbered)]


_Endpoint = TypeVar("_Endpoint", bound=Callable[..., Any])


def _public(path: str, **said: Any) -> Callable[[_Endpoint], _Endpoint]:  # noqa: ANN401 - what FastAPI takes
    """Serve a path under GET, and under HEAD without a word in the document."""

    def serve(endpoint: _Endpoint) -> _Endpoint:
        router.add_api_route(path, endpoint, methods=["HEAD"], include_in_schema=False, **said)
        router.add_api_route(path, endpoint, methods=["GET"], **said)
        return endpoint

    return serve


_NOTHING_THERE = problems(NotFound)
_OCTETS: dict[str, Any] = {"response_class": Response, "responses": _NOTHING_THERE}


def _text(content: str, caching: str) -> Response:
    return Response(
        content,
        media_type="text/plain; charset=utf-8",
        headers={"Cache-Control": caching},
    )


@_public("/checkpoint", **_OCTETS)
async def read_checkpoint(log: NewestDep, session: SessionDep, witnesses: WitnessesDep) -> Response:
    """Return the signed size and root of the log (a C2SP signed note).

    Where witnesses cosigned this very size, their lines follow the log's own.
    """
    return _text(await witnesses.newest(session, log.generation), "no-cache")


@_public("/{generation}/checkpoint", **_OCTETS)
async def read_checkpoint_of_generation(
    log: NumberedDep, session: SessionDep, witnesses: WitnessesDep
) -> Response:
    """Return the last signed size and root of one of this installation's logs."""
    return await read_checkpoint(log, session, witnesses)


@_public("/vkey", **_OCTETS)
async def read_verifier_key(log: NewestDep) -> Response:
    """Return the verifier key line; trust it only when you also have it from elsewhere.

    While the log's key changes there are two, in the order of the checkpoint's signatures.
    """
    return _text("".join(f"{line}\n" for line in log.generation.keys), "public, max-age=3600")


@_public("/{generation}/vkey", **_OCTETS)
async def read_verifier_key_of_generation(log: NumberedDep) -> Response:
    """Return the verifier key lines of one of this installation's logs."""
    return await read_verifier_key(log)


@_public("/proof/inclusion", responses=_NOTHING_THERE)
async def prove_inclusion(
    index: Index, size: Index, log: NewestDep, response: Response
) -> InclusionProof:
    """Prove that a leaf is in the tree of a given size."""
    if not index < size <= log.generation.size:
        raise NotFound("Ask for an index below a size that the checkpoint covers.")
    path = await log.inclusion(index, size)
    response.headers.update(_IMMUTABLE)
    return InclusionProof(index=index, size=size, hashes=_encoded(path))


@_public("/{generation}/proof/inclusion", responses=_NOTHING_THERE)
async def prove_inclusion_in_generation(
    index: Index, size: Index, log: NumberedDep, response: Response
) -> InclusionProof:
    """Prove that a leaf is in one of this installation's logs, of a given size."""
    return await prove_inclusion(index, size, log, response)


@_public("/proof/consistency", responses=_NOTHING_THERE)
async def prove_consistency(
    log: NewestDep,
    response: Response,
    from_: Annotated[int, Query(alias="from", ge=0, lt=_MAX_INDEX)],
    to: Index,
) -> ConsistencyProof:
    """Prove that an earlier tree is a prefix of a later one."""
    if not from_ <= to <= log.generation.size:
        raise NotFound("Ask for sizes in order that the checkpoint covers.")
    path = await log.consistency(from_, to)
    response.headers.update(_IMMUTABLE)
    return ConsistencyProof(**{"from": from_, "to": to, "hashes": _encoded(path)})


@_public("/{generation}/proof/consistency", responses=_NOTHING_THERE)
async def prove_consistency_in_generation(
    log: NumberedDep,
    response: Response,
    from_: Annotated[int, Query(alias="from", ge=0, lt=_MAX_INDEX)],
    to: Index,
) -> ConsistencyProof:
    """Prove that an earlier tree of one of this installation's logs is a prefix of a later one."""
    return await prove_consistency(log, response, from_, to)


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
Level = Annotated[str, Path(max_length=10)]


def _octets(content: bytes) -> Response:
    return Response(content, media_type="application/octet-stream", headers=_IMMUTABLE)


@_public("/tile/entries/{path:path}", **_OCTETS)
async def read_entries(path: TilePath, log: NewestDep) -> Response:
    """Return up to 256 leaves, each behind its length (big-endian uint16)."""
    position, width = _place(path, log.generation.size, 0)
    leaves = await log.entries(position * rules.TILE_WIDTH, width)
    return _octets(b"".join(len(entry).to_bytes(2, "big") + entry for entry in leaves))


@_public("/{generation}/tile/entries/{path:path}", **_OCTETS)
async def read_entries_of_generation(path: TilePath, log: NumberedDep) -> Response:
    """Return up to 256 leaves of one of this installation's logs."""
    return await read_entries(path, log)


@_public("/tile/{level}/{path:path}", **_OCTETS)
async def read_tile(level: Level, path: TilePath, log: NewestDep) -> Response:
    """Return up to 256 hashes of one level."""
    if not _LEVEL.fullmatch(level):
        raise NotFound
    position, width = _place(path, log.generation.size, int(level))
    hashes = await log.tile(int(level), position)
    return _octets(hashes[: width * rules.HASH_BYTES])


@_public("/{generation}/tile/{level}/{path:path}", **_OCTETS)
async def read_tile_of_generation(level: Level, path: TilePath, log: NumberedDep) -> Response:
    """Return up to 256 hashes of one level of one of this installation's logs."""
    return await read_tile(level, path, log)
