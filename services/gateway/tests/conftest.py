"""A gateway on a real database, called through its real HTTP surface; the services behind it are doubles."""

import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from jsonschema import Draft202012Validator

from gateway.app import create_app
from gateway.consents.rules import Decision
from gateway.keyring import Keyring
from gateway.records import schema as record_schema
from gateway.records.rules import Fact, Kind, record_of
from gateway.settings import Settings
from keel.clock import utc_now

LOCAL = {
    "id": "rcp_local-llm",
    "legal_name": "Le centre lui-même",
    "role": "controller",
    "jurisdictions": ["FR"],
    "operator_home": "FR",
    "route": "route.local",
    "retention": "none",
    "training_use": "none",
    "deployments": ["local"],
}
GRANTS = [
    {
        "purpose": purpose,
        "data_categories": ["cv"],
        "recipients": ["rcp_local-llm"],
        "jurisdictions": ["FR"],
    }
    for purpose in ("analysis", "exploration")
]


def router_double(request: httpx.Request) -> httpx.Response:
    """The registry of recipients and the titles of use cases, as the router answers them."""
    assert request.headers["authorization"].startswith("Bearer ")
    if request.url.path == "/use-cases":
        return httpx.Response(
            200, json={"items": [{"id": "cv-analysis", "title": "Analyse du CV"}]}
        )
    assert request.url.path == "/recipients"
    return httpx.Response(200, json={"items": [LOCAL]})


def anonymizer_double(request: httpx.Request) -> httpx.Response:
    """A document that was read: a fresh id each time, as the gateway gave it; texts as they came."""
    if request.url.path.startswith("/pseudonymisations"):
        return httpx.Response(200, json=json.loads(request.read()))
    assert (request.method, request.url.path) == ("POST", "/documents")
    found = re.search(rb"doc_[0-9A-Z]{26}", request.read())
    assert found is not None
    return httpx.Response(201, json={"id": found[0].decode()})


@cache
def _shape(kind: Kind) -> Draft202012Validator:
    return Draft202012Validator(record_schema.body_of(kind))


