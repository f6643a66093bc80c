"""A running service on a fresh database with nothing imported but the bundle."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from keel.migrations import migrate
from labour_market.app import create_app
from labour_market.settings import Settings

TENANT = "tnt_01HZ0000000000000000000000"


@dataclass(frozen=True, slots=True)
class Caller:
    """Calls the service as the gateway does: a fresh pass for every call."""

    http: httpx.AsyncClient
    mint: Callable[..., dict[str, str]]
    app: FastAPI

    async def get(self, operation: str, path: str, **params: object) -> httpx.Response:
        headers = self.mint("labour-market", operation, tenant=TENANT)
        return await self.http.get(path, params=params, headers=headers)

    async def post(self, operation: str, path: str, body: object) -> httpx.Response:
        headers = self.mint("labour-market", operation, tenant=TENANT)
        return await self.http.post(path, json=body, headers=headers)


@pytest.fixture
async def market(
    database_url: str, pass_jwks_file: Path, mint: Callable[..., dict[str, str]]
) -> AsyncIterator[Caller]:
    await migrate("labour_market", database_url)
    app = create_app(Settings(database_url=database_url, pass_jwks_file=pass_jwks_file))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://labour-market") as http,
    ):
        yield Caller(http, mint, app)
