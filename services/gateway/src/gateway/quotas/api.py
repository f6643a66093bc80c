"""What was used of the contract."""

from fastapi import APIRouter, Request
from pydantic import AwareDatetime, BaseModel, Field

from gateway.access import UsageReaderDep
from gateway.quotas.rules import QuotaKind
from gateway.quotas.service import UsageOfMonth
from gateway.wiring import QuotasDep
from keel.problems import problems

router = APIRouter(prefix="/v1", tags=["usage"])


class UsageView(BaseModel):
    """What was used of one quota in one month (UTC)."""

    kind: QuotaKind
    period: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}$", examples=["2026-11"])
    used: int = Field(ge=0, description="Used; other replicas tell within a minute.")
    reserved: int = Field(ge=0, description="Used, or set aside by a replica for what comes next.")
    limit: int | None = Field(ge=0, description="What the contract allows; null: no limit.")
    ends_at: AwareDatetime = Field(description="When the month is over and the count begins anew.")


class UsageList(BaseModel):
    """What was used this month."""

    items: list[UsageView] = Field(max_length=20)


@router.get("/usage", responses=problems())
async def read_usage(request: Request, quotas: QuotasDep, caller: UsageReaderDep) -> UsageList:
    """Return what was used this month, what is reserved, and what the contract allows."""
    for kind in QuotaKind:
        quotas.tell(request, caller.tenant, kind)
    items = [_view(usage) for usage in await quotas.read(caller.tenant)]
    return UsageList(items=items)


def _view(usage: UsageOfMonth) -> UsageView:
    return UsageView(
        kind=usage.kind,
        period=usage.period,
        used=usage.used,
        reserved=usage.reserved,
        limit=usage.limit,
        ends_at=usage.ends_at,
    )
