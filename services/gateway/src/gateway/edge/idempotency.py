"""A request that comes again gets the first answer (profile section 6).

The key is scoped by tenant, method and route. The stored answer is sealed under the key of what it
holds: the bilan's content key when the endpoint sets `request.state.subject`, else the tenant's. It
holds no secret: a replay of an answer with a one-time link comes without it. What rests on a
consent (`request.state.consent`) is replayed only while that consent stands, whatever the repeat
carries; what shows a bilan's content, only to who may work on that bilan now. A stream is kept when
it ends, as the answer that it ended with (`request.state.final`).

Nothing that was committed is carried out again. Where the endpoint works in the request's own
session, the answer is kept in that same transaction: both are there, or neither. Where it commits
in transactions of its own, it says so in them (`edge.carrying_out`): should the answer then be
lost, the key stays taken and says that. A key is freed when its request failed, or when its process
is silent: it says that it lives for as long as it works, however long that is.
"""

import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from datetime import timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import StreamingResponse
from sqlalchemy import ColumnElement, delete, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from gateway.access import presented
from gateway.bilans.service import Bilans
from gateway.edge.carrying_out import Taken, run_under
from gateway.edge.rates import Rates
from gateway.edge.strict import Handler, StrictRequest, StrictRoute
from gateway.gate.service import Gate
from gateway.heartbeat import SILENCE, beating
from gateway.problems import IdempotencyConflict, IdempotencyKeyNeeded
from gateway.records.service import Records
from gateway.tables import IdempotentAnswer
from gateway.tenants.rules import Scope
from gateway.tenants.service import Caller, Tenants
from keel.clock import utc_now
from keel.database import Database, session_of
from keel.problems import Problem
from keel.sealing import ContentKeys, seal, unseal
from keel.settling import settled
from keel.strict_json import NotStrictJson, canonical, parse

_MAX_KEY = 128
_KEPT = timedelta(hours=24)
_KEPT_HEADERS = ("transparency-record", "ai-generated")
_SERVER_ERROR = 500
_FUNCTION_STACK = "fastapi_function_astack"
_PIECE = 1024 * 1024
_KEY_PARAMETER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "New for each request; a repeat under the same key gets the first answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": _MAX_KEY, "pattern": "^[!-~]+$"},
}
_Piece = str | bytes | memoryview


class IdempotentRoute(StrictRoute):
    """A route whose POST needs an Idempotency-Key and replays the stored answer."""

    shows_content = True
    """An answer about a bilan is its content: for whoever may work on the bilan."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:  # noqa: ANN401 - the framework's own arguments
        if "POST" in (given.get("methods") or ()):
            extra = dict(given.get("openapi_extra") or {})
            extra["parameters"] = [*extra.get("parameters", ()), _KEY_PARAMETER]
            given["openapi_extra"] = extra
        super().__init__(path, endpoint, **given)

    def get_route_handler(self) -> Handler:
        """Wrap the framework's handler for POST; other methods repeat safely by themselves."""
        handle = super().get_route_handler()
        if "POST" not in (self.methods or ()):
            return handle
        extra = self.openapi_extra or {}
        secrets = frozenset(extra.get("x-secret-members", ()))
        scope = _scope_of(self.dependant)

        async def handle_once(given: Request) -> Response:
            request = StrictRequest(given.scope, given.receive)  # one object: it keeps its body
            try:
                once = _Once(request, self.path, scope, secrets, shows_content=self.shows_content)
                return await once.answer(handle)
            finally:
                await request.close()  # the parsed form and its files, which a replay leaves open

        return handle_once


class IdempotentFrameRoute(IdempotentRoute):
    """The same for what frames a bilan and shows none of its content: any of the centre may."""

    shows_content = False


def _scope_of(dependant: Dependant) -> Scope | None:
    """Return the scope that the endpoint asks of its caller."""
    for dependency in dependant.dependencies:
        scope = getattr(dependency.call, "scope", None)
        found = scope if isinstance(scope, Scope) else _scope_of(dependency)
        if found is not None:
            return found
    return None


