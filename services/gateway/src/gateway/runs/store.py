"""Rows of runs."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.runs.rules import RunStatus
from gateway.tables import Record, Run


async def add(session: AsyncSession, run: Run) -> None:
    """Insert a run."""
    session.add(run)
    await session.flush()


async def find(
    session: AsyncSession, tenant: str, run_id: str, *, locked: bool = False
) -> Run | None:
    """Return a run of the tenant."""
    return await session.get(Run, (tenant, run_id), with_for_update=locked or None)


async def say_alive(session: AsyncSession, tenant: str, run_id: str, at: datetime) -> None:
    """Note that somebody is still at a run that runs."""
    await session.execute(
        update(Run)
        .where(Run.tenant == tenant, Run.id == run_id, Run.status == str(RunStatus.RUNNING))
        .values(alive_at=at)
    )


async def left_running(session: AsyncSession, tenant: str, silent_since: datetime) -> Sequence[Run]:
    """Return the runs that nobody was at since an instant, locked; what another holds is left."""
    query = (
        select(Run)
        .where(
            Run.tenant == tenant,
            Run.status == str(RunStatus.RUNNING),
            Run.alive_at <= silent_since,
        )
        .with_for_update(skip_locked=True)
    )
    return (await session.scalars(query)).all()


async def may_own(session: AsyncSession, dispatch: Record) -> bool:
    """Say whether a run still runs whose dispatch this may be: of its bilan, and begun before."""
    query = select(Run.id).where(
        Run.tenant == dispatch.tenant,
        Run.bilan == dispatch.bilan,
        Run.status == str(RunStatus.RUNNING),
        Run.created_at <= dispatch.occurred_at,
    )
    return (await session.scalars(query.limit(1))).first() is not None


async def running(session: AsyncSession, tenant: str, bilans: Sequence[str]) -> int:
    """Count the runs of some bilans that run."""
    query = select(func.count()).where(
        Run.tenant == tenant, Run.bilan.in_(bilans), Run.status == str(RunStatus.RUNNING)
    )
    return int(await session.scalar(query.select_from(Run)) or 0)
