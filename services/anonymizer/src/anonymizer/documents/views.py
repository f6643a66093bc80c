"""Documents and what was found in them, as HTTP answers."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from anonymizer.documents import rules
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.policy import Treatment

Short = Annotated[str, Field(max_length=500)]
Passage = Annotated[str, Field(max_length=400_000)]
Offset = Annotated[int, Field(ge=0)]


class SpecialCategory(BaseModel):
    """A special category found in a document."""

    category: Category
    action: Action


class Pseudonymisation(BaseModel):
    """Which rules masked a document, as they were when it was taken in."""

    profile: Short
    version: Short


class Document(BaseModel):
    """What is known of a document, without showing any of it."""

    id: Short
    bilan: Short
    media_type: Short
    size_bytes: int = Field(ge=0)
    pages: int | None = Field(ge=0)
    ocr: bool
    characters: int = Field(ge=0)
    data_categories: list[Literal["cv", "special.health", "special.beliefs", "special.other"]] = (
        Field(max_length=4, description="What consent a use of it needs.")
    )
    entity_counts: dict[str, int]
    special_categories: list[SpecialCategory] = Field(max_length=20)
    hidden_text_count: int = Field(ge=0)
    pseudonymisation: Pseudonymisation | None
    created_at: datetime

    @classmethod
    def of(cls, document: rules.Document) -> "Document":
        """Show a document."""
        known = document.summary
        return cls(
            id=document.id,
            bilan=document.bilan,
            media_type=known.media_type,
            size_bytes=known.size_bytes,
            pages=known.pages,
            ocr=known.ocr,
            characters=known.characters,
            data_categories=known.data_categories,
            entity_counts=dict(known.entity_counts),
            special_categories=[
                SpecialCategory.model_validate(s) for s in known.special_categories
            ],
            hidden_text_count=known.hidden_text_count,
            pseudonymisation=(
                None if known.masked_by is None else Pseudonymisation(**known.masked_by)
            ),
            created_at=document.created_at,
        )


class PseudonymisedText(BaseModel):
    """The text as a model would see it."""

    id: Short
    text: Passage
    characters: int = Field(ge=0)
    pseudonymised: Literal[True] = True


class MaskedPassage(BaseModel):
    """What was found, why, and what became of it; offsets in the original text."""

    label: Short
    treatment: Treatment = Treatment.SURROGATE
    surrogate: Short = Field(description="What stands there now, whatever the treatment.")
    text: Passage
    start: Offset
    end: Offset
    rule: Short
    score: float = Field(ge=0, le=1)


class SpecialPassage(BaseModel):
    """A statement of a special category, as the counsellor may see it."""

    category: Category
    action: Action
    text: Passage


class HiddenPassage(BaseModel):
    """Text that the page does not show."""

    kind: Short
    text: Passage
    page: int | None = Field(ge=1)


class Findings(BaseModel):
    """What was found in a document, for the counsellor."""

    document: Short
    masked: list[MaskedPassage] = Field(max_length=100_000)
    special: list[SpecialPassage] = Field(max_length=10_000)
    hidden: list[HiddenPassage] = Field(max_length=10_000)
    metadata: dict[str, str]
