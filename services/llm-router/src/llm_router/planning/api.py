"""HTTP of planning."""

from typing import Annotated, Literal, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from keel.identifiers import RecipientId
from keel.passes import PassDep
from keel.problems import problems
from llm_router.catalogue.rules import DataCategory
from llm_router.deployments.rules import Closure, Deployment, Route
from llm_router.planning.rules import Plan, Rejected, Rejection
from llm_router.planning.service import Planning
from llm_router.problems import UnknownUseCase

router = APIRouter(prefix="/plans", tags=["plans"])

_Country = Annotated[str, Field(pattern=r"^(?:[A-Z]{2}|EEA)$", max_length=3)]


class PlanBody(BaseModel):
    """What is to be sent, and to whom it may go."""

    model_config = ConfigDict(extra="forbid")

    use_case: str = Field(max_length=40, pattern=r"^[a-z][a-z-]*$", examples=["cv-analysis"])
    data_categories: list[DataCategory] = Field(max_length=8)
    input_characters: int = Field(ge=0, le=100_000_000)
    allowed_recipients: list[RecipientId] | None = Field(
        default=None, max_length=200, description="null: nothing was said, so `route.local` only."
    )
    allowed_jurisdictions: list[_Country] | None = Field(default=None, max_length=60)


class Candidate(BaseModel):
    """A deployment that may serve."""

    deployment: str = Field(max_length=63)
    recipient: str = Field(max_length=67)
    legal_name: str | None = Field(max_length=200)
    jurisdictions: list[_Country] = Field(max_length=40)
    route: Route
    model: str = Field(max_length=200)
    model_provider: str | None = Field(max_length=60, description="Who made it; null: not told.")
    provider: str = Field(max_length=60, description="What it is spoken to as.")
    retention: str | None = Field(max_length=60)
    training_use: str | None = Field(max_length=60)
    transfer_mechanism: str = Field(max_length=20)

    @classmethod
    def of(cls, deployment: Deployment) -> Self:
        """Show a deployment."""
        return cls(
            deployment=deployment.id,
            recipient=deployment.recipient.id,
            legal_name=deployment.recipient.legal_name,
            jurisdictions=list(deployment.recipient.jurisdictions),
            route=deployment.route,
            model=deployment.model,
            model_provider=deployment.model_provider,
            provider="openai_compatible",
            retention=deployment.retention,
            training_use=deployment.training_use,
            transfer_mechanism=deployment.transfer_mechanism,
        )


class RejectedView(BaseModel):
    """A deployment that may not serve, and why."""

    deployment: str = Field(max_length=63)
    recipient: str = Field(max_length=67)
    reason: Rejection
    closure: Closure | None

    @classmethod
    def of(cls, rejected: Rejected) -> Self:
        """Show a rejection."""
        return cls(
            deployment=rejected.deployment.id,
            recipient=rejected.deployment.recipient.id,
            reason=rejected.reason,
            closure=rejected.closure,
        )


class PlanView(BaseModel):
    """Who may serve, best first, and who may not."""

    order: Literal["nearest_route_then_declared"] = "nearest_route_then_declared"
    candidates: list[Candidate] = Field(max_length=200)
    rejected: list[RejectedView] = Field(max_length=200)

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """Show a plan."""
        return cls(
            candidates=[Candidate.of(d) for d in plan.candidates],
            rejected=[RejectedView.of(r) for r in plan.rejected],
        )


def _planning(request: Request) -> Planning:
    planning: Planning = request.app.state.planning
    return planning


@router.post("", responses=problems(UnknownUseCase))
async def plan(
    body: PlanBody, _: PassDep, planning: Annotated[Planning, Depends(_planning)]
) -> PlanView:
    """Say which deployments may serve a use case, in order; nobody is called."""
    return PlanView.of(planning.planned(**body.model_dump()))
