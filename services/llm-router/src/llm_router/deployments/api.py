"""HTTP of deployments: who may receive data."""

from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from keel.passes import PassDep
from llm_router.deployments.rules import Deployment, Route, configuration_of
from llm_router.deployments.service import Deployments

router = APIRouter(prefix="/recipients", tags=["recipients"])

_Code = Annotated[str, Field(max_length=60)]
_FARTHEST_FIRST = tuple(reversed(Route))


class Recipient(BaseModel):
    """Who receives data. Of several deployments, the farthest route and each answer are told."""

    id: str = Field(max_length=67)
    legal_name: str | None = Field(max_length=200)
    role: str | None = Field(max_length=20)
    jurisdictions: list[_Code] = Field(max_length=40)
    operator_home: str | None = Field(max_length=3)
    route: Route
    retention: str | None = Field(max_length=200)
    training_use: str | None = Field(max_length=200)
    deployments: list[_Code] = Field(max_length=200)
    configuration: str = Field(
        max_length=64,
        description="SHA-256, hex, over what is configured of them: models, addresses, terms.",
    )

    @classmethod
    def of(cls, group: list[Deployment]) -> Self:
        """Show who stands behind a group of deployments."""
        recipient = group[0].recipient
        return cls(
            id=recipient.id,
            legal_name=recipient.legal_name,
            role=recipient.role,
            jurisdictions=list(recipient.jurisdictions),
            operator_home=recipient.operator_home,
            route=min((d.route for d in group), key=_FARTHEST_FIRST.index),
            retention=_told({d.retention for d in group}),
            training_use=_told({d.training_use for d in group}),
            deployments=[d.id for d in group],
            configuration=configuration_of(group),
        )


class RecipientList(BaseModel):
    """Who may receive data."""

    items: list[Recipient] = Field(max_length=200)


def _told(answers: set[str | None]) -> str | None:
    # One answer left open leaves the whole open: nobody may read « none » into a silence.
    return None if None in answers else ", ".join(sorted(a for a in answers if a))[:200]


def _deployments(request: Request) -> Deployments:
    deployments: Deployments = request.app.state.deployments
    return deployments


@router.get("")
async def list_recipients(
    _: PassDep, deployments: Annotated[Deployments, Depends(_deployments)]
) -> RecipientList:
    """List who may receive data, with what is known of them."""
    groups = deployments.by_recipient().values()
    return RecipientList(items=[Recipient.of(group) for group in groups])
