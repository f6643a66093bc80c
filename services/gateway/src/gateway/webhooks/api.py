"""Webhook endpoints: where the centre's software wants to be told, and how the telling goes."""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import EventCallerDep
from gateway.edge.editing import IfMatch, etag, require_match
from gateway.edge.idempotency import IdempotentRoute
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.events.service import EventKind
from gateway.problems import (
    PreconditionFailed,
    PreconditionNeeded,
    WebhookEndpointsFull,
    WebhookUrlRefused,
)
from gateway.tables import WebhookEndpoint
from gateway.webhooks import store
from gateway.webhooks.addresses import MAX_URL
from gateway.webhooks.rules import MAX_ENDPOINTS, DeliveryStatus, Failure
from gateway.wiring import WebhookEndpointsDep
from keel.database import SessionDep
from keel.identifiers import DeliveryId, EventId, WebhookEndpointId
from keel.problems import InvalidRequest, NotFound, problems

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["events"], route_class=IdempotentRoute)

_Url = Annotated[
    str, Field(min_length=1, max_length=MAX_URL, examples=["https://hooks.centre.fr/passerelle"])
]
_Kinds = Annotated[list[EventKind], Field(min_length=1, max_length=100)]
_SECRET = Field(max_length=100, pattern=r"^whsec_[A-Za-z0-9+/=]+$")


class NewWebhookEndpoint(BaseModel):
    """An address to tell. Without `kinds` it is told everything, kinds to come included."""

    model_config = ConfigDict(extra="forbid")

    url: _Url
    kinds: _Kinds | None = None


class WebhookEndpointEdit(BaseModel):
    """What to change; a member that is left out stays as it is, `kinds: null` is everything."""

    model_config = ConfigDict(extra="forbid")

    url: _Url | None = None
    kinds: _Kinds | None = None
    enabled: bool | None = None


class WebhookEndpointView(BaseModel):
    """An address that is told what happens. Its secret is shown only when it is made."""

    model_config = ConfigDict(from_attributes=True)

    id: WebhookEndpointId
    url: str = Field(max_length=MAX_URL)
    kinds: list[EventKind] | None = Field(max_length=100)
    enabled: bool
    disabled_because: Literal["request", "gone"] | None
    earlier_secret_until: AwareDatetime | None
    created_at: AwareDatetime


class CreatedWebhookEndpoint(WebhookEndpointView):
    """The same with the secret that signs what is sent, shown this once (Standard Webhooks)."""

    secret: str = _SECRET


class RotatedSecret(BaseModel):
    """The new secret, shown this once; the earlier one signs beside it until the instant given."""

    id: WebhookEndpointId
    secret: str = _SECRET
    earlier_secret_until: AwareDatetime


class WebhookEndpointList(BaseModel):
    """One page of endpoints."""

    items: list[WebhookEndpointView] = Field(max_length=MAX_ENDPOINTS)
    next: WebhookEndpointId | None


class DeliveryView(BaseModel):
    """One event on its way to one endpoint."""

    model_config = ConfigDict(from_attributes=True)

    id: DeliveryId
    event: EventId
    endpoint: WebhookEndpointId
    status: DeliveryStatus
    attempts: int = Field(ge=0, le=1000)
    last_status: int | None = Field(ge=100, le=999)
    last_failure: Failure | None
    created_at: AwareDatetime
    attempted_at: AwareDatetime | None
    ended_at: AwareDatetime | None


class DeliveryList(BaseModel):
    """One page of deliveries."""

    items: list[DeliveryView] = Field(max_length=200)
    next: DeliveryId | None


def _tagged(response: Response, endpoint: WebhookEndpoint) -> WebhookEndpointView:
    view = WebhookEndpointView.model_validate(endpoint)
    response.headers["ETag"] = etag(view)
    return view


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    responses=problems(WebhookUrlRefused, WebhookEndpointsFull),
    openapi_extra={"x-secret-members": ["secret"]},
)
async def create_webhook_endpoint(
    body: NewWebhookEndpoint,
    response: Response,
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
) -> CreatedWebhookEndpoint:
    """Register an address; what happens from now on is sent to it, signed with the secret."""
    endpoint, secret = await endpoints.register(session, caller.tenant, body.url, body.kinds)
    view = _tagged(response, endpoint)
    return CreatedWebhookEndpoint(**view.model_dump(), secret=secret)


