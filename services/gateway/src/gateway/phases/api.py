"""Phases and interviews of a bilan: three phases, in order, each closed by a counsellor."""

from datetime import date
from enum import StrEnum
from typing import Any

from fastapi import APIRouter, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gateway.access import BilanCallerDep
from gateway.edge.idempotency import IdempotentRoute
from gateway.phases.rules import AIMS, Aim, BilanPhase, PhaseStatus
from gateway.phases.service import Held, Story
from gateway.problems import (
    BilanNotOpen,
    CosignatureNeeded,
    CounsellorNeeded,
    HoursExceeded,
    InterviewDate,
    InterviewNeeded,
    PhaseAimsMissing,
    PhaseOrder,
    ProcessingRestricted,
    SecrecyNoticeNeeded,
)
from gateway.tables import Interview
from gateway.wiring import PhasesDep
from keel.database import SessionDep
from keel.identifiers import BilanId, CounsellorId, InterviewId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/bilans", tags=["bilans"], route_class=IdempotentRoute)


class InterviewFormat(StrEnum):
    """How people met."""

    IN_PERSON = "in_person"
    VIDEO = "video"
    TELEPHONE = "telephone"


class InterviewHeld(BaseModel):
    """An interview that was held; what was said stays between the two."""

    model_config = ConfigDict(extra="forbid")

    phase: BilanPhase
    held_on: date
    minutes: int = Field(ge=1, le=600)
    format: InterviewFormat
    individual: bool


class InterviewView(BaseModel):
    """An interview."""

    model_config = ConfigDict(from_attributes=True)

    id: InterviewId
    phase: BilanPhase
    held_on: date
    minutes: int = Field(ge=1, le=600)
    format: InterviewFormat
    individual: bool
    counsellor: CounsellorId
    recorded_at: AwareDatetime


class NewClosing(BaseModel):
    """That a phase reached its legal aims; the first one also when it was co-signed (LR-A09)."""

    model_config = ConfigDict(extra="forbid")

    aims: list[Aim] = Field(min_length=1, max_length=10)
    cosigned_on: date | None = None


class PhaseView(BaseModel):
    """One phase. `aims` are those met; `legal_aims` lists what closes it, all of one list."""

    phase: BilanPhase
    status: PhaseStatus
    legal_aims: list[list[Aim]] = Field(max_length=2)
    aims: list[Aim] = Field(max_length=10)
    cosigned_on: date | None
    closed_by: CounsellorId | None
    closed_at: AwareDatetime | None
    interviews: list[InterviewView] = Field(max_length=1440)


class PhaseList(BaseModel):
    """The three phases in their order, and the minutes of interviews so far."""

    items: list[PhaseView] = Field(max_length=3)
    minutes: int = Field(ge=0, le=1440)
    planned_minutes: int = Field(ge=1, le=1440)


def _view(story: Story, phase: BilanPhase) -> dict[str, Any]:
    closed = next((row for row in story.closed if row.phase == phase), None)
    return {
        "phase": phase,
        "status": story.course.status(phase),
        "legal_aims": [sorted(wanted) for wanted in AIMS[phase]],
        "aims": [] if closed is None else closed.aims,
        "cosigned_on": None if closed is None else closed.cosigned_on,
        "closed_by": None if closed is None else closed.closed_by,
        "closed_at": None if closed is None else closed.closed_at,
        "interviews": [
            InterviewView.model_validate(held) for held in story.interviews if held.phase == phase
        ],
    }


@router.get("/{bilan_id}/phases", response_model=PhaseList, responses=problems(NotFound))
async def list_phases(
    bilan_id: BilanId, session: SessionDep, phases: PhasesDep, caller: BilanCallerDep
) -> dict[str, Any]:
    """Return the three phases, what closes each, and the interviews held."""
    story = await phases.of(session, caller.tenant, bilan_id)
    return {
        "items": [_view(story, phase) for phase in BilanPhase],
        "minutes": story.course.minutes,
        "planned_minutes": story.course.planned_minutes,
    }


@router.post(
    "/{bilan_id}/interviews",
    status_code=status.HTTP_201_CREATED,
    response_model=InterviewView,
    responses=problems(
        NotFound,
        CounsellorNeeded,
        SecrecyNoticeNeeded,
        BilanNotOpen,
        ProcessingRestricted,
        PhaseOrder,
        HoursExceeded,
        InterviewDate,
    ),
)
async def record_interview(
    bilan_id: BilanId,
    body: InterviewHeld,
    session: SessionDep,
    phases: PhasesDep,
    caller: BilanCallerDep,
) -> Interview:
    """Record an interview of the current phase, on behalf of the counsellor who held it."""
    return await phases.record_interview(session, caller, bilan_id, Held(**body.model_dump()))


@router.post(
    "/{bilan_id}/phases/{phase}/closing",
    status_code=status.HTTP_201_CREATED,
    response_model=PhaseView,
    responses=problems(
        NotFound,
        CounsellorNeeded,
        SecrecyNoticeNeeded,
        BilanNotOpen,
        ProcessingRestricted,
        PhaseOrder,
        PhaseAimsMissing,
        CosignatureNeeded,
        InterviewNeeded,
        InterviewDate,
    ),
)
async def close_phase(
    bilan_id: BilanId,
    phase: BilanPhase,
    body: NewClosing,
    session: SessionDep,
    phases: PhasesDep,
    caller: BilanCallerDep,
) -> dict[str, Any]:
    """Close a phase once its legal aims are met; nothing but a counsellor closes one."""
    await phases.close(
        session, caller, bilan_id, phase, aims=body.aims, cosigned_on=body.cosigned_on
    )
    return _view(await phases.of(session, caller.tenant, bilan_id), phase)