class _Once:
    """One request that may have been made before."""

    def __init__(
        self,
        request: Request,
        route: str,
        scope: Scope | None,
        secrets: frozenset[str],
        *,
        shows_content: bool,
    ) -> None:
        self._request = request
        self._asked = scope
        self._scope = f"{request.method} {route}"
        self._secrets = secrets
        self._shows_content = shows_content
        self._database: Database = request.app.state.database
        self._records: Records = request.app.state.records

    async def answer(self, handle: Handler) -> Response:
        """Replay, or handle and keep the answer."""
        if not self._is_multipart():
            # Before anybody is asked who calls: a body that does not come takes no connection.
            await self._request.body()
        caller = await self._caller()
        if caller is None or (self._asked is not None and self._asked not in caller.scopes):
            return await handle(self._request)  # refused there, with its own problem
        rates: Rates = self._request.app.state.rates
        rates.enter(self._request, caller.client)
        key = self._key()
        digest = await self._digest(caller)
        replay = await self._begin(caller, key, digest)
        if isinstance(replay, Problem):
            raise replay
        if replay is not None:
            return replay
        taken = Taken(caller.tenant, self._scope, key)
        run_under(taken)
        try:
            async with self._alive(taken):
                response = await self._committed(handle, taken)
        except BaseException:
            await settled(self._free(taken))
            raise
        finally:
            run_under(None)
        if isinstance(response, StreamingResponse):
            response.body_iterator = self._kept_at_its_end(taken, response.body_iterator)
        return response

    async def _kept_at_its_end(
        self, taken: Taken, pieces: AsyncIterable[_Piece]
    ) -> AsyncIterator[_Piece]:
        """Hand a stream on; the key stays taken until it ended, and then holds how it ended."""
        run_under(taken)
        try:
            async with self._alive(taken):
                async for piece in pieces:
                    yield piece
        finally:
            run_under(None)
            final = getattr(self._request.state, "final", None)
            await settled(self._free(taken) if final is None else self._keep_apart(taken, final))

    def _alive(self, taken: Taken) -> AbstractAsyncContextManager[None]:
        """Say, while the request is under way, that it is."""

        async def beat() -> None:
            async with self._database.begin(taken.tenant) as session:
                await session.execute(
                    update(IdempotentAnswer).where(*_row(taken)).values(alive_at=utc_now())
                )

        return beating(beat)

    def _is_multipart(self) -> bool:
        return self._request.headers.get("content-type", "").startswith("multipart/form-data")

    async def _digest(self, caller: Caller) -> bytes:
        """Bind a key to one request of one caller: another counsellor's is another request."""
        digest = hashlib.sha256()
        url = self._request.url
        for part in (caller.client, caller.counsellor or "", url.path, url.query):
            digest.update(part.encode() + b"\x00")
        if self._is_multipart():
            # Each repeat has a boundary of its own: what counts is what the parts hold.
            for name, value in (await self._request.form()).multi_items():
                digest.update(name.encode() + b"\x00")
                digest.update(await _part_digest(value))
        else:
            digest.update(_canonical_or_as_sent(await self._request.body()))
        return digest.digest()

    async def _committed(self, handle: Handler, taken: Taken) -> Response:
        """Handle the request and keep its answer, in its own transaction where it has one.

        The framework closes function-scoped dependencies (the session) outside the route's
        handler, that is after this wrapper; a stack of our own closes them here.
        """
        async with AsyncExitStack() as stack:
            self._request.scope[_FUNCTION_STACK] = stack
            response = await handle(self._request)
            if isinstance(response, StreamingResponse):  # kept at its end
                return response
            session = session_of(self._request)
            if session is not None:
                await self._keep(session, taken, response)
        if session is None:
            await settled(self._keep_apart(taken, response))
        return response

    async def _caller(self) -> Caller | None:
        shown = presented(self._request)
        if shown is None:
            return None
        tenants: Tenants = self._request.app.state.tenants
        async with self._database.begin() as session:
            return await tenants.caller(session, shown)

    def _key(self) -> str:
        key = self._request.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= _MAX_KEY or not all("!" <= c <= "~" for c in key):
            raise IdempotencyKeyNeeded(
                "Send `Idempotency-Key`: 1 to 128 visible ASCII characters, new for each request."
            )
        return key

    async def _begin(self, caller: Caller, key: str, digest: bytes) -> Response | Problem | None:
        """Take the key, or return what its first request came to.

        A refusal that comes back was recorded: it is raised once this is committed.
        """
        async with self._database.begin(caller.tenant) as session:
            await forget_old(session)
            held = await session.get(IdempotentAnswer, (caller.tenant, self._scope, key))
            if held is not None and _is_free(held):
                await session.delete(held)  # its process died: nobody will ever answer
                await session.flush()
                held = None
            if held is not None:
                return await self._replay(session, caller, held, digest)
            row = IdempotentAnswer(
                tenant=caller.tenant,
                scope=self._scope,
                key=key,
                request_sha256=digest,
                finished=False,
                carried_out=False,
                created_at=(at := utc_now()),
                alive_at=at,
            )
            try:
                async with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                raise self._running() from None
        return None

    @staticmethod
    def _running() -> IdempotencyConflict:
        return IdempotencyConflict(
            "The first request with this key is still running.", headers={"Retry-After": "2"}
        )

    @staticmethod
    def _lost() -> IdempotencyConflict:
        return IdempotencyConflict(
            "The first request with this key was carried out, and its answer is lost. Look at what "
            "it made before you ask for it once more, with a new key."
        )

    async def _replay(
        self, session: AsyncSession, caller: Caller, held: IdempotentAnswer, digest: bytes
    ) -> Response | Problem:
        if held.request_sha256 != digest:
            raise IdempotencyConflict("Use a new key for another request.")
        if not held.finished or held.answer is None or held.status is None:
            raise self._lost() if _is_silent(held) else self._running()
        if self._shows_content and held.subject is not None:
            bilans: Bilans = self._request.app.state.bilans
            await bilans.open_for(session, caller, held.subject)
        if held.consent is not None and held.consent_epoch is not None:
            gate: Gate = self._request.app.state.gate
            refusal = await gate.fallen(session, caller, held.consent, held.consent_epoch)
            if refusal is not None:
                return refusal
        key = await self._key_of(session, held.tenant, held.subject)
        if key is None:
            raise IdempotencyConflict("What this request made was destroyed with its bilan.")
        stored = json.loads(unseal(key, held.answer, f"{held.tenant}|{held.scope}|{held.key}"))
        headers = {**stored["headers"], "Idempotency-Replayed": "true"}
        if "text/event-stream" in self._request.headers.get("accept", ""):
            event = f"event: result\ndata: {stored['body']}\n\n"
            return Response(event, 200, headers=headers, media_type="text/event-stream")
        return Response(
            stored["body"], held.status, headers=headers, media_type=stored["media_type"]
        )

    async def _free(self, taken: Taken) -> None:
        """Let a key go whose request failed; nothing where it was carried out all the same."""
        async with self._database.begin(taken.tenant) as session:
            await _free(session, taken)

    async def _keep_apart(self, taken: Taken, response: Response) -> None:
        async with self._database.begin(taken.tenant) as session:
            await self._keep(session, taken, response)

    async def _keep(self, session: AsyncSession, taken: Taken, response: Response) -> None:
        """Keep the answer in the caller's transaction, sealed."""
        body = getattr(response, "body", None)
        if body is None or response.status_code >= _SERVER_ERROR:  # our own failure: try again
            await _free(session, taken)
            return
        subject = getattr(self._request.state, "subject", None)
        consent = getattr(self._request.state, "consent", None)
        stored = {
            "body": self._without_secrets(bytes(body)),
            "media_type": response.media_type,
            "headers": {n: response.headers[n] for n in _KEPT_HEADERS if n in response.headers},
        }
        tenant = taken.tenant
        row = await session.get(IdempotentAnswer, (tenant, taken.scope, taken.key))
        if row is not None:
            sealing = await self._sealing_key(session, tenant, subject)
            row.subject = subject
            if consent is not None:
                row.consent, row.consent_epoch = consent
            row.answer = seal(
                sealing, json.dumps(stored).encode(), f"{tenant}|{taken.scope}|{taken.key}"
            )
            row.status, row.finished, row.carried_out = response.status_code, True, True

    async def _sealing_key(self, session: AsyncSession, tenant: str, subject: str | None) -> bytes:
        if subject is None:
            return await self._records.key_of(session, tenant, None)
        content: ContentKeys = self._request.app.state.content
        return await content.obtain(session, tenant, subject)

    async def _key_of(
        self, session: AsyncSession, tenant: str, subject: str | None
    ) -> bytes | None:
        if subject is None:
            return await self._records.key_of(session, tenant, None)
        content: ContentKeys = self._request.app.state.content
        return await content.find(session, tenant, subject)

    def _without_secrets(self, body: bytes) -> str:
        if not self._secrets:
            return body.decode()
        kept = {k: v for k, v in json.loads(body).items() if k not in self._secrets}
        return json.dumps(kept, ensure_ascii=False)


