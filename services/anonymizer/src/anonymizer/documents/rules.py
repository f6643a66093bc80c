"""What is known of a document, and what was found in it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from anonymizer.detection.examiner import Examination
from anonymizer.intake.rules import Reading
from anonymizer.surrogates.rules import Secret, Surrogate, SurrogateType

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
    found: Examination,
    pseudonymised: str,
    surrogates: Mapping[Secret, Surrogate],
    by: MaskedBy,
) -> Sealable:
    """Put together what is kept of a document."""
    summary = Summary(
        media_type=reading.media_type,
        size_bytes=len(original),
        pages=reading.pages,
        ocr=reading.ocr,
        characters=len(reading.text),
        entity_counts=found.counts,
        special_categories=[
            {"category": category, "action": action}
            for category, action in dict.fromkeys((s.category, s.action) for s in found.statements)
        ],
        hidden_text_count=len(reading.hidden),
        masked_by=asdict(by),
    )
    return Sealable(
        summary, pseudonymised, _findings(reading, found, surrogates), reading.text, original
    )


def _findings(
    reading: Reading, found: Examination, surrogates: Mapping[Secret, Surrogate]
) -> dict[str, Any]:
    """Return the findings as the counsellor sees them, offsets in the original text."""
    masked = []
    for finding in found.masked:
        written = found.text[finding.start : finding.end]
        kind = SurrogateType[finding.label]
        shown = str(surrogates[Secret(kind, written)])
        masked.append({**asdict(finding), "surrogate": shown, "text": written})
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
