"""Rows of what was last recorded of each component."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.records.rules import DEPLOYMENT
from gateway.tables import RecordedVersion


async def known(session: AsyncSession, prefix: str) -> Sequence[RecordedVersion]:
    """Return what was last recorded of the components of one kind."""
    query = select(RecordedVersion).where(
        RecordedVersion.tenant == DEPLOYMENT,
        RecordedVersion.component.startswith(prefix, autoescape=True),
    )
    return (await session.scalars(query)).all()


async def hold(session: AsyncSession, component: str) -> RecordedVersion:
    """Return the row of a component, held to the end of the transaction; made where it is not."""
    key = (DEPLOYMENT, component)
    if await session.get(RecordedVersion, key) is None:
        try:
            async with session.begin_nested():
                session.add(RecordedVersion(tenant=DEPLOYMENT, component=component))
        except IntegrityError:  # another replica saw it at the same time
            session.expunge_all()
    row = await session.get(RecordedVersion, key, with_for_update=True, populate_existing=True)
    if row is None:  # pragma: no cover - nobody deletes one
        raise LookupError(component)
    return row
