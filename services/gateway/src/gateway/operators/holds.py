"""`python -m gateway tenant hold|release-hold|holds`: a proceeding delays a destruction."""

import argparse
from datetime import UTC, datetime, time
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import FastAPI
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.holds.rules import HoldReason
from gateway.holds.service import Holds
from gateway.tables import LegalHold
from keel.clock import rfc3339
from keel.database import Database
from keel.settings import SettingsRefused

ACTIONS = frozenset({"hold", "release-hold", "holds"})


class NewHold(BaseModel):
    """A hold to place. `reference` is for the operator alone; no log and no record shows it."""

    model_config = ConfigDict(extra="forbid")

    reason: HoldReason
    until: AwareDatetime
    reference: Annotated[
        str | None, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
    ] = None


def _line(hold: LegalHold) -> dict[str, Any]:
    return {
        "hold": hold.id,
        "tenant": hold.tenant,
        "reason": hold.reason,
        "since": rfc3339(hold.starts_at),
        "until": rfc3339(hold.ends_at),
        "lifted_at": None if hold.lifted_at is None else rfc3339(hold.lifted_at),
    }


async def place(database: Database, holds: Holds, tenant: str, wanted: NewHold) -> dict[str, Any]:
    """Place a hold."""
    async with database.begin(tenant) as session:
        hold = await holds.place(
            session, tenant, wanted.reason, wanted.until, reference=wanted.reference
        )
        return _line(hold)


async def release(database: Database, holds: Holds, tenant: str, hold: str) -> dict[str, Any]:
    """Lift a hold."""
    async with database.begin(tenant) as session:
        return _line(await holds.lift(session, tenant, hold))


async def listed(database: Database, holds: Holds, tenant: str) -> list[dict[str, Any]]:
    """List the holds of a tenant with the operator's references."""
    async with database.begin(tenant) as session:
        return [
            _line(hold) | {"reference": await holds.reference(session, hold)}
            for hold in await holds.of_tenant(session, tenant)
        ]


def add_hold_verbs(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the application's own
    """Add what an operator can do about legal holds."""

    @app.post("/tenants/{tenant}/holds", status_code=201)
    async def place_hold(tenant: str, body: NewHold) -> dict[str, Any]:
        return await place(state.database, state.holds, tenant, body)

    @app.get("/tenants/{tenant}/holds")
    async def list_holds(tenant: str) -> list[dict[str, Any]]:
        return await listed(state.database, state.holds, tenant)

    @app.delete("/tenants/{tenant}/holds/{hold}")
    async def release_hold(tenant: str, hold: str) -> dict[str, Any]:
        return await release(state.database, state.holds, tenant, hold)


def arguments(actions: Any) -> None:  # noqa: ANN401 - argparse's own, which it does not export
    """Declare the three verbs beside those of `tenant`."""
    hold = actions.add_parser("hold", help="let nothing of a tenant be destroyed, for a time")
    hold.add_argument("--tenant", required=True)
    hold.add_argument("--reason", required=True, choices=[str(r) for r in HoldReason])
    hold.add_argument("--until", required=True, help="2027-06-30, or an instant with its zone")
    hold.add_argument("--reference", help="your own: at most 100 characters, shown by `holds` only")
    release_ = actions.add_parser("release-hold", help="lift a hold before its end")
    release_.add_argument("hold")
    release_.add_argument("--tenant", required=True)
    holds = actions.add_parser("holds", help="show a tenant's holds, also those that are over")
    holds.add_argument("--tenant", required=True)


def asked(given: argparse.Namespace) -> tuple[str, str, dict[str, Any] | None]:
    """Return the method, the route and the body that do what the operator gave."""
    route = f"/tenants/{quote(given.tenant, safe='')}/holds"
    if given.action == "holds":
        return "GET", route, None
    if given.action == "release-hold":
        return "DELETE", f"{route}/{quote(given.hold, safe='')}", None
    body = {"reason": given.reason, "until": _instant(given.until), "reference": given.reference}
    return "POST", route, body


def _instant(text: str) -> str:
    """Return an instant; a day alone means its end in UTC."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise SettingsRefused("Give `--until` as 2027-06-30 or 2027-06-30T12:00:00Z.") from None
    if given.tzinfo is None:
        given = datetime.combine(given, time(23, 59, 59), UTC)
    return rfc3339(given)
