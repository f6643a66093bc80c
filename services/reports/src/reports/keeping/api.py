"""Ending and keeping over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from keel.identifiers import BilanId, RetentionAgreementId
from keel.passes import PassDep
from keel.problems import NotFound, problems
from reports.ending.service import Destroyed, Destruction
from reports.keeping.service import Keeping, Kept, Scope

router = APIRouter(tags=["bilans"])


class Counts(BaseModel):
    """How much was destroyed, or is kept; a version counts once for each of its states."""

    model_config = ConfigDict(from_attributes=True)

    reports: int = Field(ge=0)
    versions: int = Field(ge=0)
    files: int = Field(ge=0)


class Agreed(BaseModel):
    """What the person agreed to leave with the centre after the end of their bilan."""

    model_config = ConfigDict(extra="forbid")

    agreement: RetentionAgreementId
    scope: Scope


def destruction(request: Request) -> Destruction:
    """Return the verb of ending."""
    state = request.app.state
    return Destruction(state.database, state.keys, state.endings, state.press)


def keeping(request: Request) -> Keeping:
    """Return the verbs of keeping."""
    state = request.app.state
    return Keeping(state.database, state.keys, state.endings)


DestructionDep = Annotated[Destruction, Depends(destruction)]
KeepingDep = Annotated[Keeping, Depends(keeping)]


@router.delete("/bilans/{bilan_id}", response_model=Counts, responses=problems(NotFound))
async def destroy_bilan(
    bilan_id: BilanId, admitted: PassDep, destruction: DestructionDep
) -> Destroyed:
    """Destroy the bilan's key and all that it sealed; the pass names the same bilan."""
    if bilan_id != admitted.subject_bilan:
        raise NotFound
    return await destruction.destroy(admitted.tenant, bilan_id)


@router.post("/bilans/{bilan_id}/keeping", response_model=Counts, responses=problems(NotFound))
async def keep_bilan(
    bilan_id: BilanId, body: Agreed, admitted: PassDep, keeping: KeepingDep
) -> Kept:
    """Seal the signed versions under a key of the agreement; the pass names the same bilan."""
    if bilan_id != admitted.subject_bilan:
        raise NotFound
    return await keeping.keep(admitted.tenant, bilan_id, body.agreement)


@router.delete("/kept/{agreement_id}", response_model=Counts, responses=problems(NotFound))
async def destroy_kept(
    agreement_id: RetentionAgreementId, admitted: PassDep, keeping: KeepingDep
) -> Kept:
    """Destroy what is kept of the pass's bilan under an agreement, its key first."""
    return await keeping.destroy(admitted.tenant, admitted.subject_bilan, agreement_id)
