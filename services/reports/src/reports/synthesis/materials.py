"""What a draft is made of: validated runs, and what the counsellor states.

`result` is what a use case of the router gave, checked there against its schema. It is read here
leniently (each use case may add fields) into small bounded shapes; nothing is invented where a
field is missing.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
)

from keel.identifiers import RecordId, ReportId, RunId
from reports.synthesis.document import (
    Actor,
    Circumstances,
    FollowUp,
    Line,
    Project,
    Step,
    Value,
)


class Material(Value):
    """The validated result of one run."""

    run: RunId
    use_case: Line
    mode: Literal["computed", "assisted"]
    record_id: RecordId | None = None
    model: Line | None = None
    provider: Line | None = None
    generated_at: AwareDatetime
    reviewed_by: Actor | None = None
    reviewed_at: AwareDatetime | None = None
    result: dict[str, Any] = Field(max_length=40)


class Interests(Value):
    """A RIASEC profile that a test gave, and the working conditions that the person names."""

    riasec: dict[Literal["R", "I", "A", "S", "E", "C"], float] = Field(
        default_factory=dict, max_length=6
    )
    scale_maximum: float = Field(default=100, gt=0, le=1000)
    test: Line = ""
    taken_on: Line = ""
    required: list[Line] = Field(default_factory=list, max_length=12)
    wished: list[Line] = Field(default_factory=list, max_length=12)

    @field_validator("riasec")
    @classmethod
    def _within_reach(cls, scores: dict[str, float]) -> dict[str, float]:
        if any(not 0 <= score <= 1000 for score in scores.values()):  # noqa: PLR2004 - the bound above
            raise ValueError("a score is out of bounds")
        return scores


class DraftRequest(Value):
    """Everything that a synthesis document is drafted from; texts are pseudonymised."""

    report_id: ReportId
    kind: Literal["synthesis"] = "synthesis"
    circumstances: Circumstances
    materials: list[Material] = Field(max_length=60)
    interests: Interests | None = None
    projects: list[Project] = Field(default_factory=list, max_length=6)
    action_plan: list[Step] = Field(default_factory=list, max_length=60)
    follow_up: FollowUp


_CONTROL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 127, 0xFFFE, 0xFFFF])


def _readable(limit: int) -> BeforeValidator:
    # A curriculum vitae can hold anything: what no paper can show is dropped, what is too long
    # is cut visibly. The run itself keeps the whole.
    def read(value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            return value
        text = value.translate(_CONTROL).strip()
        return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"

    return BeforeValidator(read)


Said = Annotated[str, _readable(400)]
Told = Annotated[str, _readable(6000)]


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Experience(_Lenient):
    """One job as the curriculum vitae tells it."""

    title: Said | None = None
    employer: Said | None = None
    location: Said | None = None
    start: Said | None = None
    end: Said | None = None
    current: bool = False
    dates_as_written: Said | None = None
    missions: list[Any] = Field(default_factory=list, max_length=200)


class Education(_Lenient):
    """One diploma or training."""

    degree: Said | None = None
    school: Said | None = None
    start: Said | None = None
    end: Said | None = None


class Language(_Lenient):
    """A language, and its level as the person wrote it."""

    language: Said
    level_as_written: Said | None = None
    cefr: Said | None = None


class Claim(_Lenient):
    """A sentence with its proofs."""

    text: Told
    evidence: list[Any] = Field(default_factory=list, max_length=50)
    hypothesis: bool = False


class Skill(_Lenient):
    """A skill of a taxonomy that a text supports."""

    label: Said
    code: Said | None = None
    scheme: Said | None = None
    kind: Said | None = None
    evidence: list[Any] = Field(default_factory=list, max_length=50)


class Gap(_Lenient):
    """Where the person stands on one skill that the target asks for."""

    label: Said
    code: Said | None = None
    state: Literal["held", "partial", "missing", "unknown"]
    evidence: list[Any] = Field(default_factory=list, max_length=50)
    importance: Said | float | None = None


class Lead(_Lenient):
    """An occupation to look into; reasons come as claims or as plain sentences."""

    code: Said
    label: Said
    reasons: list[Claim | Told] = Field(default_factory=list, max_length=20)
    reservations: list[Told] = Field(default_factory=list, max_length=20)
    supporting_skills: list[dict[str, Any]] = Field(default_factory=list, max_length=200)
    skills_to_acquire: list[dict[str, Any]] = Field(default_factory=list, max_length=200)
    field_checks: list[Told] = Field(default_factory=list, max_length=20)


class Source(_Lenient):
    """Who published a figure, and when."""

    name: Said = ""
    producer: Said = ""
    licence: Said = ""
    published_on: Said | None = None
    retrieved_on: Said | None = None


class Indicator(_Lenient):
    """One published figure."""

    name: Said
    value: float | Said | None = None
    unit: Said | None = None
    period: Said | None = None
    territory: Said | None = None
    n: int | None = None
    flag: Said | None = None
    source: Source = Source()


class Series(_Lenient):
    """A published figure over time."""

    name: Said
    unit: Said | None = None
    territory: Said | None = None
    occupation_label: Said | None = None
    points: list[tuple[Said, float | None]] = Field(default_factory=list, max_length=400)
    source: Source = Source()


class Training(_Lenient):
    """A certification that leads towards the target."""

    title: Said
    certification: Said | None = None
    rncp: Said | None = None
    level: Said | int | None = None
    status: Said | None = None
    valid_until: Said | None = None
    source: Said | Source | None = None
    retrieved_on: Said | None = None
