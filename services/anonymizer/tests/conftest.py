"""The running anonymizer, asked through HTTP with passes as the gateway mints them."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from anonymizer.app import create_app
from anonymizer.detection.service import Detector
from anonymizer.settings import Settings
from keel.identifiers import new_id

TENANT, OTHER_TENANT = new_id("tnt"), new_id("tnt")


@dataclass
class Anonymizer:
    """A client that brings a fresh pass to every call."""

    app: FastAPI
    client: httpx.AsyncClient
    mint: Callable[..., dict[str, str]]
    tenant: str = TENANT
    bilan: str | None = field(default_factory=lambda: new_id("bil"))

    def of(self, *, tenant: str = TENANT, bilan: str | None = None) -> "Anonymizer":
        return Anonymizer(self.app, self.client, self.mint, tenant, bilan)

    def headers(self, operation: str) -> dict[str, str]:
        return self.mint("anonymizer", operation, tenant=self.tenant, bilan=self.bilan)

    async def call(self, operation: str, method: str, path: str, **content) -> httpx.Response:
        return await self.client.request(method, path, headers=self.headers(operation), **content)

    async def take_in(
        self, content: bytes, document_id: str | None = None, **form
    ) -> httpx.Response:
        data = {"document_id": document_id or new_id("doc"), **form}
        files = {"file": ("x", content, "application/octet-stream")}
        return await self.call("intake_document", "POST", "/documents", data=data, files=files)

    async def pseudonymise(self, *texts: str, **more) -> httpx.Response:
        body = {"texts": [{"id": str(i), "text": text} for i, text in enumerate(texts)], **more}
        return await self.call("pseudonymise", "POST", "/pseudonymisations", json=body)

    async def restore(self, value: object) -> dict:
        answer = await self.call("restore", "POST", "/restorations", json={"value": value})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def settings(migrated: Callable[[str], str], pass_jwks_file: Path, kek_file: Path) -> Settings:
    return Settings(
        database_url=migrated("anonymizer"),
        pass_jwks_file=pass_jwks_file,
        key_encryption_key_file=kek_file,
    )


@pytest.fixture
async def anonymizer(settings: Settings, mint) -> AsyncIterator[Anonymizer]:
    app = create_app(settings)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://anonymizer") as client,
    ):
        yield Anonymizer(app, client, mint)


@pytest.fixture(scope="session")
def detector():
    return Detector.load("md")
