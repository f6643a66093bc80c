"""Long-lived keys: for SDKs that take one key and cannot draw a token every five minutes."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import ApiKeyCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import ClientProof, ScopeInsufficient
from gateway.tables import ApiKey
from gateway.tenants.rules import Scope
from gateway.wiring import ApiKeysDep
from keel.database import SessionDep
from keel.identifiers import ApiKeyId, ClientId, CounsellorId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/api-keys", tags=["api-keys"], route_class=IdempotentRoute)


class NewApiKey(BaseModel):
    """A key to make: what it may do at most, on whose behalf, for how long."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
    scopes: list[Scope] = Field(min_length=1, max_length=20)
    counsellor: CounsellorId | None = None
    valid_days: int = Field(default=90, ge=1, le=365)


class ApiKeyView(BaseModel):
    """A long-lived key, without its secret."""

    id: ApiKeyId
    client_id: ClientId
    name: str = Field(max_length=200)
    scopes: list[Scope] = Field(max_length=20)
    counsellor: CounsellorId | None
    created_at: AwareDatetime
    expires_at: AwareDatetime
    revoked_at: AwareDatetime | None


class MadeApiKey(ApiKeyView):
    """A long-lived key with its secret, shown this once."""

    api_key: str = Field(max_length=60, examples=["psk_…"])


class ApiKeyList(BaseModel):
    """A page of the client's keys, ended ones included."""

    items: list[ApiKeyView] = Field(max_length=200)
    next: str | None = Field(max_length=40)


def _view(key: ApiKey) -> dict[str, Any]:
    def whole(at: datetime | None) -> datetime | None:
        return None if at is None else at.replace(microsecond=0)

    return {
        "id": key.id,
        "client_id": key.client,
        "name": key.name,
        "scopes": key.scopes,
        "counsellor": key.counsellor,
        "created_at": whole(key.created_at),
        "expires_at": whole(key.expires_at),
        "revoked_at": whole(key.revoked_at),
    }


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=problems(ScopeInsufficient, NotFound, ClientProof),
    openapi_extra={"x-secret-members": ["api_key"]},
)
async def create_api_key(
    body: NewApiKey, session: SessionDep, keys: ApiKeysDep, caller: ApiKeyCallerDep
) -> MadeApiKey:
    """Make a key of this client, shown this once; send it as `Authorization: Bearer psk_…`."""
    key, secret = await keys.create(
        session,
        caller,
        name=body.name,
        scopes=body.scopes,
        counsellor=body.counsellor,
        validity=timedelta(days=body.valid_days),
    )
    return MadeApiKey.model_validate({**_view(key), "api_key": secret})


@router.get("", responses=problems(ScopeInsufficient))
async def list_api_keys(
    session: SessionDep,
    keys: ApiKeysDep,
    caller: ApiKeyCallerDep,
    after: Annotated[ApiKeyId | None, Query()] = None,
    limit: Limit = DEFAULT_LIMIT,
) -> ApiKeyList:
    """List this client's keys, oldest first."""
    rows, following = cut(await keys.list(session, caller, after=after, limit=limit), limit)
    return ApiKeyList.model_validate({"items": [_view(row) for row in rows], "next": following})


@router.delete("/{key_id}", responses=problems(ScopeInsufficient, NotFound))
async def revoke_api_key(
    key_id: ApiKeyId, session: SessionDep, keys: ApiKeysDep, caller: ApiKeyCallerDep
) -> ApiKeyView:
    """End a key at once."""
    return ApiKeyView.model_validate(_view(await keys.revoke(session, caller, key_id)))
