"""The verb of trainings: suggest certifications for an occupation."""

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from labour_market.occupations.catalogue import Occupation
from labour_market.trainings import store
from labour_market.trainings.rules import Certification, suggestible


async def suggest(
    session: AsyncSession, occupation: Occupation, *, on: date
) -> list[Certification]:
    """Return certifications that lead to the occupation and are open on a day."""
    codes = {occupation.code, occupation.family}
    return suggestible(await store.linked(session, codes), on=on.isoformat())
