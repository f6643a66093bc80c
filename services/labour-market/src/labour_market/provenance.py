"""Where a statement comes from, as every answer of this service gives it."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Code = Annotated[str, Field(min_length=1, max_length=300)]
Label = Annotated[str, Field(max_length=500)]
# As precise as the producer is: a year, a month or a day.
Day = Annotated[str, Field(pattern=r"^\d{4}(-\d{2}(-\d{2})?)?$")]


class SourceView(BaseModel):
    """A publication: who made it, under which licence, when it was published and read."""

    key: str = Field(max_length=40, description="Short name of the publication in its release.")
    name: str = Field(max_length=200)
    producer: str = Field(max_length=120)
    licence: str = Field(max_length=120)
    url: str | None = Field(default=None, max_length=300)
    published_on: Day | None = Field(
        default=None, description="Null where the copy that was read does not say."
    )
    retrieved_on: Day
    release: str = Field(max_length=80, description="Id of our release that holds it.")
    bundled: bool = Field(description="True: shipped with the service, nothing imported yet.")


class SpanEvidence(BaseModel):
    """Words of the text that was sent; offsets in code points, end excluded."""

    kind: Literal["span"] = "span"
    source: str = Field(max_length=80, description="What the caller named as `source`.")
    start: int = Field(ge=0, le=1_000_000)
    end: int = Field(ge=0, le=1_000_000)
    quote: str = Field(max_length=2_000)


class ReferenceEvidence(BaseModel):
    """A record of a reference source."""

    kind: Literal["reference"] = "reference"
    source: str = Field(max_length=20, examples=["rome"])
    record: str = Field(max_length=120, examples=["M1607"])
    version: str = Field(max_length=80)
    retrieved_at: Day


Evidence = Annotated[SpanEvidence | ReferenceEvidence, Field(discriminator="kind")]
