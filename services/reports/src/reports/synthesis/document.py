"""The report as data: what versions freeze, renderers print, and callers read.

These are pydantic models although they are values: the JSON that they describe *is* the product
(it is hashed, attached to the PDF and handed to the person), so its bounds live beside its fields.
Every text is pseudonymised, except in the restored copy that a sign-off receives.
"""

import datetime as dt
from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from keel.identifiers import RecordId, ReportId, RunId

SCHEMA_VERSION: Literal["1"] = "1"

Origin = Literal["human", "ai_assisted", "ai_generated", "beneficiary", "computed"]
AI_ORIGINS: frozenset[str] = frozenset({"ai_assisted", "ai_generated"})
Status = Literal[
    "draft",
    "in_review",
    "reviewed",
    "signed_off",
    "submitted",
    "observations_received",
    "agreed",
    "superseded",
    "destroyed",
]
BlockId = Annotated[str, StringConstraints(pattern=r"^blk_[a-z0-9]{1,40}$", max_length=44)]
ChartId = Annotated[str, StringConstraints(pattern=r"^cht_[a-z0-9]{1,40}$", max_length=44)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$", max_length=64)]
# The characters of a control code mean nothing on paper; XML and PDF/A both refuse them.
_PRINTABLE = r"^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]*$"
Line = Annotated[str, StringConstraints(max_length=400, pattern=_PRINTABLE)]
Prose = Annotated[str, StringConstraints(max_length=20_000, pattern=_PRINTABLE)]
Actor = Annotated[str, StringConstraints(pattern=r"^[a-z]{3}_[0-9A-Za-z]{1,40}$", max_length=44)]


class Value(BaseModel):
    """A frozen value that knows no other fields than its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(Value):
    """What a sentence rests on: a span of a source text, or a dated record of reference data."""

    kind: Literal["span", "reference"]
    source: Line
    quote: Line | None = None
    start: int | None = Field(default=None, ge=0, le=10_000_000)
    end: int | None = Field(default=None, ge=0, le=10_000_000)
    record: Line | None = None
    version: Line | None = None
    retrieved_at: Line | None = None


class Edits(Value):
    """How far a passage is from the text that a machine wrote."""

    chars_changed_ratio: float = Field(ge=0, le=1)
    by: Actor
    at: AwareDatetime


class Review(Value):
    """What a counsellor decided about one AI passage, and why."""

    decision: Literal["accepted", "accepted_modified"]
    reason: Line
    by: Actor
    at: AwareDatetime


class Provenance(Value):
    """Where a passage comes from. An AI passage names the record of the call that wrote it."""

    origin: Origin
    run: RunId | None = None
    record_id: RecordId | None = None
    model: Line | None = None
    provider: Line | None = None
    generated_at: AwareDatetime | None = None
    edits: Edits | None = None
    review: Review | None = None
    ai_text_sha256: Digest | None = None
    final_text_sha256: Digest | None = None
    digital_source_type: Line


class Block(Value):
    """One passage: prose, a list (an item a line), a quote, a table, or the place of a chart."""

    id: BlockId
    type: Literal["paragraph", "list", "quote", "table", "chart"]
    title: Line | None = None
    text: Prose = ""
    columns: list[Line] = Field(default_factory=list, max_length=6)
    rows: list[list[Prose]] = Field(default_factory=list, max_length=400)
    chart: ChartId | None = None
    evidence: list[Evidence] = Field(default_factory=list, max_length=50)
    hypothesis: bool = False
    provenance: Provenance

    @property
    def is_ai(self) -> bool:
        """Whether a model had a part in the passage."""
        return self.provenance.origin in AI_ORIGINS

    @property
    def lacks_review(self) -> bool:
        """Whether a counsellor still has to decide about the passage."""
        return self.is_ai and self.provenance.review is None


class Section(Value):
    """A numbered part of the document; `empty_note` is printed when nothing fills it."""

    id: Line
    key: Line
    number: Line
    title: Line
    empty_note: Prose
    blocks: list[Block] = Field(max_length=300)


class ChartRow(Value):
    """One row of the value table: the picture shows no other values than these."""

    label: Line
    value: float | None = None
    state: Literal["held", "partial", "missing", "unknown"] | None = None
    note: Line = ""


class Chart(Value):
    """A picture that answers one question, readable without its colours and without itself."""

    id: ChartId
    kind: Literal["gap_bars", "vacancies_trend", "skill_families", "riasec_hexagon"]
    title: Line
    question: Line
    unit: Line
    source: Line
    as_of: Line
    alt: Line
    columns: list[Line] = Field(max_length=4)
    rows: list[ChartRow] = Field(max_length=400)
    provenance: Provenance


class Competence(Value):
    """A skill with its proof. No rule and no model writes a level: people and tests do."""

    code: Line | None = None
    scheme: Line | None = None
    label: Line
    kind: Line | None = None
    evidence: list[Evidence] = Field(default_factory=list, max_length=50)


class Interview(Value):
    """One meeting of the bilan."""

    date: dt.date  # the name of the field hides the type
    minutes: int | None = Field(default=None, ge=1, le=600)
    mode: Line = ""


class Tool(Value):
    """A test or tool that was used, with its version."""

    name: Line
    version: Line = ""
    purpose: Line = ""


class Circumstances(Value):
    """Why and how the bilan took place, as the counsellor states it."""

    request: Prose = Field(min_length=1)
    need: Prose = Field(min_length=1)
    trigger: Prose | None = None
    funding: Line | None = None
    start: date
    end: date
    hours: float = Field(gt=0, le=24)
    interviews: list[Interview] = Field(default_factory=list, max_length=40)
    tools: list[Tool] = Field(default_factory=list, max_length=20)


class Project(Value):
    """A professional project that the person chose."""

    title: Line
    why: Prose
    occupation: Line | None = None


class Step(Value):
    """One step of the action plan."""

    step: Prose
    due_on: date
    means: Prose = ""
    support: Prose = ""
    indicator: Prose = ""


class FollowUp(Value):
    """The follow-up interview, offered by law as a possibility (R6313-4)."""

    offered: bool
    on: date | None = None


class Input(Value):
    """One validated run that fed the draft."""

    run: RunId
    use_case: Line
    mode: Literal["computed", "assisted"]
    record_id: RecordId | None
    model: Line | None
    provider: Line | None
    generated_at: AwareDatetime
    sha256: Digest


class Content(Value):
    """Everything that is printed; the part in which a sign-off restores the texts."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    circumstances: Circumstances
    sections: list[Section] = Field(max_length=30)
    charts: list[Chart] = Field(max_length=4)
    competences: list[Competence] = Field(max_length=400)
    projects: list[Project] = Field(max_length=6)
    action_plan: list[Step] = Field(max_length=60)
    follow_up: FollowUp
    inputs: list[Input] = Field(default_factory=list, max_length=60)

    def blocks(self) -> list[Block]:
        """Return every passage in reading order."""
        return [block for section in self.sections for block in section.blocks]


class Cover(Value):
    """Who the document is about and who made it: only ever in a sealed file."""

    beneficiary_name: Line
    organisation: Line
    counsellor_name: Line


class Signature(Value):
    """The counsellor's act of signing."""

    by: Actor
    name: Line
    at: AwareDatetime
    method: Literal["click"] = "click"


class Report(Value):
    """One report as a renderer gets it and as its JSON file says it."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    id: ReportId
    kind: Literal["synthesis"] = "synthesis"
    lang: Literal["fr"] = "fr"
    status: Status
    version: int = Field(ge=1, le=10_000)
    version_id: Line
    digest: Digest
    created_at: AwareDatetime
    cover: Cover | None = None
    signature: Signature | None = None
    content: Content

    @property
    def is_draft(self) -> bool:
        """Whether no counsellor has signed it."""
        return self.signature is None
