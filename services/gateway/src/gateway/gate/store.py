"""Rows of the gate: how often it said no."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import RefusalCount


async def refusals_to_record(
    session: AsyncSession, tenant: str, consent: str, code: str, *, minute: datetime
) -> int | None:
    """Count a refusal; the caller holds the consent's row.

    Returns how many refusals of this code no record tells of yet, this one left out, when it is
    the first of its minute and so to be recorded; None when its minute has its record.
    """
    counted = await session.get(RefusalCount, (tenant, consent, code))
    if counted is None:
        session.add(
            RefusalCount(tenant=tenant, consent=consent, code=code, minute=minute, since_last=0)
        )
        await session.flush()
        return 0
    # `>=`: where the clock went back, the record of the later minute counts for this one too.
    if counted.minute >= minute:
        counted.since_last += 1
        await session.flush()
        return None
    untold, counted.minute, counted.since_last = counted.since_last, minute, 0
    await session.flush()
    return untold
