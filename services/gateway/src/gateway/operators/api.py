"""The operator's verbs as a small HTTP application; served on a Unix socket only."""

from typing import Annotated, Any

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field

from gateway.operators import service
from keel.problems import answer_with_problems


class NewTenant(BaseModel):
    """A tenant to create."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
    siren: Annotated[str, Field(pattern=r"^[0-9]{9}$")] | None = None


def operator_app(gateway: FastAPI) -> FastAPI:
    """Return the application that works on the same database and keys as `gateway`."""
    app = FastAPI(openapi_url=None)
    answer_with_problems(app)
    state = gateway.state

    @app.post("/tenants", status_code=201)
    async def create_tenant(body: NewTenant) -> dict[str, Any]:
        return await service.create_tenant(state.database, state.tenants, body.name, body.siren)

    @app.get("/tenants")
    async def list_tenants() -> list[dict[str, Any]]:
        return await service.list_tenants(state.database)

    @app.get("/log/audit")
    async def audit_log(_: Request) -> dict[str, Any]:
        return await service.audit_log(state.database)

    return app
