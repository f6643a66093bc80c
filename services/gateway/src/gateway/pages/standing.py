"""What a person agreed to that still stands: no page says that nothing is sent while it does."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents.rules import ConsentStatus
from gateway.consents.service import Consents
from gateway.pages import views


async def what_stands(
    session: AsyncSession, consents: Consents, tenant: str, beneficiary: str, *, but: str = ""
) -> list[dict[str, Any]]:
    """Return the consents of a person that stand, as they read them, oldest first.

    `but` is one to leave out. An end that is first seen here locks its row: the caller holds the
    row of no consent, or those of all of them.
    """
    rows = await consents.of_beneficiary(session, tenant, beneficiary)
    states = [(row, consents.status_now(row)) for row in rows if row.id != but]
    return [
        {**views.agreed(row, state), "granted": views.granted(row)}
        for row, state in states
        if state is ConsentStatus.AUTHORISED
    ]
