"""What a use case is: values without files, clock or HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from llm_router.catalogue.prompts import Prompt


class Mode(StrEnum):
    """How a run makes its result; nothing that is not a model ever passes for one."""

    COMPUTED = "computed"
    ASSISTED = "assisted"


class Purpose(StrEnum):
    """What a person may allow AI for (vocabulary of consent)."""

    PREPARATION = "preparation"
    ANALYSIS = "analysis"
    EXPLORATION = "exploration"
    LABOUR_MARKET = "labour_market"
    TRAINING = "training"
    DRAFTING = "drafting"
    DIALOGUE = "dialogue"
    SUPERVISION = "supervision"
    FOLLOW_UP = "follow_up"


class DataCategory(StrEnum):
    """Which data of a person a use may touch (vocabulary of consent)."""

    CV = "cv"
    NOTES = "notes"
    TESTS = "tests"
    PROJECT = "project"
    SITUATION = "situation"
    SPECIAL_HEALTH = "special.health"
    SPECIAL_BELIEFS = "special.beliefs"
    SPECIAL_OTHER = "special.other"

    @property
    def is_special(self) -> bool:
        """Whether it is a special category (GDPR art. 9): it never leaves the building."""
        return self.value.startswith("special.")


class Phase(StrEnum):
    """The phases of a bilan (Code du travail R6313-4), and what stands beside them."""

    PRELIMINARY = "preliminary"
    INVESTIGATION = "investigation"
    CONCLUSIONS = "conclusions"
    FOLLOW_UP = "follow_up"
    OUTSIDE = "outside"


class Actor(StrEnum):
    """Who asks."""

    COUNSELLOR = "counsellor"
    BENEFICIARY = "beneficiary"
    BOTH = "both"


class Sensitivity(StrEnum):
    """How close to the person: S0 no personal data … S3 special categories possible."""

    S0 = "S0"
    S1 = "S1"
    S2 = "S2"
    S3 = "S3"


class Oversight(StrEnum):
    """Who must have looked before anybody else does (H0 nobody … H3 counsellor and person)."""

    H0 = "H0"
    H1 = "H1"
    H2 = "H2"
    H3 = "H3"


class RiskClass(StrEnum):
    """The AI Act's classes that a use case of ours can have; the others are never built."""

    ART50_TRANSPARENCY = "art50_transparency"
    MINIMAL = "minimal"


@dataclass(frozen=True, slots=True)
class Schema:
    """A JSON Schema (2020-12) of one version; `id` goes into records."""

    id: str
    document: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Assistance:
    """What a model is asked for: by which prompt, with which inputs, in which shape.

    `answer` is the shape that the model must write; the output that leaves the router is
    `UseCase.outputs[Mode.ASSISTED]`, with verified proofs.
    """

    prompt: Prompt
    repair: Prompt
    inputs: Schema
    answer: Schema


@dataclass(frozen=True, slots=True)
class UseCase:
    """One way of helping a bilan, with its way without AI."""

    id: str
    catalogue_id: str
    version: str
    title: str
    summary: str
    phase: Phase
    actor: Actor
    purpose: Purpose
    sensitivity: Sensitivity
    oversight: Oversight
    data_categories: tuple[DataCategory, ...]
    without_ai: str
    local_only: bool
    necessity_code: str
    risk_class: RiskClass
    outputs: Mapping[Mode, Schema]
    assistance: Assistance | None

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The modes it has, computed first: a bilan must work with no AI at all."""
        return tuple(mode for mode in Mode if mode in self.outputs)

    @property
    def output(self) -> Schema:
        """The schema that describes it best: of a model's output where it has one."""
        return self.outputs.get(Mode.ASSISTED) or self.outputs[Mode.COMPUTED]