def _canonical_or_as_sent(body: bytes) -> bytes:
    """Return the canonical form of a JSON body (section 6), or another body as it is."""
    try:
        return canonical(parse(body))
    except (NotStrictJson, ValueError):
        return body


async def _part_digest(value: UploadFile | str) -> bytes:
    if isinstance(value, str):
        return hashlib.sha256(value.encode()).digest()
    content = hashlib.sha256()
    while piece := await value.read(_PIECE):
        content.update(piece)
    await value.seek(0)
    return content.digest()


async def forget_old(session: AsyncSession) -> None:
    """Let go of answers of the session's tenant that are older than a day."""
    await session.execute(
        delete(IdempotentAnswer).where(IdempotentAnswer.created_at < utc_now() - _KEPT)
    )


async def forget_unanswered(session: AsyncSession, *, alone: bool = False) -> None:
    """Free the keys of the session's tenant whose request was not carried out and has no process.

    `alone`: this process has only just begun and no other answers, so that every one is such.
    """
    silent = [] if alone else [IdempotentAnswer.alive_at <= utc_now() - SILENCE]
    await session.execute(delete(IdempotentAnswer).where(*_UNDONE, *silent))


_UNDONE = (IdempotentAnswer.finished.is_(False), IdempotentAnswer.carried_out.is_(False))


def _is_silent(held: IdempotentAnswer) -> bool:
    return held.alive_at <= utc_now() - SILENCE


def _is_free(held: IdempotentAnswer) -> bool:
    return not held.finished and not held.carried_out and _is_silent(held)


def _row(taken: Taken) -> tuple[ColumnElement[bool], ...]:
    return (
        IdempotentAnswer.tenant == taken.tenant,
        IdempotentAnswer.scope == taken.scope,
        IdempotentAnswer.key == taken.key,
    )


async def _free(session: AsyncSession, taken: Taken) -> None:
    await session.execute(delete(IdempotentAnswer).where(*_row(taken), *_UNDONE))
