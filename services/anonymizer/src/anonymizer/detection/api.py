"""Which rules are in force, over HTTP."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from anonymizer.detection.ruleset import Ruleset
from keel.passes import PassDep

router = APIRouter(prefix="/ruleset", tags=["ruleset"])


class RulesetView(BaseModel):
    """The rules that find and mask; the version changes with any of them."""

    profile: str = Field(max_length=60)
    version: str = Field(max_length=60)
    digest: str = Field(max_length=64, description="SHA-256 over the rules, hex.")


def _in_force(request: Request) -> Ruleset:
    found: Ruleset = request.app.state.ruleset
    return found


@router.get("")
async def read_ruleset(_: PassDep, rules: Annotated[Ruleset, Depends(_in_force)]) -> RulesetView:
    """Say which rules are in force."""
    return RulesetView.model_validate(asdict(rules))
