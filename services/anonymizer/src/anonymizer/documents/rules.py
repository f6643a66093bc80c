"""What is known of a document, and what was found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from anonymizer.intake.rules import Reading
from anonymizer.special.rules import data_categories_kept
from anonymizer.surrogates.policy import Treatment
from anonymizer.surrogates.rules import Secret, Surrogate, SurrogateType
from anonymizer.surrogates.treating import Cut, Treated, counts

PARTS = ("summary", "pseudonymised", "findings", "text", "original")
"""What rests of a document, each part sealed on its own."""


def bound(tenant: str, bilan: str, document: str, part: str) -> str:
    """Return what a sealed part is bound to: it opens nowhere else."""
    return f"document|{tenant}|{bilan}|{document}|{part}"


@dataclass(frozen=True, slots=True)
class MaskedBy:
    """Which rules masked a document, as they were when it was taken in."""

    profile: str
    version: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What may be said of a document without showing any of it (sealed all the same)."""

    media_type: str
    size_bytes: int
    pages: int | None
    ocr: bool
    characters: int
    entity_counts: Mapping[str, int]
    special_categories: Sequence[Mapping[str, str]]
    hidden_text_count: int
    masked_by: Mapping[str, str] | None = None
    """None of what was taken in before it was noted."""

    @property
    def data_categories(self) -> list[Any]:
        """What its pseudonymised text holds, as consents name it: kept statements count."""
        found = [(s["category"], s["action"]) for s in self.special_categories]
        return ["cv", *data_categories_kept(found)]


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a bilan."""

    id: str
    bilan: str
    created_at: datetime
    summary: Summary


@dataclass(frozen=True, slots=True)
class Sealable:
    """All that is kept of a document, still open."""

    summary: Summary
    pseudonymised: str
    findings: Mapping[str, Any]
    text: str
    original: bytes


def sealable(
    original: bytes,
    reading: Reading,
    cut: Cut,
    surrogates: Mapping[Secret, Surrogate],
    by: MaskedBy,
) -> Sealable:
    """Put together what is kept of a document."""
    found = cut.examination
    summary = Summary(
        media_type=reading.media_type,
        size_bytes=len(original),
        pages=reading.pages,
        ocr=reading.ocr,
        characters=len(reading.text),
        entity_counts=counts(cut.treated),
        special_categories=[
            {"category": category, "action": action}
            for category, action in dict.fromkeys((s.category, s.action) for s in found.statements)
        ],
        hidden_text_count=len(reading.hidden),
        masked_by=asdict(by),
    )
    pseudonymised = cut.plan.render(surrogates.__getitem__)
    return Sealable(
        summary, pseudonymised, _findings(reading, cut, surrogates), reading.text, original
    )


def _masked(text: str, each: Treated, surrogates: Mapping[Secret, Surrogate]) -> dict[str, Any]:
    """Return one finding: what was written there, and what stands in its place."""
    finding = each.finding
    written = text[finding.start : finding.end]
    if each.treatment is Treatment.SURROGATE:
        stands = str(surrogates[Secret(SurrogateType[finding.label], written)])
    else:
        stands = written if each.shown is None else each.shown
    known = {"treatment": each.treatment, "surrogate": stands, "text": written}
    return {**asdict(finding), **known}


def _findings(reading: Reading, cut: Cut, surrogates: Mapping[Secret, Surrogate]) -> dict[str, Any]:
    """Return the findings as the counsellor sees them, offsets in the original text."""
    found = cut.examination
    masked = [_masked(found.text, each, surrogates) for each in cut.treated]
    special = [
        {"category": s.category, "action": s.action, "text": found.text[s.start : s.end]}
        for s in found.statements
    ]
    hidden = [asdict(text) for text in reading.hidden]
    return {
        "masked": masked,
        "special": special,
        "hidden": hidden,
        "metadata": dict(reading.metadata),
    }