@pytest.fixture(autouse=True)
def _records_follow_the_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test lets the gateway write is a record of the published schema, or it fails.

    A new field goes into `gateway/records/fields.py`; then `make schemas`.
    """

    def checked(fact: Fact, **how: Any) -> dict[str, Any]:
        record = record_of(fact, **how)
        faults = sorted(_shape(fact.kind).iter_errors(record["body"]), key=str)
        assert not faults, f"{fact.kind}: {[fault.message for fault in faults]}"
        return record

    monkeypatch.setattr("gateway.records.service.record_of", checked)


@pytest.fixture
def keys_dir(tmp_path: Path) -> Path:
    Keyring.create(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def gateway_url(migrated: Callable[[str], str]) -> str:
    return migrated("gateway")


@pytest.fixture
async def app(gateway_url: str, keys_dir: Path) -> AsyncIterator[FastAPI]:
    settings = Settings(
        database_url=gateway_url,
        keys_dir=keys_dir,
        public_url="http://gateway",
        sequencer_interval=timedelta(hours=1),  # a test sequences when its story says so
        webhook_interval=timedelta(hours=1),  # and sends
    )
    doubles = {"llm-router": router_double, "anonymizer": anonymizer_double}
    app = create_app(settings, {n: httpx.MockTransport(double) for n, double in doubles.items()})
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def gateway(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as client:
        yield client


@dataclass
class Centre:
    """A centre's software: its credentials and the calls that every story starts with."""

    http: httpx.AsyncClient
    tenant: str
    client_id: str
    client_secret: str
    token: str = ""
    number: int = 0

    async def log_in(self, **form: str) -> None:
        answer = await self.http.post(
            "/oauth2/token",
            data={"grant_type": "client_credentials", **form},
            auth=(self.client_id, self.client_secret),
        )
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]

    async def call(self, method: str, path: str, **content: Any) -> httpx.Response:
        self.number += 1
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": f"k{self.number}"}
        headers.update(content.pop("headers", {}))
        return await self.http.request(method, path, headers=headers, **content)

    async def made(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = await self.call("POST", path, json=body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def new_counsellor(self) -> str:
        """Create a counsellor who accepted the secrecy notice."""
        counsellor = (await self.made("/v1/counsellors", {}))["id"]
        notice = (await self.call("GET", "/v1/secrecy-notice")).json()
        accepted = {"notice_version": notice["version"]}
        await self.made(f"/v1/counsellors/{counsellor}/secrecy-acceptances", accepted)
        return counsellor


@pytest.fixture
def new_centre(app: FastAPI, gateway: httpx.AsyncClient) -> Callable[[], Any]:
    async def create() -> Centre:
        async with app.state.database.begin() as session:
            made = await app.state.tenants.create(session, "Centre d’essai", None)
        centre = Centre(gateway, made.tenant, made.client_id, made.client_secret)
        await centre.log_in()
        return centre

    return create


@pytest.fixture
async def centre(new_centre: Callable[[], Any]) -> Centre:
    return await new_centre()


@dataclass
class OpenBilan:
    """A bilan with its worker's agreement, and its counsellor's token in the centre's hands."""

    id: str
    beneficiary: str
    counsellor: str


@pytest.fixture
async def bilan(centre: Centre) -> OpenBilan:
    counsellor = await centre.new_counsellor()
    beneficiary = (await centre.made("/v1/beneficiaries", {"reference": "dossier 12"}))["id"]
    plan = {
        "beneficiary": beneficiary,
        "counsellor": counsellor,
        "funding": "CPF",
        "planned_minutes": 1440,
        "support_minutes": 840,
        "starts_on": "2026-11-02",
        "ends_on": "2027-01-29",
        "employer_siren": None,
    }
    made = await centre.made("/v1/bilans", plan)
    agreement = {"agreed_on": "2026-11-02", "method": "signed_document"}
    await centre.made(f"/v1/bilans/{made['id']}/agreement", agreement)
    await centre.log_in(counsellor=counsellor)
    return OpenBilan(made["id"], beneficiary, counsellor)


class Beneficiary:
    """A person with a browser, on the hosted pages."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.cookie = ""
        self.personal_secret = ""

    async def _keep(self, answer: httpx.Response) -> httpx.Response:
        if "set-cookie" in answer.headers:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]
        return answer

    async def open(self, url: str) -> httpx.Response:
        page, _, secret = url.partition("#")
        path = httpx.URL(page).path.rstrip("/")
        answer = await self._keep(await self.http.post(f"{path}/session", data={"secret": secret}))
        return await self.get(answer.headers["location"])

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path, headers={"Cookie": self.cookie})

    async def post(self, path: str, data: dict[str, str]) -> httpx.Response:
        return await self.http.post(path, data=data, headers={"Cookie": self.cookie})

    async def decide(self, page: str, **decisions: str) -> httpx.Response:
        sha = re.search(r'name="notice_sha256" value="([0-9a-f]{64})"', page)
        assert sha is not None
        form = {"notice_sha256": sha[1], **{f"decision.{p}": d for p, d in decisions.items()}}
        answer = await self.post("/consent/decision", form)
        link = re.search(r'href="(/me/#[^"]+)" data-personal-link', answer.text)
        self.personal_secret = unescape(link[1]) if link else ""
        return answer


@pytest.fixture
def beneficiary(gateway: httpx.AsyncClient) -> Beneficiary:
    return Beneficiary(gateway)


@pytest.fixture
async def asked(centre: Centre, bilan: OpenBilan) -> dict[str, Any]:
    """A consent that was asked for: analysis and exploration."""
    return await centre.made("/v1/consents", {"bilan": bilan.id, "grants": GRANTS})


@pytest.fixture
async def given(asked: dict[str, Any], beneficiary: Beneficiary) -> dict[str, Any]:
    """The same consent, analysis accepted and exploration refused."""
    page = await beneficiary.open(asked["ceremony_url"])
    answer = await beneficiary.decide(page.text, analysis="granted", exploration="refused")
    assert answer.status_code == 200
    return asked


@pytest.fixture
def ask(centre: Centre, bilan: OpenBilan) -> Callable[..., Any]:
    """Ask for purposes; a side of their grants may be given, and what goes beside them."""

    async def asking(*purposes: str, beside: dict[str, Any] | None = None, **side: Any):
        grants = [{**GRANTS[0], "purpose": purpose, **side} for purpose in purposes]
        body = {"bilan": bilan.id, "grants": grants, **(beside or {})}
        return await centre.call("POST", "/v1/consents", json=body)

    return asking


@pytest.fixture
def decide(app: FastAPI, centre: Centre) -> Callable[..., Any]:
    """Answer as the page does, without the page: what is decided is the keyword's name."""

    async def deciding(asked: dict[str, Any], how: dict[str, Any] | None = None, **said: str):
        decisions = {purpose: Decision(decision) for purpose, decision in said.items()}
        sha = asked["notice"]["sha256"]
        async with app.state.database.begin(centre.tenant) as session:
            await app.state.consents.decide(
                session, centre.tenant, asked["id"], decisions, sha, **(how or {})
            )
        return (await centre.call("GET", f"/v1/consents/{asked['id']}")).json()

    return deciding


@pytest.fixture
def recorded(centre: Centre) -> Callable[..., Any]:
    """Return the records of a consent, of one kind."""

    async def of(consent: dict[str, Any], kind: str) -> list[dict[str, Any]]:
        page = (await centre.call("GET", f"/v1/records?consent={consent['id']}&kind={kind}")).json()
        return page["items"]

    return of


@pytest.fixture
def at(app: FastAPI) -> Callable[[timedelta], None]:
    """Let the consents' clock stand so much after now."""

    def stand(later: timedelta) -> None:
        app.state.consents = replace(app.state.consents, now=lambda: utc_now() + later)

    return stand
