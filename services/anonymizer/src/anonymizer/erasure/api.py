"""Erasure over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from anonymizer.erasure.service import Erased, Erasures
from keel.identifiers import BilanId
from keel.passes import PassDep
from keel.problems import NotFound, problems

router = APIRouter(prefix="/bilans", tags=["bilans"])


class Erasure(BaseModel):
    """How much was destroyed."""

    model_config = ConfigDict(from_attributes=True)

    documents: int = Field(ge=0)
    surrogates: int = Field(ge=0)


def _erasures(request: Request) -> Erasures:
    found: Erasures = request.app.state.erasures
    return found


ErasuresDep = Annotated[Erasures, Depends(_erasures)]


@router.delete("/{bilan_id}", response_model=Erasure, responses=problems(NotFound))
async def destroy_bilan(bilan_id: BilanId, admitted: PassDep, erasures: ErasuresDep) -> Erased:
    """Destroy the bilan's key, its documents and its vault; the pass names the same bilan."""
    if bilan_id != admitted.subject_bilan:
        raise NotFound
    return await erasures.erase(admitted.tenant, bilan_id)
