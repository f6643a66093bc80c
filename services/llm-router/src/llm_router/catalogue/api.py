"""HTTP of the catalogue."""

from importlib.metadata import version
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, Path, Request
from pydantic import BaseModel, Field

from keel.passes import PassDep
from keel.problems import problems
from llm_router.catalogue import rules
from llm_router.catalogue.rules import (
    Actor,
    DataCategory,
    Mode,
    Oversight,
    Phase,
    Purpose,
    RiskClass,
    Schema,
    Sensitivity,
)
from llm_router.catalogue.service import UseCases
from llm_router.problems import UnknownUseCase

router = APIRouter(prefix="/use-cases", tags=["use-cases"])

_SYSTEM = "llm-router"
UseCaseId = Annotated[str, Path(max_length=40, pattern=r"^[a-z][a-z-]*$")]


class SchemaView(BaseModel):
    """A JSON Schema (2020-12) and the id that records name it by."""

    id: str = Field(max_length=100)
    document: dict[str, Any]

    @classmethod
    def of(cls, schema: Schema) -> Self:
        """Show a schema."""
        return cls(id=schema.id, document=dict(schema.document))


class UseCase(BaseModel):
    """One use case; texts for people are in French."""

    id: str = Field(max_length=40)
    catalogue_id: str = Field(max_length=5, examples=["UC-05"])
    version: str = Field(max_length=20)
    title: str = Field(max_length=120)
    summary: str = Field(max_length=600)
    phase: Phase
    actor: Actor
    purpose: Purpose
    sensitivity: Sensitivity
    oversight: Oversight
    modes: list[Mode] = Field(max_length=2)
    data_categories: list[DataCategory] = Field(max_length=8)
    without_ai: str = Field(max_length=600, description="The way of doing it with no AI at all.")
    local_only: bool
    necessity_code: str = Field(max_length=60)
    risk_class: RiskClass
    output_schema_id: str = Field(max_length=100)
    output_schema: dict[str, Any] = Field(
        description="Of the assisted output where there is one, else of the computed one."
    )
    output_schemas: dict[Mode, SchemaView] = Field(max_length=2)
    input_schema: dict[str, Any] | None = Field(description="Of an assisted attempt's inputs.")
    system_id: str = Field(max_length=40, description="What serves it.")
    system_version: str = Field(max_length=40, description="Of the software that serves it.")
    prompt_version: str | None = Field(max_length=20)
    prompt_digest: str | None = Field(max_length=64, description="SHA-256, hex.")

    @classmethod
    def of(cls, use_case: rules.UseCase) -> Self:
        """Show a use case."""
        assistance = use_case.assistance
        prompt = assistance.prompt.identity if assistance else None
        return cls(
            id=use_case.id,
            catalogue_id=use_case.catalogue_id,
            version=use_case.version,
            title=use_case.title,
            summary=use_case.summary,
            phase=use_case.phase,
            actor=use_case.actor,
            purpose=use_case.purpose,
            sensitivity=use_case.sensitivity,
            oversight=use_case.oversight,
            modes=list(use_case.modes),
            data_categories=list(use_case.data_categories),
            without_ai=use_case.without_ai,
            local_only=use_case.local_only,
            necessity_code=use_case.necessity_code,
            risk_class=use_case.risk_class,
            output_schema_id=use_case.output.id,
            output_schema=dict(use_case.output.document),
            output_schemas={mode: SchemaView.of(s) for mode, s in use_case.outputs.items()},
            input_schema=dict(assistance.inputs.document) if assistance else None,
            system_id=_SYSTEM,
            system_version=version(f"passerelle-{_SYSTEM}"),
            prompt_version=prompt.version if prompt else None,
            prompt_digest=prompt.digest if prompt else None,
        )


class UseCaseList(BaseModel):
    """What may be asked for."""

    items: list[UseCase] = Field(max_length=100)


def _use_cases(request: Request) -> UseCases:
    use_cases: UseCases = request.app.state.use_cases
    return use_cases


UseCasesDep = Annotated[UseCases, Depends(_use_cases)]


@router.get("")
async def list_use_cases(_: PassDep, use_cases: UseCasesDep) -> UseCaseList:
    """List what may be asked for, in the order of the catalogue."""
    return UseCaseList(items=[UseCase.of(use_case) for use_case in use_cases.every()])


@router.get("/{use_case_id}", responses=problems(UnknownUseCase))
async def read_use_case(use_case_id: UseCaseId, _: PassDep, use_cases: UseCasesDep) -> UseCase:
    """Read one use case."""
    return UseCase.of(use_cases.named(use_case_id))
