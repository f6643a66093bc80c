"""Pseudonymisation over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from anonymizer.detection.rules import Hints
from anonymizer.problems import TEXT_REFUSALS, PolicyNotAllowed
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.policy import Label, Treatment
from anonymizer.surrogates.service import (
    MAX_TEXT,
    Asked,
    Named,
    Pseudonymised,
    Pseudonymiser,
    Surrogates,
)
from keel.passes import Pass, PassDep
from keel.problems import problems

router = APIRouter(tags=["texts"])

MAX_SPANS = 1_000_000
LONGEST = MAX_TEXT * 20
"""What a text of nothing but short names may grow to."""
REFUSALS = problems(PolicyNotAllowed, *TEXT_REFUSALS)


class NamedText(BaseModel):
    """One text as it was written; `id` is the sender's."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=100)
    text: str = Field(max_length=MAX_TEXT)


class MaskedText(BaseModel):
    """One text without what identifies somebody, under its sender's id."""

    model_config = ConfigDict(from_attributes=True)

    id: str = Field(max_length=100)
    text: str = Field(max_length=LONGEST)


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


class HowToPseudonymise(BaseModel):
    """What goes beside whatever is to be pseudonymised."""

    model_config = ConfigDict(extra="forbid")

    hints: KnownOfPerson = Field(default_factory=KnownOfPerson)
    policy: ByLabel = Field(default_factory=dict)
    explain: bool = Field(default=False, description="Say why each span was taken.")
    surrogates: Surrogates = Field(
        default=Surrogates.PLACEHOLDERS,
        description="`plausible`: invented names, places, organisations, addresses, e-mail "
        "addresses and telephones; everything else keeps its placeholder.",
    )

    def asked_by(self, admitted: Pass) -> Asked:
        """Return for whom and how, as the pass and the request say."""
        return Asked(
            admitted.tenant,
            admitted.bilan,
            self.hints.as_hints(),
            self.policy,
            admitted.data_categories,
            self.explain,
            self.surrogates,
        )


class ToPseudonymise(HowToPseudonymise):
    """Texts of one bilan."""

    texts: list[NamedText] = Field(min_length=1, max_length=50)


class SpecialInText(BaseModel):
    """A special category found in a text."""

    model_config = ConfigDict(from_attributes=True)

    text_id: str = Field(max_length=100)
    category: Category
    action: Action


class Span(BaseModel):
    """Why a stretch of a text was taken, and what became of it; never what it says."""

    model_config = ConfigDict(from_attributes=True)

    start: int = Field(ge=0, description="In code points of the text as it was sent.")
    end: int = Field(ge=0)
    label: Label
    rule: str = Field(max_length=200)
    score: float = Field(ge=0, le=1)
    treatment: Treatment


class SpanOfText(Span):
    """Why a stretch of one of several texts was taken."""

    text_id: str = Field(max_length=100)


class Pseudonymisations(BaseModel):
    """The texts, what was masked in them, and whether they spoke of anybody."""

    model_config = ConfigDict(from_attributes=True)

    texts: list[MaskedText] = Field(max_length=50)
    entity_counts: dict[str, int]
    special_categories: list[SpecialInText] = Field(max_length=10_000)
    persons_found: bool
    explanations: list[SpanOfText] | None = Field(
        default=None, max_length=MAX_SPANS, description="Where `explain` was asked."
    )


def _pseudonymiser(request: Request) -> Pseudonymiser:
    found: Pseudonymiser = request.app.state.pseudonymiser
    return found


PseudonymiserDep = Annotated[Pseudonymiser, Depends(_pseudonymiser)]


@router.post("/pseudonymisations", response_model=Pseudonymisations, responses=REFUSALS)
async def pseudonymise(
    body: ToPseudonymise, admitted: PassDep, pseudonymiser: PseudonymiserDep
) -> Pseudonymised:
    """Pseudonymise texts; the surrogates join those of the pass's bilan."""
    texts = [Named(text.id, text.text) for text in body.texts]
    return await pseudonymiser.pseudonymise(body.asked_by(admitted), texts)
