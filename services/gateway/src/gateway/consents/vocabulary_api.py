"""The words of consent, and how its receipt maps to the standards; the same for everybody."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.consents.vocabulary import LISTS, receipt_mapping, vocabulary

router = APIRouter(prefix="/v1", tags=["consent"])


class DpvTerm(BaseModel):
    """A term of the W3C Data Privacy Vocabulary; `broader` when it says more than we mean."""

    iri: str = Field(max_length=120)
    broader: bool


class VocabularyEntry(BaseModel):
    """One word of the vocabulary, with what people read."""

    id: str = Field(max_length=40)
    fr: str = Field(max_length=200)
    en: str = Field(max_length=200)
    dpv: DpvTerm


class PurposeEntry(VocabularyEntry):
    """A purpose; `plain` is what the beneficiary reads."""

    plain: str = Field(max_length=400)


class CategoryEntry(VocabularyEntry):
    """A data category; `special` are those of GDPR art. 9, asked by a question of their own."""

    special: bool
    explicit_question: str | None = Field(default=None, max_length=400)


class VocabularyView(BaseModel):
    """The closed vocabulary of consent."""

    version: str = Field(max_length=40)
    dpv_version: str = Field(max_length=10)
    purposes: list[PurposeEntry] = Field(max_length=50)
    data_categories: list[CategoryEntry] = Field(max_length=50)
    legal_bases: list[VocabularyEntry] = Field(max_length=10)
    recipient_roles: list[VocabularyEntry] = Field(max_length=10)
    statuses: list[VocabularyEntry] = Field(max_length=20)
    end_reasons: list[VocabularyEntry] = Field(max_length=20)


class Standard(BaseModel):
    """A standard that receipts are mapped to."""

    id: str = Field(max_length=20)
    title: str = Field(max_length=200)
    fields: str = Field(max_length=400)


class MappedMember(BaseModel):
    """A member of the receipt, and what the standards call it."""

    member: str = Field(max_length=80)
    iso_27560: str | None = Field(max_length=120)
    kantara: str | None = Field(max_length=120)
    note: str | None = Field(max_length=300)


class ReceiptMapping(BaseModel):
    """The receipt's members beside ISO/IEC TS 27560 and Kantara Consent Receipt 1.1."""

    version: str = Field(max_length=40)
    standards: list[Standard] = Field(max_length=10)
    members: list[MappedMember] = Field(max_length=100)


@router.get("/vocabulary", response_model=VocabularyView)
async def read_vocabulary() -> dict[str, Any]:
    """Return the closed vocabulary of consent, in French and English, with its DPV terms."""
    words = vocabulary()
    lists = {name: list(getattr(words, name).values()) for name in LISTS}
    return {"version": words.version, "dpv_version": words.dpv_version, **lists}


@router.get("/vocabulary/receipt-mapping")
async def read_receipt_mapping() -> ReceiptMapping:
    """Return how the members of a receipt map to the standards on consent records."""
    return ReceiptMapping.model_validate(receipt_mapping())
