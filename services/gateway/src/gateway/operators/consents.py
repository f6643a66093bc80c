"""`python -m gateway consent withdraw`: an operator ends a consent on the person's behalf.

Nobody asks for a reason, and nobody can give a consent in a person's place: there is no verb for
that (consent profile, section 2.1).
"""

import argparse
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI

from gateway.consents.rules import EndReason
from gateway.consents.service import Consents
from gateway.tables import Beneficiary, Consent
from keel.clock import rfc3339
from keel.database import Database
from keel.problems import NotFound

_BY_OPERATOR = EndReason.WITHDRAWN_BY_OPERATOR


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `consent` takes."""
    actions = parser.add_subparsers(dest="action", required=True)
    withdraw = actions.add_parser("withdraw", help="end a consent at once, and what runs on it")
    withdraw.add_argument("--tenant", required=True)
    which = withdraw.add_mutually_exclusive_group(required=True)
    which.add_argument("consent", nargs="?", help="one consent")
    which.add_argument("--beneficiary", help="every consent of this person")


def route(asked: argparse.Namespace) -> str:
    """Return the route whose DELETE does what was asked."""
    tenant = f"/tenants/{quote(asked.tenant, safe='')}"
    if asked.consent is None:
        return f"{tenant}/beneficiaries/{quote(asked.beneficiary, safe='')}/consents"
    return f"{tenant}/consents/{quote(asked.consent, safe='')}"


def _line(consent: Consent) -> dict[str, Any]:
    ended = None if consent.ended_at is None else rfc3339(consent.ended_at)
    return {"consent": consent.id, "end_reason": consent.end_reason, "ended_at": ended}


async def withdraw(
    database: Database, consents: Consents, tenant: str, consent: str
) -> list[dict[str, Any]]:
    """End one consent; with the commit, what runs on it is cancelled.

    Raises:
        NotFound: the tenant has no such consent.
        ConsentState: it ended earlier, or was never given.
    """
    async with database.begin(tenant) as session:
        ended = await consents.withdraw_one(session, tenant, consent, reason=_BY_OPERATOR)
        return [_line(ended)]


async def withdraw_all(
    database: Database, consents: Consents, tenant: str, beneficiary: str
) -> list[dict[str, Any]]:
    """End every consent of a person; an empty list when none stood.

    Raises:
        NotFound: the tenant has no such person.
    """
    async with database.begin(tenant) as session:
        if await session.get(Beneficiary, (tenant, beneficiary)) is None:
            raise NotFound(f"The tenant {tenant} has no beneficiary {beneficiary}.")
        ended = await consents.withdraw_all(session, tenant, beneficiary, reason=_BY_OPERATOR)
        every = await consents.of_beneficiary(session, tenant, beneficiary)
        return [_line(row) for row in every if row.id in ended]


def add_consent_verbs(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the application's own
    """Add what an operator can do to consents: end them."""

    @app.delete("/tenants/{tenant}/consents/{consent}")
    async def withdraw_consent(tenant: str, consent: str) -> list[dict[str, Any]]:
        return await withdraw(state.database, state.consents, tenant, consent)

    @app.delete("/tenants/{tenant}/beneficiaries/{beneficiary}/consents")
    async def withdraw_consents(tenant: str, beneficiary: str) -> list[dict[str, Any]]:
        return await withdraw_all(state.database, state.consents, tenant, beneficiary)
