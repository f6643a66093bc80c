"""The register as data: what the gateway hands in, and what the PDF carries beside its pages.

Every sentence about a use was composed by the gateway from the private records; nothing here adds
to it or leaves out of it.
"""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from keel.identifiers import BeneficiaryId, RecordId
from reports.synthesis.document import Line, Prose, Value

Told = Annotated[Prose, Field(min_length=1, max_length=2000)]


class ToldLine(Value):
    """One of the lines that tell a use."""

    label: Line = Field(min_length=1)
    text: Told


class ToldUse(Value):
    """One use: of a model, or of rules where `computed`."""

    record: RecordId
    when: AwareDatetime
    what: Line = Field(min_length=1)
    computed: bool = False
    contested: bool = False
    lines: list[ToldLine] = Field(min_length=1, max_length=12)


class ToldInShort(Value):
    """What is told in one line: a refused or stopped call, a consent given or withdrawn."""

    record: RecordId
    when: AwareDatetime
    text: Told


class LogState(Value):
    """The public log at the moment of writing: what the records can be checked against."""

    origin: Line = Field(min_length=1)
    url: Line
    size: int = Field(ge=0, le=2**53)
    root: Line


class Register(Value):
    """The register of one person."""

    schema_version: Literal["1"] = "1"
    lang: Literal["fr"] = "fr"
    beneficiary: BeneficiaryId
    person: Line = ""
    """What the centre calls the person, where it gave a name or a reference of its own."""
    centre: Line = Field(min_length=1)
    made_at: AwareDatetime
    made_on: Line = Field(min_length=1)
    """The same instant as people in France read it, at the hour of Paris."""
    log: LogState
    uses: list[ToldUse] = Field(max_length=2000)
    computed: list[ToldUse] = Field(max_length=2000)
    unused: list[ToldInShort] = Field(max_length=2000)
    consents: list[ToldInShort] = Field(max_length=2000)
