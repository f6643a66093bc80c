"""What the last audit of the log found: one row a scope, which the figures show."""

from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.tables import LogAudit
from keel.database import Database

logger = structlog.get_logger()


class Scope(StrEnum):
    """How much was looked at."""

    WHOLE = "whole"
    """Every leaf of every log (`python -m gateway log audit`)."""
    EDGE = "edge"
    """The right edge, root and signature of the log that grows, as each start looks."""


class Verdict(StrEnum):
    """What an audit says."""

    CONSISTENT = "consistent"
    DAMAGED = "damaged"


async def note(
    database: Database, scope: Scope, verdict: Verdict, *, size: int, at: datetime
) -> None:
    """Write down what an audit found; one that cannot be written down is told all the same."""
    if verdict is Verdict.DAMAGED:
        logger.critical("log_is_damaged", scope=str(scope))
    row = LogAudit(scope=str(scope), ran_at=at, verdict=str(verdict), size=size)
    try:
        async with database.begin() as session:
            await session.merge(row)
    except Exception as error:  # noqa: BLE001 - whoever asked for the audit is owed its answer
        logger.warning("audit_not_noted", error=type(error).__name__)


async def last(session: AsyncSession) -> list[LogAudit]:
    """Return the last audit of each scope."""
    return list(await session.scalars(select(LogAudit).order_by(LogAudit.scope)))
