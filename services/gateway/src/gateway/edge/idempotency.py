"""A request that comes again gets the first answer (profile section 6).

The key is scoped by tenant, method and route. The stored answer is sealed under the key of what it
holds: the bilan's content key when the endpoint sets `request.state.subject`, else the tenant's. It
holds no secret: a replay of an answer with a one-time link comes without it. What rests on a
consent (`request.state.consent`) is replayed only while that consent stands, whatever the repeat
carries. A stream is kept when it ends, as the answer that it ended with (`request.state.final`).
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterable, AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.responses import StreamingResponse
from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from gateway.access import presented
from gateway.edge.rates import Rates
from gateway.edge.strict import Handler, StrictRequest, StrictRoute
from gateway.gate.service import Gate
from gateway.problems import IdempotencyConflict, IdempotencyKeyNeeded
from gateway.records.service import Records
from gateway.tables import IdempotentAnswer
from gateway.tenants.rules import Scope
from gateway.tenants.service import Caller, Tenants
from keel.clock import utc_now
from keel.database import Database
from keel.sealing import ContentKeys, seal, unseal
from keel.strict_json import NotStrictJson, canonical, parse

_MAX_KEY = 128
_KEPT = timedelta(hours=24)
ABANDONED = timedelta(minutes=10)
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

        async def once(given: Request) -> Response:
            request = StrictRequest(given.scope, given.receive)  # one object: it keeps its body
            try:
                return await _Once(request, self.path, scope, secrets).answer(handle)
            finally:
                await request.close()  # the parsed form and its files, which a replay leaves open

        return once


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
    ) -> None:
        self._request = request
        self._asked = scope
        self._scope = f"{request.method} {route}"
        self._secrets = secrets
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
        replay = await self._begin(caller.tenant, key, digest)
        if replay is not None:
            return replay
        try:
            response = await self._committed(handle)
        except BaseException:
            await self._forget(caller.tenant, key)
            raise
        if isinstance(response, StreamingResponse):
            pieces = response.body_iterator
            response.body_iterator = self._kept_at_its_end(caller.tenant, key, pieces)
        else:
            await self._keep(caller.tenant, key, response)
        return response

    async def _kept_at_its_end(
        self, tenant: str, key: str, pieces: AsyncIterable[_Piece]
    ) -> AsyncIterator[_Piece]:
        """Hand a stream on; the key stays taken until it ended, and then holds how it ended."""
        try:
            async for piece in pieces:
                yield piece
        finally:
            final = getattr(self._request.state, "final", None)
            settled = self._forget(tenant, key) if final is None else self._keep(tenant, key, final)
            await asyncio.shield(settled)

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

    async def _committed(self, handle: Handler) -> Response:
        """Handle the request and see its transaction committed, before the answer is kept.

        The framework closes function-scoped dependencies (the session) outside the route's
        handler, that is after this wrapper; a stack of our own closes them here.
        """
        async with AsyncExitStack() as stack:
            self._request.scope[_FUNCTION_STACK] = stack
            return await handle(self._request)

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

    async def _begin(self, tenant: str, key: str, digest: bytes) -> Response | None:
        async with self._database.begin(tenant) as session:
            await forget_old(session)
            held = await session.get(IdempotentAnswer, (tenant, self._scope, key))
            if held is not None and not held.finished and held.created_at < utc_now() - ABANDONED:
                await session.delete(held)  # its process died: nobody will ever answer
                await session.flush()
                held = None
            if held is not None:
                return await self._replay(session, held, digest)
            row = IdempotentAnswer(
                tenant=tenant,
                scope=self._scope,
                key=key,
                request_sha256=digest,
                finished=False,
                created_at=utc_now(),
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

    async def _replay(
        self, session: AsyncSession, held: IdempotentAnswer, digest: bytes
    ) -> Response:
        if held.request_sha256 != digest:
            raise IdempotencyConflict("Use a new key for another request.")
        if not held.finished or held.answer is None or held.status is None:
            raise self._running()
        if held.consent is not None and held.consent_epoch is not None:
            gate: Gate = self._request.app.state.gate
            await gate.refuse_fallen(session, held.tenant, held.consent, held.consent_epoch)
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

    async def _forget(self, tenant: str, key: str) -> None:
        async with self._database.begin(tenant) as session:
            await session.execute(
                delete(IdempotentAnswer).where(
                    IdempotentAnswer.tenant == tenant,
                    IdempotentAnswer.scope == self._scope,
                    IdempotentAnswer.key == key,
                )
            )

    async def _keep(self, tenant: str, key: str, response: Response) -> None:
        body = getattr(response, "body", None)
        if body is None or response.status_code >= _SERVER_ERROR:  # our own failure: try again
            await self._forget(tenant, key)
            return
        subject = getattr(self._request.state, "subject", None)
        consent = getattr(self._request.state, "consent", None)
        stored = {
            "body": self._without_secrets(bytes(body)),
            "media_type": response.media_type,
            "headers": {n: response.headers[n] for n in _KEPT_HEADERS if n in response.headers},
        }
        async with self._database.begin(tenant) as session:
            row = await session.get(IdempotentAnswer, (tenant, self._scope, key))
            if row is not None:
                sealing = await self._sealing_key(session, tenant, subject)
                row.subject = subject
                if consent is not None:
                    row.consent, row.consent_epoch = consent
                row.answer = seal(
                    sealing, json.dumps(stored).encode(), f"{tenant}|{self._scope}|{key}"
                )
                row.status, row.finished = response.status_code, True

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


async def forget_unanswered(session: AsyncSession, *, before: datetime) -> None:
    """Let go of the keys of requests from before an instant whose process died."""
    await session.execute(
        delete(IdempotentAnswer).where(
            IdempotentAnswer.finished.is_(False), IdempotentAnswer.created_at <= before
        )
    )
