"""A running reports service on each kind of database, and its sample drafts."""

import copy
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from reports.app import create_app
from reports.settings import Settings

HERE = Path(__file__).parent
TENANT, BILAN = "tnt_01K7ZC3M8T5R0Q9N4V2X6Y1D01", "bil_01K7ZC3M8T5R0Q9N4V2X6Y1D02"
COUNSELLOR = "usr_01K7ZC3M8T5R0Q9N4V2X6Y1A01"


class Desk:
    """Calls the service as the gateway does: one pass for each call."""

    def __init__(
        self, client: httpx.AsyncClient, mint: Callable[..., dict[str, str]], app: FastAPI
    ) -> None:
        self.client = client
        self.mint = mint
        self.app = app

    async def call(
        self,
        method: str,
        path: str,
        operation: str,
        body: object = None,
        *,
        tenant: str = TENANT,
        bilan: str = BILAN,
    ) -> httpx.Response:
        headers = self.mint("reports", operation, tenant=tenant, bilan=bilan)
        return await self.client.request(method, path, json=body, headers=headers)

    async def draft(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await self.call("POST", "/reports", "create_report", request)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def read(self, report: str) -> dict[str, Any]:
        answer = await self.call("GET", f"/reports/{report}", "read_report")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def review(self, report: str, block: str, decision: str = "accepted", **more: Any):
        body = {"decision": decision, "reason": "faithful", "reviewer": COUNSELLOR, **more}
        path = f"/reports/{report}/blocks/{block}/review"
        return await self.call("POST", path, "review_block", body)

    async def review_all(self, report: str) -> dict[str, Any]:
        for block in (await self.read(report))["reviews_missing"]:
            assert (await self.review(report, block)).status_code == 200
        return await self.read(report)

    async def edit(self, report: str, block: str, text: str, **more: Any) -> httpx.Response:
        path = f"/reports/{report}/blocks/{block}"
        body = {"text": text, "editor": COUNSELLOR, **more}
        return await self.call("PATCH", path, "edit_block", body)

    async def sign(self, report: str, content: dict[str, Any]) -> httpx.Response:
        body = {
            "signatory": {"id": COUNSELLOR, "name": "Solène Guivarc’h"},
            "identity": {
                "beneficiary_name": "Inès Belhadj-Moreau",
                "organisation": "Cap Horizon",
                "counsellor_name": "Solène Guivarc’h",
            },
            "content": content,
        }
        return await self.call("POST", f"/reports/{report}/sign-off", "sign_off", body)

    async def file(self, report: str, kind: str, version: int = 1) -> httpx.Response:
        path = f"/reports/{report}/versions/{version}/{kind}"
        return await self.call("GET", path, "read_version")


def restored(view: dict[str, Any]) -> dict[str, Any]:
    """Put words in place of the surrogates of the sample, as the gateway has the anonymizer do."""
    text = json.dumps(view, ensure_ascii=False)
    for surrogate, word in (
        ("[ORGANISATION_1]", "Logivia"),
        ("[ORGANISATION_2]", "Entrepôts du Lac"),
        ("[ORGANISATION_3]", "Brissac Distribution"),
        ("[ORGANISATION_4]", "Greta"),
        ("[ORGANISATION_5]", "Lycée Arago"),
        ("[LIEU_1]", "Carquefou"),
        ("[LIEU_2]", "Nantes"),
        ("[PERSONNE_2]", "Maud Kerleroux"),
    ):
        text = text.replace(surrogate, word)
    return json.loads(text)


@pytest.fixture
def draft_request() -> dict[str, Any]:
    return copy.deepcopy(json.loads((HERE / "sample_draft_request.json").read_text()))


@pytest.fixture
def sample_report() -> dict[str, Any]:
    return json.loads((HERE / "sample_report.json").read_text())


@pytest.fixture
def restore() -> Callable[[dict[str, Any]], dict[str, Any]]:
    return restored


@pytest.fixture
async def desk(
    migrated: Callable[[str], str],
    pass_jwks_file: Path,
    kek_file: Path,
    mint: Callable[..., dict[str, str]],
) -> AsyncIterator[Desk]:
    app = create_app(
        Settings(
            database_url=migrated("reports"),
            pass_jwks_file=pass_jwks_file,
            key_encryption_key_file=kek_file,
        )
    )
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app), base_url="http://reports"
        ) as client,
    ):
        yield Desk(client, mint, app)
