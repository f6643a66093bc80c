"""How a run's end is told, whoever ended it."""

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.events.service import EventKind, Events
from gateway.tables import Run


async def tell(events: Events, session: AsyncSession, run: Run) -> None:
    """Say how a run ended, in the transaction in which it does."""
    kind = EventKind(f"run.{run.status}")
    ids = {"run": run.id, "bilan": run.bilan, "beneficiary": run.beneficiary}
    await events.emit(session, run.tenant, kind, secret=None, **ids)
