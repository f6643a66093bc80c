"""Reading what a person contested: by the counsellor who conducts their bilan."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field

from gateway.access import RunCallerDep
from gateway.contestations.service import MAX_CHARACTERS
from gateway.edge.listing import DEFAULT_LIMIT, Limit, cut
from gateway.problems import CounsellorNeeded, SecrecyNoticeNeeded
from gateway.wiring import BilansDep, ContestationsDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, BilanId, ContestationId, RecordId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/contestations", tags=["runs"])


class ContestationView(BaseModel):
    """What a person says about one use of AI. `text` is null once their key was destroyed."""

    id: ContestationId
    beneficiary: BeneficiaryId
    bilan: BilanId
    contested: RecordId
    record: RecordId
    text: str | None = Field(max_length=MAX_CHARACTERS)
    created_at: AwareDatetime


class ContestationPage(BaseModel):
    """Contestations in the order of time; `next` is the cursor of the following page."""

    items: list[ContestationView] = Field(max_length=200)
    next: ContestationId | None = None


@router.get("", responses=problems(NotFound, CounsellorNeeded, SecrecyNoticeNeeded))
async def list_contestations(
    session: SessionDep,
    bilans: BilansDep,
    contestations: ContestationsDep,
    caller: RunCallerDep,
    bilan: Annotated[BilanId, Query(description="The bilan; one of its counsellors calls.")],
    after: ContestationId | None = None,
    limit: Limit = DEFAULT_LIMIT,
) -> ContestationPage:
    """List what the beneficiary contested in a bilan, for a counsellor who conducts it."""
    found = await bilans.find(session, caller.tenant, bilan)
    await bilans.require_assigned(session, caller, found)
    rows = await contestations.of_bilan(session, found, after=after, limit=limit)
    shown, following = cut(rows, limit)
    items = [
        ContestationView(
            id=row.id,
            beneficiary=row.beneficiary,
            bilan=row.bilan,
            contested=row.contested,
            record=row.record,
            text=await contestations.text(session, row),
            created_at=row.created_at,
        )
        for row in shown
    ]
    return ContestationPage(items=items, next=following)
