"""Models behind an OpenAI-compatible address: vLLM, Ollama, llama.cpp, Mistral, Scaleway, OVHcloud.

aiohttp directly, because this is the hot path. Nothing of the environment is taken (no proxies),
no redirect is followed, no cookie kept, no compressed answer read; a local deployment's name is
resolved to private addresses or not at all.
"""

import asyncio
import io
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from llm_router.deployments.rules import Capability, Deployment, Route, Timeouts, is_private_address
from llm_router.providers.protocol import (
    AttemptFailed,
    ChatCall,
    FailureCode,
    Finished,
    TextDelta,
)
from llm_router.providers.sse import EventDecoder, GarbledStream
from llm_router.providers.wire_copy import WireCopy

_MAX_STREAM_BYTES = 16 * 1024 * 1024
_MAX_EVENT_BYTES = 1024 * 1024
_MAX_CONNECTIONS = 256
_END_IS_DUE_S = 0.05
_DONE = "[DONE]"


class _PrivateAddressesOnly(aiohttp.ThreadedResolver):
    """Resolves a name to private addresses only: `route.local` must stay what it says."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if any(not is_private_address(address["host"]) for address in found):
            raise AttemptFailed(
                FailureCode.ADDRESS_NOT_PRIVATE,
                "The name of this local deployment leads to a public address.",
            )
        return found


class Patience:
    """How long an upstream may still keep us waiting: for its next text, and in all.

    Only text renews it: a server can send keep-alive comments for ever.
    """

    def __init__(self, limits: Timeouts, until: float) -> None:
        self._limits = limits
        self._until = until
        self._code = FailureCode.FIRST_TOKEN_TIMEOUT
        self._next = self._in(limits.connect + limits.first_token)

    def renew(self) -> None:
        """Some text came: wait for the next."""
        self._code = FailureCode.STALLED
        self._next = self._in(self._limits.between_tokens)

    @asynccontextmanager
    async def waiting(self) -> AsyncIterator[None]:
        """Bound one wait.

        Raises:
            AttemptFailed: it took too long.
        """
        try:
            async with asyncio.timeout_at(min(self._next, self._until)):
                yield
        except aiohttp.ServerTimeoutError:
            raise
        except TimeoutError:
            if self._until <= self._next:
                raise AttemptFailed(
                    FailureCode.DEADLINE_EXCEEDED, "The answer was not there in the time given."
                ) from None
            raise AttemptFailed(self._code, "No text came in the time given.") from None

    @staticmethod
    def _in(duration: timedelta) -> float:
        return asyncio.get_running_loop().time() + duration.total_seconds()


@dataclass(frozen=True, slots=True)
class OpenAICompatible:
    """Streams chat completions from OpenAI-compatible addresses."""

    local: aiohttp.ClientSession
    remote: aiohttp.ClientSession
    wire_copy: WireCopy | None = None

    @classmethod
    @asynccontextmanager
    async def opened(cls, wire_copy: WireCopy | None = None) -> AsyncIterator[Self]:
        """Hold connections for as long as the service lives."""
        async with (
            _session(_PrivateAddressesOnly()) as local,
            _session(aiohttp.ThreadedResolver()) as remote,
        ):
            yield cls(local=local, remote=remote, wire_copy=wire_copy)

    async def streamed(self, call: ChatCall) -> AsyncGenerator[TextDelta | Finished]:
        """Yield the answer's parts, then exactly one `Finished` (see `Provider`)."""
        body = json.dumps(request_body(call), ensure_ascii=False).encode()
        answer, patience = _Answer(), Patience(call.deployment.timeouts, call.until)
        accept = "text/event-stream"
        async with self.posted(call.deployment, body, accept=accept, patience=patience) as response:
            _expect(response, accept)
            decoder = EventDecoder(_MAX_EVENT_BYTES)
            async for chunk in chunks(response, patience):
                for event in _decoded(decoder, chunk):
                    if (text := answer.take(event)) is not None:
                        yield TextDelta(text)
                        patience.renew()
                if answer.is_done:
                    await _drained(response)
                    break
        yield answer.finished()

    @asynccontextmanager
    async def posted(
        self, deployment: Deployment, body: bytes, *, accept: str, patience: Patience
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send `body` to the deployment's chat completions; the answer is a 200.

        Leaving the context before the end closes the connection, which is how an upstream learns
        that nobody listens any more.

        Raises:
            AttemptFailed: no connection, a time-out, or any other status.
        """
        url = f"{deployment.base_url}/chat/completions"
        self._keep_copy(body, deployment.id, url)
        response = await self._sent(deployment, url, body, accept, patience)
        try:
            _refuse_other_than_200(response)
            yield response
        finally:
            response.close()

    def _keep_copy(self, body: bytes, deployment: str, url: str) -> None:
        if self.wire_copy is None:
            return
        try:
            self.wire_copy.keep(body, deployment=deployment, url=url)
        except OSError:
            raise AttemptFailed(
                FailureCode.WIRE_COPY_FAILED,
                "The copy of what leaves cannot be written, so nothing left.",
            ) from None

    async def _sent(
        self, deployment: Deployment, url: str, body: bytes, accept: str, patience: Patience
    ) -> aiohttp.ClientResponse:
        session = self.local if deployment.route is Route.LOCAL else self.remote
        headers = {"Content-Type": "application/json", "Accept": accept}
        if deployment.api_key:
            headers["Authorization"] = f"Bearer {deployment.api_key}"
        timeout = aiohttp.ClientTimeout(
            total=None, connect=None, sock_connect=deployment.timeouts.connect.total_seconds()
        )
        try:
            async with patience.waiting():
                return await session.post(
                    url,
                    data=io.BytesIO(body),
                    headers=headers,
                    timeout=timeout,
                    allow_redirects=False,
                )
        except aiohttp.ServerTimeoutError:
            raise AttemptFailed(
                FailureCode.CONNECT_TIMEOUT, "No connection in the time given."
            ) from None
        except aiohttp.ClientError:
            raise AttemptFailed(
                FailureCode.CONNECTION_FAILED, "The model's address does not answer."
            ) from None


def request_body(call: ChatCall) -> dict[str, object]:
    """Return the body of one streamed chat completion."""
    deployment = call.deployment
    body: dict[str, object] = {
        "model": deployment.model,
        "messages": [{"role": m.role, "content": m.content} for m in call.messages],
        "temperature": float(call.parameters.temperature),
        "max_tokens": call.parameters.max_output_tokens,
        "stream": True,
    }
    if Capability.STREAM_USAGE in deployment.capabilities:
        body["stream_options"] = {"include_usage": True}
    if call.shape is not None and Capability.JSON_SCHEMA in deployment.capabilities:
        shape = {"name": call.shape.name, "strict": True, "schema": call.shape.schema}
        body["response_format"] = {"type": "json_schema", "json_schema": shape}
    return body


def _session(resolver: AbstractResolver) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=_MAX_CONNECTIONS, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity", "User-Agent": "passerelle-llm-router"},
        auto_decompress=False,
        trust_env=False,
    )


def _refuse_other_than_200(response: aiohttp.ClientResponse) -> None:
    """Turn a status into a typed failure; the body of a refusal is not read: it may quote us."""
    status = response.status
    if status == 200:  # noqa: PLR2004 - the one status that carries an answer
        return
    retry_after = _seconds(response.headers.get("Retry-After"))
    code, detail = _meaning(status)
    raise AttemptFailed(code, detail, retry_after_s=retry_after)


def _meaning(status: int) -> tuple[FailureCode, str]:
    match status:
        case 429:
            return FailureCode.RATE_LIMITED, "The model's server asks to wait."
        case 401 | 403:
            return FailureCode.CREDENTIALS_REFUSED, "The model's server refuses the key."
        case _ if 300 <= status < 400:  # noqa: PLR2004 - the class of redirections
            return FailureCode.REDIRECT_REFUSED, "The model's server redirects; not followed."
        case 408 | 425:
            return FailureCode.UPSTREAM_ERROR, f"The model's server answers {status}."
        case _ if 400 <= status < 500:  # noqa: PLR2004 - the class of client errors
            return FailureCode.UPSTREAM_REFUSED, f"The model's server answers {status}."
        case _:
            return FailureCode.UPSTREAM_ERROR, f"The model's server answers {status}."


def _seconds(retry_after: str | None) -> int | None:
    """Read Retry-After in seconds, at most an hour; a date is rare here and read as unknown."""
    if retry_after is None or not retry_after.isdecimal() or not retry_after.isascii():
        return None
    return min(int(retry_after[:9]), 3600)


def _expect(response: aiohttp.ClientResponse, content_type: str) -> None:
    if response.content_type != content_type or "Content-Encoding" in response.headers:
        raise AttemptFailed(
            FailureCode.WRONG_CONTENT_TYPE, f"The model's server does not send {content_type}."
        )


async def chunks(response: aiohttp.ClientResponse, patience: Patience) -> AsyncGenerator[bytes]:
    """Yield the body as it arrives, as long as patience lasts and at most `_MAX_STREAM_BYTES`.

    Raises:
        AttemptFailed: it stopped, broke, or does not end.
    """
    received = 0
    while chunk := await _next_chunk(response, patience):
        received += len(chunk)
        if received > _MAX_STREAM_BYTES:
            raise AttemptFailed(FailureCode.ANSWER_TOO_LARGE, "The answer does not end.")
        yield chunk


async def _next_chunk(response: aiohttp.ClientResponse, patience: Patience) -> bytes:
    try:
        async with patience.waiting():
            return await response.content.readany()
    except aiohttp.ClientError:
        raise AttemptFailed(
            FailureCode.TRUNCATED_STREAM, "The connection broke before the answer's end."
        ) from None


async def _drained(response: aiohttp.ClientResponse) -> None:
    """Read the end of the body, which is due at once, so that the connection serves again."""
    with suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(_END_IS_DUE_S):
            await response.content.readany()


def _decoded(decoder: EventDecoder, chunk: bytes) -> list[str]:
    try:
        return decoder.feed(chunk)
    except GarbledStream as error:
        raise AttemptFailed(FailureCode.GARBLED_STREAM, f"The stream holds {error}.") from None


@dataclass(slots=True)
class _Answer:
    """Gathers what the chunks of one answer tell beside its text."""

    is_done: bool = False
    finish_reason: str | None = None
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None

    def take(self, event: str) -> str | None:
        """Return the text that an event adds, if any."""
        if event.strip() == _DONE:
            self.is_done = True
            return None
        chunk = _json_object(event)
        if "error" in chunk:
            raise AttemptFailed(
                FailureCode.UPSTREAM_ERROR, "The model's server reports an error in its stream."
            )
        self._take_usage(chunk.get("usage"))
        if isinstance(model := chunk.get("model"), str):
            self.model = model[:200]
        return self._take_choice(chunk.get("choices"))

    def finished(self) -> Finished:
        """Return the end; a stream that stopped without one is a truncated one."""
        if not self.is_done and self.finish_reason is None:
            raise AttemptFailed(
                FailureCode.TRUNCATED_STREAM, "The stream ended before the answer did."
            )
        return Finished(
            finish_reason=self.finish_reason,
            model=self.model,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
        )

    def _take_usage(self, usage: object) -> None:
        if isinstance(usage, dict):
            self.input_tokens = _count(usage.get("prompt_tokens"))
            self.output_tokens = _count(usage.get("completion_tokens"))

    def _take_choice(self, choices: object) -> str | None:
        match choices:
            case None | []:
                return None
            case [{**choice}, *_]:
                if isinstance(reason := choice.get("finish_reason"), str):
                    self.finish_reason = reason[:40]
                return _text(choice.get("delta"))
            case _:
                raise AttemptFailed(FailureCode.GARBLED_STREAM, "The stream holds no choices.")


def _text(delta: object) -> str | None:
    match delta:
        case {"refusal": str() as refusal} if refusal:
            raise AttemptFailed(FailureCode.MODEL_DECLINED, "The model declined to answer.")
        case {"content": str() as content} if content:
            return _whole_characters(content)
        case _:
            return None


def _whole_characters(content: str) -> str:
    """Return `content`; half a character (a lone surrogate) cannot be passed on as UTF-8."""
    try:
        content.encode()
    except UnicodeEncodeError:
        raise AttemptFailed(
            FailureCode.GARBLED_STREAM, "The stream holds half a character."
        ) from None
    return content


def _json_object(event: str) -> dict[str, object]:
    try:
        value = json.loads(event)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise AttemptFailed(FailureCode.GARBLED_STREAM, "The stream holds what is no JSON object.")
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 10**9 else None
