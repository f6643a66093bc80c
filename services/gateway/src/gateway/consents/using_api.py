"""Using a consent: draw its token, and ask beforehand what a call would need."""

from typing import Any

from fastapi import APIRouter

from gateway.access import ConsentUserDep
from gateway.consents.rules import Asked, Narrower
from gateway.consents.shapes import (
    ConsentToken,
    NarrowerToken,
    PlannedCall,
    SimulationView,
)
from gateway.consents.vocabulary import vocabulary
from gateway.edge.strict import StrictRoute
from gateway.problems import (
    CategoryNotCovered,
    ConsentBinding,
    ConsentExpired,
    ConsentNotAuthorised,
    ConsentRevoked,
    ConsentTokenTooLarge,
    InputNeeded,
    JurisdictionNotCovered,
    ProcessingRestricted,
    PurposeNotCovered,
    RecipientNotCovered,
    VocabularyUnknown,
)
from gateway.wiring import BilansDep, ConsentsDep, DatabaseDep, PeopleDep, ServicesDep
from keel.identifiers import ConsentId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1", tags=["consent"], route_class=StrictRoute)
"""Neither creates anything that a repeat could double, so neither takes an Idempotency-Key."""


@router.post(
    "/consents/{consent_id}/token",
    responses=problems(
        NotFound,
        ConsentBinding,
        ConsentRevoked,
        ConsentExpired,
        ConsentNotAuthorised,
        PurposeNotCovered,
        CategoryNotCovered,
        RecipientNotCovered,
        JurisdictionNotCovered,
        ConsentTokenTooLarge,
        ProcessingRestricted,
    ),
)
async def draw_consent_token(
    consent_id: ConsentId,
    database: DatabaseDep,
    consents: ConsentsDep,
    people: PeopleDep,
    caller: ConsentUserDep,
    body: NarrowerToken | None = None,
) -> ConsentToken:
    """Draw a consent token, for all of the consent or for less of it.

    It never permits what the consent no longer permits.
    """
    async with database.begin(caller.tenant) as session:
        consent = await consents.find(session, caller.tenant, consent_id)
        # After the row was read: a restriction that commits in between raised its epoch.
        await people.require_unrestricted(session, caller.tenant, consent.beneficiary, ai=True)
    # Refused after the commit: an expiry that was first seen stays written down.
    drawn = consents.draw_token(caller, consent, _narrower(body))
    return ConsentToken(consent_token=drawn.token, expires_in=drawn.expires_in)


def _narrower(body: NarrowerToken | None) -> Narrower:
    if body is None:
        return Narrower()
    sides = body.model_dump(exclude_none=True)
    return Narrower(**{side: frozenset(items) for side, items in sides.items()})


@router.post(
    "/consent-simulations",
    response_model=SimulationView,
    responses=problems(NotFound, InputNeeded, VocabularyUnknown),
)
async def simulate_call(
    body: PlannedCall,
    database: DatabaseDep,
    services: ServicesDep,
    bilans: BilansDep,
    people: PeopleDep,
    consents: ConsentsDep,
    caller: ConsentUserDep,
) -> dict[str, Any]:
    """Say whether a planned call would be let out now, and exactly what is missing.

    Nothing is written and nothing is permitted: the gate asks again when the call is made.
    """
    recipients = await services.recipients(caller)
    async with database.begin(caller.tenant) as session:
        named = body.consent and await consents.peek(session, caller.tenant, body.consent)
        bilan_id = body.bilan or (named and named.bilan)
        if not bilan_id:
            raise InputNeeded("Name a `bilan` or a `consent`.")
        bilan = await bilans.find(session, caller.tenant, bilan_id)
        if named and named.bilan != bilan.id:
            raise NotFound
        stopped = await people.stopped(session, caller.tenant, bilan.beneficiary, ai=True)
        found = await consents.simulate(
            session,
            caller,
            bilan,
            _asked(body, recipients),
            consent=named or None,
            restricted=None if stopped is None else str(stopped),
        )
    return {
        "allowed": found.allowed,
        "missing": [{"code": m.code, "items": m.items} for m in found.missing],
        "consent": found.consent,
        "epoch": found.epoch,
        "checked_at": found.checked_at,
    }


def _asked(body: PlannedCall, recipients: dict[str, dict[str, Any]]) -> Asked:
    """Return the call as the gate would be asked; its places are those of the registry."""
    words = vocabulary()
    if body.purpose not in words.purposes:
        raise VocabularyUnknown("See GET /v1/vocabulary for the purposes.")
    if not set(body.data_categories) <= set(words.data_categories):
        raise VocabularyUnknown("See GET /v1/vocabulary for the data categories.")
    if body.recipient not in recipients:
        raise VocabularyUnknown("See GET /v1/recipients for the recipients.")
    return Asked(
        purpose=body.purpose,
        data_categories=frozenset(body.data_categories),
        recipient=body.recipient,
        jurisdictions=frozenset(recipients[body.recipient]["jurisdictions"]),
    )
