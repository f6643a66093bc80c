"""Pseudonymisation over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from anonymizer.detection.rules import Hints
from anonymizer.problems import (
    CriminalDataBlocked,
    DetectionFailed,
    PolicyNotAllowed,
    SpecialCategoryBlocked,
)
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.policy import Label, Treatment
from anonymizer.surrogates.service import Named, Pseudonymised, Pseudonymiser
from keel.passes import PassDep
from keel.problems import problems

router = APIRouter(tags=["texts"])

MAX_TEXT = 200_000


class NamedText(BaseModel):
    """One text; `id` is the sender's."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    id: str = Field(min_length=1, max_length=100)
    text: str = Field(max_length=MAX_TEXT * 2)


class KnownOfPerson(BaseModel):
    """What the caller knows of the person; masked wherever it stands."""

    model_config = ConfigDict(extra="forbid")

    first_name: str | None = Field(default=None, max_length=100)
    last_name: str | None = Field(default=None, max_length=100)
    email: str | None = Field(default=None, max_length=254)
    employer: str | None = Field(default=None, max_length=200)
    city: str | None = Field(default=None, max_length=100)

    def as_hints(self) -> Hints:
        """Return what the detector takes."""
        return Hints(**self.model_dump())


ByLabel = Annotated[
    dict[Label, Treatment],
    Field(
        max_length=len(Label),
        description="What becomes of a label, over the operator's policy. DATE_OF_BIRTH, AGE, "
        "LOCATION and ORGANISATION may have any treatment; ADDRESS any but `keep`; all others, "
        "which name somebody by themselves, `surrogate` or `drop`.",
    ),
]


class ToPseudonymise(BaseModel):
    """Texts of one bilan."""

    model_config = ConfigDict(extra="forbid")

    texts: list[NamedText] = Field(min_length=1, max_length=50)
    hints: KnownOfPerson = Field(default_factory=KnownOfPerson)
    policy: ByLabel = Field(default_factory=dict)


class SpecialInText(BaseModel):
    """A special category found in a text."""

    model_config = ConfigDict(from_attributes=True)

    text_id: str = Field(max_length=100)
    category: Category
    action: Action


class Pseudonymisations(BaseModel):
    """The texts, what was masked in them, and whether they spoke of anybody."""

    model_config = ConfigDict(from_attributes=True)

    texts: list[NamedText] = Field(max_length=50)
    entity_counts: dict[str, int]
    special_categories: list[SpecialInText] = Field(max_length=10_000)
    persons_found: bool


def _pseudonymiser(request: Request) -> Pseudonymiser:
    found: Pseudonymiser = request.app.state.pseudonymiser
    return found


PseudonymiserDep = Annotated[Pseudonymiser, Depends(_pseudonymiser)]


@router.post(
    "/pseudonymisations",
    response_model=Pseudonymisations,
    responses=problems(
        PolicyNotAllowed, CriminalDataBlocked, SpecialCategoryBlocked, DetectionFailed
    ),
)
async def pseudonymise(
    body: ToPseudonymise, admitted: PassDep, pseudonymiser: PseudonymiserDep
) -> Pseudonymised:
    """Pseudonymise texts; the surrogates join those of the pass's bilan."""
    texts = [Named(text.id, text.text) for text in body.texts]
    return await pseudonymiser.pseudonymise(
        admitted.tenant,
        admitted.bilan,
        texts,
        body.hints.as_hints(),
        body.policy,
        admitted.data_categories,
    )
