"""Whether an agreement of the person keeps something of a bilan that is closed (R6313-7)."""

from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.problems import BilanNotOpen
from gateway.retention.rules import RetentionScope, last_day
from gateway.shares.rules import AnswerStatus
from gateway.tables import Bilan, RetentionAgreement
from keel.clock import utc_now


async def require_kept(
    session: AsyncSession,
    bilan: Bilan,
    *scopes: RetentionScope,
    at: datetime | None = None,
) -> None:
    """Refuse to read of a closed bilan what no agreement keeps now.

    Raises:
        BilanNotOpen: none of these scopes is agreed to, or its time is over: three years after
            the bilan at the latest, whatever the agreement says (LR-A15).
    """
    at = at or utc_now()
    allowed = at.astimezone(UTC).date() <= last_day(date.fromisoformat(bilan.ends_on))
    live = select(RetentionAgreement.id).where(
        RetentionAgreement.tenant == bilan.tenant,
        RetentionAgreement.bilan == bilan.id,
        RetentionAgreement.scope.in_([str(scope) for scope in scopes]),
        RetentionAgreement.status == str(AnswerStatus.AGREED),
        RetentionAgreement.ends_at > at,
    )
    if not allowed or await session.scalar(live.limit(1)) is None:
        raise BilanNotOpen("The bilan is closed, and the person agreed to keep nothing of this.")
