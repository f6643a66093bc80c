"""Pseudonymisation of structured values and of conversations over HTTP."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from anonymizer.problems import TEXT_REFUSALS, PolicyNotAllowed
from anonymizer.special.rules import Action, Category
from anonymizer.surrogates.api import MAX_SPANS, HowToPseudonymise, PseudonymiserDep, Span
from anonymizer.surrogates.chat import chat_leaves
from anonymizer.surrogates.pages import labelled
from anonymizer.surrogates.policy import Label
from anonymizer.surrogates.service import Explained, Pseudonymised
from anonymizer.surrogates.values import Json, leaves, replaced
from keel.passes import PassDep
from keel.problems import TooLarge, problems

router = APIRouter(prefix="/pseudonymisations", tags=["texts"])

_REFUSALS = problems(PolicyNotAllowed, *TEXT_REFUSALS, TooLarge)
Pointer = Annotated[str, Field(max_length=1000)]
Labels = Annotated[
    dict[Pointer, Label],
    Field(
        max_length=500,
        description="What the caller knows of a string, by JSON pointer (RFC 6901): it is masked "
        "whole, whatever the detector thinks, and wherever it stands again.",
    ),
]


class ValueToPseudonymise(HowToPseudonymise):
    """Any JSON value: its strings are masked; names of members are not looked at."""

    value: Any
    labels: Labels = Field(default_factory=dict)


class MessagesToPseudonymise(HowToPseudonymise):
    """A conversation as models are asked with: what people wrote in it is masked."""

    messages: list[dict[str, Any]] = Field(min_length=1, max_length=500)
    labels: Labels = Field(default_factory=dict)


class SpecialInValue(BaseModel):
    """A special category found in a string."""

    pointer: str
    category: Category
    action: Action


class SpanOfValue(Span):
    """Why a stretch of a string was taken."""

    pointer: str


class FoundInValue(BaseModel):
    """What was found in the strings, and whether they spoke of anybody."""

    entity_counts: dict[str, int]
    special_categories: list[SpecialInValue] = Field(max_length=10_000)
    persons_found: bool
    explanations: list[SpanOfValue] | None = Field(
        default=None, max_length=MAX_SPANS, description="Where `explain` was asked."
    )


class PseudonymisedValue(FoundInValue):
    """The value without what identifies somebody; all else is as it came."""

    value: Any


class PseudonymisedMessages(FoundInValue):
    """The conversation without what identifies somebody; all else is as it came."""

    messages: list[dict[str, Any]] = Field(max_length=500)


@router.post("/values", responses=_REFUSALS)
async def pseudonymise_value(
    body: ValueToPseudonymise, admitted: PassDep, pseudonymiser: PseudonymiserDep
) -> PseudonymisedValue:
    """Pseudonymise every string of a JSON value; the surrogates join those of the pass's bilan."""
    known = labelled(leaves(body.value), body.labels)
    made = await pseudonymiser.pseudonymise_strings(body.asked_by(admitted), known)
    return PseudonymisedValue(value=_put(body.value, made), **_found(made))


@router.post("/messages", responses=_REFUSALS)
async def pseudonymise_messages(
    body: MessagesToPseudonymise, admitted: PassDep, pseudonymiser: PseudonymiserDep
) -> PseudonymisedMessages:
    """Pseudonymise a conversation; the surrogates join those of the pass's bilan."""
    known = labelled(chat_leaves(body.messages), body.labels)
    made = await pseudonymiser.pseudonymise_strings(body.asked_by(admitted), known)
    messages = [_put(message, made, f"/{n}") for n, message in enumerate(body.messages)]
    return PseudonymisedMessages(messages=messages, **_found(made))


def _put(value: Any, made: Pseudonymised, pointer: str = "") -> Any:  # noqa: ANN401 - any JSON value
    given: Json = value
    return replaced(given, {text.id: text.text for text in made.texts}, pointer)


def _found(made: Pseudonymised) -> dict[str, Any]:
    """Return what was found, its texts called by pointer."""
    special = [
        SpecialInValue(pointer=s.text_id, category=s.category, action=s.action)
        for s in made.special_categories
    ]
    spans = None if made.explanations is None else list(map(_span, made.explanations))
    return {
        "entity_counts": made.entity_counts,
        "special_categories": special,
        "persons_found": made.persons_found,
        "explanations": spans,
    }


def _span(explained: Explained) -> SpanOfValue:
    return SpanOfValue.model_validate({**asdict(explained), "pointer": explained.text_id})
