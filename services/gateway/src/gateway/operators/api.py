"""The operator's verbs as a small HTTP application; served on a Unix socket only."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from gateway.edge.strict import StrictRoute
from gateway.operators import service
from gateway.operators.consents import add_consent_verbs
from gateway.operators.destructions import add_destruction_verbs
from gateway.operators.holds import add_hold_verbs
from gateway.operators.log import add_log_verbs
from gateway.operators.webhooks import add_webhook_verbs
from gateway.quotas.rules import QuotaKind
from gateway.tenants.rules import Scope
from keel.problems import answer_with_problems

_Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Id = Annotated[str, Field(min_length=1, max_length=32, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Jwks = Annotated[dict[str, Any], Field(max_length=10)]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewTenant(_Asked):
    """A tenant to create."""

    name: _Name
    siren: Annotated[str, Field(pattern=r"^[0-9]{9}$")] | None = None


class OwnSiren(_Asked):
    """The SIREN of the centre itself."""

    siren: Annotated[str, Field(pattern=r"^[0-9]{9}$")]


class NewClient(_Asked):
    """A client to register; without `scopes`, it gets every one."""

    tenant: _Id
    name: _Name | None = None
    scopes: Annotated[list[Scope], Field(max_length=50)] = []
    jwks: _Jwks | None = None
    dpop: bool = False


class NewSecret(_Asked):
    """For how long the old secret works beside the new one."""

    overlap_minutes: Annotated[int, Field(ge=0, le=60)] = 0


class NewKeys(_Asked):
    """The keys by which a client proves itself from now on."""

    jwks: _Jwks


_PerMonth = Annotated[int, Field(ge=0, le=1_000_000_000)] | None


class Contract(_Asked):
    """What a contract allows a month; null: no limit; what is not named stays."""

    assisted_runs: _PerMonth = None
    documents: _PerMonth = None


class Policy(_Asked):
    """What a tenant's people are asked for beside their links."""

    ceremony_code: bool


def operator_app(state: Any) -> FastAPI:  # noqa: ANN401 - the application's own state
    """Return the application that works on the same database and keys as a gateway's `state`."""
    # No redirect: an id that is left empty would be sent on to another route.
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.router.route_class = StrictRoute
    answer_with_problems(app)
    _tenants(app, state)
    _quotas(app, state)
    _clients(app, state)
    _keys(app, state)
    add_webhook_verbs(app, state.database)
    add_consent_verbs(app, state)
    add_hold_verbs(app, state)
    add_destruction_verbs(app, state)
    add_log_verbs(app, state)
    return app


def _tenants(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the same
    @app.post("/tenants", status_code=201)
    async def create_tenant(body: NewTenant) -> dict[str, Any]:
        return await service.create_tenant(state.database, state.tenants, body.name, body.siren)

    @app.get("/tenants")
    async def list_tenants() -> list[dict[str, Any]]:
        return await service.list_tenants(state.database)

    @app.put("/tenants/{tenant}/policy")
    async def set_policy(tenant: str, body: Policy) -> dict[str, Any]:
        return await service.set_policy(
            state.database, state.records, tenant, ceremony_code=body.ceremony_code
        )

    @app.put("/tenants/{tenant}/siren")
    async def set_siren(tenant: str, body: OwnSiren) -> dict[str, Any]:
        return await service.set_siren(state.identity, tenant, body.siren)

    @app.put("/tenants/{tenant}/suspension")
    async def suspend_tenant(tenant: str) -> dict[str, Any]:
        return await service.suspend_tenant(state.suspension, tenant)

    @app.delete("/tenants/{tenant}/suspension")
    async def resume_tenant(tenant: str) -> dict[str, Any]:
        return await service.resume_tenant(state.suspension, tenant)


def _quotas(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the same
    @app.put("/tenants/{tenant}/quotas")
    async def set_quotas(tenant: str, body: Contract) -> list[dict[str, Any]]:
        limits = {
            QuotaKind(name): value for name, value in body.model_dump(exclude_unset=True).items()
        }
        return await service.set_quotas(state.quotas, state.records, tenant, limits)


def _clients(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the same
    @app.post("/clients", status_code=201)
    async def create_client(body: NewClient) -> dict[str, Any]:
        return await service.create_client(
            state.database,
            state.clients,
            body.tenant,
            scopes=body.scopes,
            name=body.name,
            jwks=body.jwks,
            dpop=body.dpop,
        )

    @app.get("/clients")
    async def list_clients(tenant: str | None = None) -> list[dict[str, Any]]:
        return await service.list_clients(state.database, tenant)

    @app.post("/clients/{client}/secret", status_code=201)
    async def rotate_secret(client: str, body: NewSecret) -> dict[str, Any]:
        overlap = timedelta(minutes=body.overlap_minutes)
        return await service.rotate_secret(state.database, state.clients, client, overlap=overlap)

    @app.put("/clients/{client}/jwks")
    async def replace_client_keys(client: str, body: NewKeys) -> dict[str, Any]:
        return await service.replace_client_keys(state.database, state.clients, client, body.jwks)

    @app.delete("/clients/{client}")
    async def revoke_client(client: str) -> dict[str, Any]:
        return await service.revoke_client(state.database, state.clients, client)


def _keys(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the same
    @app.get("/keys")
    async def list_keys() -> list[dict[str, Any]]:
        return list(state.signing_keys.listed())

    @app.post("/keys/rotation")
    async def rotate_keys() -> list[dict[str, Any]]:
        return list(await state.signing_keys.rotate())

    @app.delete("/keys/{kid}")
    async def retire_key(kid: str) -> list[dict[str, Any]]:
        return list(await state.signing_keys.retire(kid))

    @app.post("/keys/{kid}/revocation")
    async def revoke_key(kid: str) -> list[dict[str, Any]]:
        return list(await state.signing_keys.revoke(kid))