@router.get("", responses=problems())
async def list_webhook_endpoints(
    session: SessionDep,
    caller: EventCallerDep,
    after: WebhookEndpointId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> WebhookEndpointList:
    """List the endpoints."""
    shown, following = cut(
        await store.page_of_endpoints(session, caller.tenant, after, limit), limit
    )
    items = [WebhookEndpointView.model_validate(endpoint) for endpoint in shown]
    return WebhookEndpointList(items=items, next=following)


@router.get("/{endpoint_id}", responses=problems(NotFound))
async def read_webhook_endpoint(
    endpoint_id: WebhookEndpointId,
    response: Response,
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
) -> WebhookEndpointView:
    """Return an endpoint, with its `ETag`."""
    return _tagged(response, await endpoints.find(session, caller.tenant, endpoint_id))


@router.patch(
    "/{endpoint_id}",
    responses=problems(NotFound, PreconditionNeeded, PreconditionFailed, WebhookUrlRefused),
)
async def edit_webhook_endpoint(
    endpoint_id: WebhookEndpointId,
    body: WebhookEndpointEdit,
    response: Response,
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
    if_match: IfMatch = None,
) -> WebhookEndpointView:
    """Change an endpoint, or switch it off and on."""
    endpoint = await endpoints.find(session, caller.tenant, endpoint_id, locked=True)
    require_match(if_match, WebhookEndpointView.model_validate(endpoint))
    changes = body.model_dump(exclude_unset=True)
    if any(changes.get(member, ...) is None for member in ("url", "enabled")):
        raise InvalidRequest("`url` and `enabled` cannot be null; leave out what stays.")
    return _tagged(response, await endpoints.edit(session, endpoint, changes))


@router.delete(
    "/{endpoint_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(NotFound)
)
async def delete_webhook_endpoint(
    endpoint_id: WebhookEndpointId,
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
) -> None:
    """Delete an endpoint; what was on its way to it is dropped."""
    await endpoints.remove(session, caller.tenant, endpoint_id)


@router.post(
    "/{endpoint_id}/secret-rotation",
    status_code=status.HTTP_201_CREATED,
    responses=problems(NotFound),
    openapi_extra={"x-secret-members": ["secret"]},
)
async def rotate_webhook_secret(
    endpoint_id: WebhookEndpointId,
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
) -> RotatedSecret:
    """Make a new secret; for 24 hours the present one signs beside it."""
    endpoint, secret = await endpoints.rotate_secret(session, caller.tenant, endpoint_id)
    until = endpoint.earlier_secret_until
    return RotatedSecret.model_validate(
        {"id": endpoint.id, "secret": secret, "earlier_secret_until": until}
    )


@router.get("/{endpoint_id}/deliveries", responses=problems(NotFound))
async def list_deliveries(
    endpoint_id: WebhookEndpointId,
    session: SessionDep,
    endpoints: WebhookEndpointsDep,
    caller: EventCallerDep,
    status: DeliveryStatus | None = None,
    after: DeliveryId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> DeliveryList:
    """List what was, is or will no longer be sent to an endpoint; `status=parked` gave up."""
    endpoint = await endpoints.find(session, caller.tenant, endpoint_id)
    wanted = None if status is None else str(status)
    rows = await store.page_of_deliveries(session, endpoint, wanted, after, limit)
    shown, following = cut(rows, limit)
    return DeliveryList(items=views(shown), next=following)


def views(deliveries: Sequence[object]) -> list[DeliveryView]:
    """Return deliveries as a caller sees them."""
    return [DeliveryView.model_validate(delivery) for delivery in deliveries]
