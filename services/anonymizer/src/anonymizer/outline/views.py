"""The outline as an HTTP answer."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from anonymizer.outline import rules

Text = Annotated[str, Field(max_length=20_000)]
Point = Annotated[str, Field(pattern=r"^\d{4}(-\d{2})?$")]


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class TextSpan(_View):
    """Code points of the pseudonymised text, end excluded."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)


class Quoted(TextSpan):
    """A stretch of the text."""

    text: Text


class Experience(_View):
    """A post held."""

    title: Text | None
    employer: Text | None
    location: Text | None
    start: Point | None
    end: Point | None
    current: bool
    dates_as_written: Text
    missions: list[Quoted] = Field(max_length=500)
    span: TextSpan


class Education(_View):
    """A course followed or a diploma."""

    degree: Text | None
    school: Text | None
    location: Text | None
    start: Point | None
    end: Point | None
    dates_as_written: Text
    span: TextSpan


class SpokenLanguage(_View):
    """A language and its level."""

    language: Text
    level_as_written: Text | None
    cefr: Annotated[str, Field(pattern=r"^[ABC][12]$")] | None
    span: TextSpan


class UntoldPeriod(BaseModel):
    """Months of which the document says nothing."""

    model_config = ConfigDict(populate_by_name=True)

    first: Point = Field(alias="from")
    last: Point = Field(alias="to")


class Outline(BaseModel):
    """A career in outline, each field with its place in the pseudonymised text."""

    document: str = Field(max_length=40)
    headline: Text | None
    summary: Quoted | None
    experiences: list[Experience] = Field(max_length=200)
    education: list[Education] = Field(max_length=200)
    skills: list[Quoted] = Field(max_length=1000)
    languages: list[SpokenLanguage] = Field(max_length=100)
    certifications: list[Quoted] = Field(max_length=200)
    licences: list[Quoted] = Field(max_length=50)
    interests: list[Quoted] = Field(max_length=200)
    periods_without_information: list[UntoldPeriod] = Field(max_length=200)

    @classmethod
    def of(cls, document_id: str, found: rules.Outline) -> "Outline":
        """Show an outline."""
        return cls(
            document=document_id,
            headline=found.headline.text if found.headline is not None else None,
            summary=Quoted.model_validate(found.summary) if found.summary is not None else None,
            experiences=[Experience.model_validate(item) for item in found.experiences[:200]],
            education=[Education.model_validate(item) for item in found.education[:200]],
            skills=[Quoted.model_validate(item) for item in found.skills[:1000]],
            languages=[SpokenLanguage.model_validate(item) for item in found.languages[:100]],
            certifications=[Quoted.model_validate(item) for item in found.certifications[:200]],
            licences=[Quoted.model_validate(item) for item in found.licences[:50]],
            interests=[Quoted.model_validate(item) for item in found.interests[:200]],
            periods_without_information=[
                UntoldPeriod(first=gap.first, last=gap.last) for gap in found.untold[:200]
            ],
        )
