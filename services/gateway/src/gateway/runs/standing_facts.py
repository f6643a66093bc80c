"""What stands in our own rows of a use of AI: under whom, in which phase, who reviews it."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.counsellors import store as counsellor_store
from gateway.phases import store as phase_store
from gateway.runs.facts import deployer, phase
from gateway.tenants import store as tenant_store
from gateway.tenants.service import Caller


async def standing_facts(session: AsyncSession, tenant: str, bilan: str) -> dict[str, Any]:
    """Return the centre and the phase of a bilan, from the phases that were really closed."""
    centre = await tenant_store.find_tenant(session, tenant)
    closed = await phase_store.closed(session, tenant, bilan)
    return {**deployer(tenant, None if centre is None else centre.siren), **phase(len(closed))}


async def reviewer_facts(session: AsyncSession, caller: Caller, at: datetime) -> dict[str, Any]:
    """Return who reviews: the role, and the training on AI that is valid that day, if any."""
    if caller.counsellor is None:
        return {}
    training = await counsellor_store.ai_training(
        session, caller.tenant, caller.counsellor, on=at.date().isoformat()
    )
    return {
        "reviewer_ref": caller.counsellor,
        "reviewer_role": "conseiller",
        "reviewer_training_ref": None if training is None else training.code,
    }
