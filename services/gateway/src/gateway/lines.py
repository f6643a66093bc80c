"""Lines of JSON as another service streams them."""

from collections.abc import AsyncIterator

import httpx


async def lines(response: httpx.Response) -> AsyncIterator[bytes]:
    r"""Yield the lines of a streamed answer that hold something; only `\n` ends one.

    httpx's own also breaks a line at U+0085, U+2028 and U+2029, which JSON lets stand in a string.
    """
    pending = b""
    async for chunk in response.aiter_bytes():
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            if line.strip():
                yield line
    if pending.strip():
        yield pending
