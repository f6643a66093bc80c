"""A Unix socket that only its owner can open: who may use it is settled by the file system."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from keel.commands import server_config

_LONGEST = 100
"""A socket's path is limited to 107 bytes by the kernel; a longer one is reached through /proc."""


@contextmanager
def reachable(path: Path) -> Iterator[str]:
    """Give a name of `path` that is short enough for a socket address."""
    if len(os.fsencode(path)) < _LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def listen_privately(path: Path) -> socket.socket:
    """Bind a socket file with mode 0600; a file that a crashed process left is replaced."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        with reachable(path) as name:
            bound.bind(name)
    finally:
        os.umask(mask)
    bound.listen(8)
    return bound


@asynccontextmanager
async def operator_socket(app: Any, path: Path) -> AsyncIterator[None]:  # noqa: ANN401 - any ASGI application
    """Serve the operator's application on `path` while the context lasts."""
    bound = listen_privately(path)
    server = _Quiet(server_config(app))
    task = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - one call while stopping


class _Quiet(uvicorn.Server):
    """A server inside another: signals are the outer one's business."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def ask(
    path: Path,
    method: str,
    route: str,
    body: dict[str, Any] | None = None,
    *,
    patience: float | None = 60,
) -> httpx.Response:
    """Make one call to a running gateway (raises httpx.TransportError when none runs)."""
    with (
        reachable(path) as name,
        httpx.Client(
            transport=httpx.HTTPTransport(uds=name), base_url="http://operator", timeout=patience
        ) as client,
    ):
        return client.request(method, route, json=body)
