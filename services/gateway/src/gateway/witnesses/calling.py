"""One question to a witness: a time limit over all of it, no redirect followed, a short answer.

A witness is named by the operator, not by a tenant; still nothing that it answers is believed
before a signature says so, and nothing that it does keeps anybody waiting.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Self

import aiohttp

from gateway.witnesses.rules import Outcome, Witness

TIME_LIMIT = 5.0
"""Seconds for one question: name, connection, TLS, request and answer together."""
MAX_ANSWER_BYTES = 16 * 1024
_HEADERS = {"User-Agent": "Passerelle-Log/1"}
_REDIRECTS = range(300, 400)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status and a body, or what went wrong."""

    status: int = 0
    body: bytes = b""
    failure: Outcome | None = None


class Callers:
    """Asks witnesses; open it once a process (`async with`)."""

    def __init__(self, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._time_limit),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def add_checkpoint(self, witness: Witness, body: bytes) -> Answer:
        """Show a witness a checkpoint and what leads to it."""
        return await self._ask("POST", f"{witness.url}/add-checkpoint", body)

    async def newest(self, witness: Witness, path: str) -> Answer:
        """Ask a witness for what it cosigned last."""
        return await self._ask("GET", witness.url + path, None)

    async def _ask(self, method: str, url: str, body: bytes | None) -> Answer:
        if self._session is None:
            raise RuntimeError("the callers are not open")
        try:
            async with self._session.request(
                method, url, data=body, allow_redirects=False
            ) as response:
                said = await _up_to(MAX_ANSWER_BYTES, response)
                if response.status in _REDIRECTS:
                    return Answer(response.status, failure=Outcome.REDIRECTED)
                if said is None:
                    return Answer(response.status, failure=Outcome.TOO_LONG)
                return Answer(response.status, said)
        except TimeoutError:
            return Answer(failure=Outcome.TIMED_OUT)
        except (aiohttp.ClientError, OSError, ValueError):
            return Answer(failure=Outcome.UNREACHABLE)


async def _up_to(limit: int, response: aiohttp.ClientResponse) -> bytes | None:
    """Read a body; None, and no further, when it is longer than `limit`."""
    said = b""
    while piece := await response.content.read(limit + 1 - len(said)):
        said += piece
        if len(said) > limit:
            response.close()
            return None
    return said
