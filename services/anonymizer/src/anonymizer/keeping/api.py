"""Keeping over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from anonymizer.keeping.service import Keeping, Kept, Scope
from keel.identifiers import BilanId, RetentionAgreementId
from keel.passes import PassDep
from keel.problems import NotFound, problems

router = APIRouter(tags=["bilans"])


class Agreed(BaseModel):
    """What the person agreed to leave with the centre after the end of their bilan."""

    model_config = ConfigDict(extra="forbid")

    agreement: RetentionAgreementId
    scope: Scope


class KeptCounts(BaseModel):
    """How much is kept, or was destroyed of it."""

    model_config = ConfigDict(from_attributes=True)

    documents: int = Field(ge=0)
    surrogates: int = Field(ge=0)


def _keeping(request: Request) -> Keeping:
    found: Keeping = request.app.state.keeping
    return found


KeepingDep = Annotated[Keeping, Depends(_keeping)]


@router.post("/bilans/{bilan_id}/keeping", response_model=KeptCounts, responses=problems(NotFound))
async def keep_bilan(
    bilan_id: BilanId, body: Agreed, admitted: PassDep, keeping: KeepingDep
) -> Kept:
    """Seal what was agreed to be kept under a key of its own; the pass names the same bilan."""
    if bilan_id != admitted.subject_bilan:
        raise NotFound
    return await keeping.keep(admitted.tenant, bilan_id, body.agreement, body.scope)


@router.delete("/kept/{agreement_id}", response_model=KeptCounts, responses=problems(NotFound))
async def destroy_kept(
    agreement_id: RetentionAgreementId, admitted: PassDep, keeping: KeepingDep
) -> Kept:
    """Destroy what is kept of the pass's bilan under an agreement, its key first."""
    return await keeping.destroy(admitted.tenant, admitted.subject_bilan, agreement_id)
