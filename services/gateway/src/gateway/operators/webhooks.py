"""The operator's verb of webhooks: send again what was given up."""

import argparse
from typing import Any

from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel, ConfigDict

from gateway.tenants import store as tenant_store
from gateway.webhooks import replays
from keel.database import Database
from keel.identifiers import DeliveryId, WebhookEndpointId

ROUTE = "/webhook-replays"


class Replay(BaseModel):
    """What to send again: one delivery, or what was parked for an endpoint."""

    model_config = ConfigDict(extra="forbid")

    delivery: DeliveryId | None = None
    endpoint: WebhookEndpointId | None = None
    since: AwareDatetime | None = None


async def replay(database: Database, wanted: Replay) -> dict[str, Any]:
    """Make due now what is `wanted`, whichever tenant's it is; answers how many deliveries."""
    async with database.begin() as session:
        tenants = [tenant.id for tenant in await tenant_store.tenants(session)]
    count = 0
    for tenant in tenants:
        async with database.begin(tenant) as session:
            if wanted.delivery is not None:
                count += await replays.of_delivery(session, tenant, wanted.delivery)
            elif wanted.endpoint is not None:
                count += await replays.of_endpoint(session, wanted.endpoint, since=wanted.since)
    return {"replayed": count}


def add_webhook_verbs(app: FastAPI, database: Database) -> None:
    """Let the operator's application answer `POST /webhook-replays`."""

    @app.post(ROUTE)
    async def replay_deliveries(body: Replay) -> dict[str, Any]:
        return await replay(database, body)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `python -m gateway webhook` takes."""
    parser.add_argument("action", choices=["replay"])
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--delivery", help="dlv_…: this one, whatever became of it")
    which.add_argument("--endpoint", help="whk_…: all that was parked on its way to it")
    parser.add_argument("--since", help="with --endpoint: parked since (2026-11-23T08:00:00Z)")


def asked(given: argparse.Namespace) -> dict[str, Any]:
    """Return the body that asks for what the operator gave."""
    return {"delivery": given.delivery, "endpoint": given.endpoint, "since": given.since}
