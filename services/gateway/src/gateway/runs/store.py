"""Rows of runs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.runs.rules import RunStatus
from gateway.tables import Run


async def add(session: AsyncSession, run: Run) -> None:
    """Insert a run."""
    session.add(run)
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, run_id: str, *, locked: bool = False
) -> Run | None:
    """Return a run of the tenant."""
    return await session.get(Run, (tenant, run_id), with_for_update=locked or None)


async def left_running(session: AsyncSession, before: datetime) -> Sequence[Run]:
    """Return the runs from before an instant that never came to an end."""
    query = select(Run).where(Run.status == str(RunStatus.RUNNING), Run.created_at <= before)
    return (await session.scalars(query)).all()
