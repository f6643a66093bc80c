"""A gateway whose services keep what they are given, destroy it when told, and note who asked."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from gateway.app import create_app
from gateway.settings import Settings
from gateway.tables import Base
from keel.clock import utc_now

CARD = {
    "id": "cv-analysis", "version": "1.0.0", "title": "Analyse de CV", "purpose": "analysis",
    "data_categories": ["cv"], "modes": ["computed"], "without_ai": "Lecture par des règles.",
    "oversight": "H1", "risk_class": "art50_transparency", "necessity_code": "career_reading",
}  # fmt: skip
RECIPIENT = {
    "id": "rcp_local-llm", "legal_name": "Le centre", "role": "controller", "jurisdictions": ["FR"],
    "operator_home": "FR", "route": "route.local", "retention": "none", "training_use": "none",
    "deployments": ["local"],
}  # fmt: skip
DOCUMENT = {"data_categories": ["cv"], "entity_counts": {}, "special_categories": []}
ANSWERS: tuple[tuple[str, Any], ...] = (
    ("/use-cases/", CARD),
    ("/recipients", {"items": [RECIPIENT]}),
    ("/pseudonymised", {"text": "Développeuse, depuis 2020."}),
    ("/outline", {"experiences": [], "periods_without_information": []}),
    ("/documents/", DOCUMENT),
)


@dataclass
class Double:
    """The services behind the gateway: what they hold by bilan, and what reached them."""

    held: Counter[str] = field(default_factory=Counter)
    destroyed: dict[str, dict[str, int]] = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    fails: Callable[[str, str], Awaitable[None]] | None = None
    """Called with service and path of each destruction; where a story lets it fail, or wait."""

    def service(self, name: str) -> Callable[[httpx.Request], Awaitable[httpx.Response]]:
        async def answer(request: httpx.Request) -> httpx.Response:
            return await self._answer(name, request)

        return answer

    async def _answer(self, name: str, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, await request.aread()
        if request.method == "DELETE":
            self.asked.append((name, request.method, path))
            if self.fails is not None:
                await self.fails(name, path)
            return httpx.Response(200, json=self._destroy(name, path))
        if path.endswith("/keeping"):
            self.asked.append((name, json.loads(body)["scope"], path))
            return httpx.Response(
                200, json={"documents": 1} if name == "anonymizer" else {"reports": 1}
            )
        if path == "/documents":
            return httpx.Response(201, json={"id": body[body.index(b"doc_") :][:30].decode()})
        if path == "/restorations":
            return httpx.Response(200, json={"value": json.loads(body)["value"], "unknown": []})
        found = next((answer for shape, answer in ANSWERS if shape in path), {})
        return httpx.Response(200, json=found)

    def _destroy(self, name: str, path: str) -> dict[str, int]:
        """Destroy once; whoever asks again hears the same."""
        return self.destroyed.setdefault(f"{name} {path}", {"documents": 1, "keys": 1})


@pytest.fixture
def double() -> Double:
    return Double()


def settings_for(url: str, keys_dir: Path, **changes: Any) -> Settings:
    given = {
        "public_url": "http://gateway",
        "sequencer_interval": timedelta(hours=1),
        "webhook_interval": timedelta(hours=1),
        "destruction_interval": timedelta(hours=1),  # a story carries on when it says so
        "chores_interval": timedelta(hours=1),
        **changes,
    }
    return Settings(database_url=url, keys_dir=keys_dir, **given)


def made(settings: Settings, double: Double) -> FastAPI:
    names = ("anonymizer", "llm-router", "labour-market", "reports")
    transports = {name: httpx.MockTransport(double.service(name)) for name in names}
    return create_app(settings, transports)


@pytest.fixture
async def app(gateway_url: str, keys_dir: Path, double: Double) -> AsyncIterator[FastAPI]:
    app = made(settings_for(gateway_url, keys_dir), double)
    async with app.router.lifespan_context(app):
        yield app


@dataclass
class Ending:
    """A person with all that they can have, and the end of it."""

    app: FastAPI
    centre: Any
    bilan: Any
    link: str = ""

    async def erase(self, person: str = "") -> dict[str, Any]:
        answer = await self.centre.call("DELETE", f"/v1/beneficiaries/{person or self.person}")
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def close(self, outcome: str = "abandoned") -> dict[str, Any]:
        answer = await self.centre.call(
            "POST", f"/v1/bilans/{self.bilan.id}/closing", json={"outcome": outcome}
        )
        assert answer.status_code == 202, answer.text
        return answer.json()

    @property
    def person(self) -> str:
        return self.bilan.beneficiary

    async def read(self, destruction: str) -> dict[str, Any]:
        return (await self.centre.call("GET", f"/v1/destructions/{destruction}")).json()

    async def carried_out(self, destruction: str, later: timedelta = timedelta()) -> dict[str, Any]:
        """Let the worker go on until it is done."""
        for number in range(40):
            await self.work(later + timedelta(minutes=10 * number))
            told = await self.read(destruction)
            if told["state"] == "done":
                return told
            await asyncio.sleep(0.01)
        raise AssertionError(told)

    async def work(self, later: timedelta = timedelta()) -> None:
        carrying = replace(self.app.state.carrying, now=lambda: utc_now() + later)
        await carrying.step()

    async def rows_that_name(self, *ids: str) -> dict[str, int]:
        """Every row of the tenant, in every table, in whose text one of these ids stands."""
        found: Counter[str] = Counter()
        async with self.app.state.database.begin(self.centre.tenant) as session:
            for mapper in Base.registry.mappers:
                for row in await session.execute(select(mapper.local_table)):
                    text = " ".join(str(value) for value in row)
                    found[mapper.local_table.name] += any(held in text for held in ids)
        return {table: number for table, number in found.items() if number}


@pytest.fixture
async def ending(app: FastAPI, centre: Any, bilan: Any) -> Ending:
    return Ending(app, centre, bilan)


@pytest.fixture
async def full(ending: Ending, given: dict[str, Any], beneficiary: Any) -> Ending:
    """A person who has something in nearly every table: the worst case of an erasure."""
    centre, bilan = ending.centre, ending.bilan
    posted = await centre.call(
        "POST", "/v1/documents", data={"bilan": bilan.id}, files={"file": ("cv.txt", b"CV")}
    )
    document = posted.json()["id"]
    run = {"bilan": bilan.id, "mode": "computed", "document": document}
    await centre.made("/v1/use-cases/cv-analysis/runs", run)
    link = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    ending.link = link["personal_link"]
    interview = {
        "phase": "preliminary", "held_on": "2026-11-03", "minutes": 60, "format": "in_person",
        "individual": True,
    }  # fmt: skip
    await centre.call("POST", f"/v1/bilans/{bilan.id}/interviews", json=interview)
    kept = {
        "bilan": bilan.id, "scope": "documents", "reason": "follow_up", "until": "2027-12-31",
        "method": "signed_document", "document_sha256": "a" * 64,
    }  # fmt: skip
    await centre.made("/v1/retention-agreements", kept)
    objection = {"kind": "objection", "ground": "particular_situation"}
    await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/restrictions", objection)
    await centre.made("/v1/consents", {"bilan": bilan.id, "grants": [RECEIVED]})
    return ending


RECEIVED = {
    "purpose": "drafting", "data_categories": ["cv"], "recipients": ["rcp_local-llm"],
    "jurisdictions": ["FR"],
}  # fmt: skip
