"""The life of a version: edits, reviews, and what a signature asks. No clock, no rows, no HTTP."""

import re
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from typing import Literal

from keel.problems import NotFound
from keel.strict_json import canonical
from reports.marking.rules import source_type
from reports.problems import (
    BlockNotEditable,
    ContentDiffers,
    MandatorySectionEmpty,
    NothingToReview,
    ReportFrozen,
    ReviewMissing,
    WrongStatus,
)
from reports.synthesis.document import (
    Block,
    Content,
    Edits,
    Origin,
    Review,
    Status,
)
from reports.synthesis.sections import MANDATORY
from reports.versions.distance import changed_ratio

REWRITTEN = 0.30
"""From this share of changed characters on, a machine's passage counts as assisted."""

Decision = Literal["accepted", "accepted_modified", "rejected"]
OPEN: frozenset[Status] = frozenset({"draft", "in_review", "reviewed"})
_PROSE = frozenset({"paragraph", "list"})
_SURROGATE = re.compile(
    r"(?:PERSONNE|COURRIEL|TELEPHONE|TÉLÉPHONE|ADRESSE|LIEU|NAISSANCE|AGE|ÂGE|NIR|IBAN|PIECE|PIÈCE"
    r"|PERMIS|PLAQUE|LIEN|IDENTIFIANT|ORGANISATION)[\s_\-]*n?°?\s*\d+"
    r"|\b(?:FEMME|HOMME)\\?_\d+",
    re.IGNORECASE,
)


def digest_of(content: Content) -> str:
    """Return the SHA-256 of the canonical JSON (RFC 8785) of a content, in hexadecimal."""
    return sha256(canonical(content.model_dump(mode="json"))).hexdigest()


def text_digest(text: str) -> str:
    """Return the SHA-256 of a passage, in hexadecimal."""
    return sha256(text.encode()).hexdigest()


# Passages


def find(content: Content, block_id: str) -> Block:
    """Return a passage.

    Raises:
        NotFound: the version has none of this id (a rejected one is gone).
    """
    for block in content.blocks():
        if block.id == block_id:
            return block
    raise NotFound("The version has no such passage; read the report again.")


def edited(block: Block, text: str, *, original: str, by: str, at: datetime) -> Block:
    """Return `block` with a new text, its provenance recomputed against the `original` text.

    A machine's passage never becomes a human's: with 30 % of its characters changed it is
    `ai_assisted`. A rule's passage becomes its editor's. A review of the former text is void.

    Raises:
        BlockNotEditable: a table, a chart, or the beneficiary's own words.
    """
    if block.type not in _PROSE or block.provenance.origin == "beneficiary":
        raise BlockNotEditable("Tables, charts and the beneficiary's words are not rewritten.")
    ratio = changed_ratio(original, text)
    origin = _origin_after(block.provenance.origin, ratio)
    provenance = block.provenance.model_copy(
        update={
            "origin": origin,
            "digital_source_type": source_type(origin),
            "edits": Edits(chars_changed_ratio=ratio, by=by, at=at),
            "review": block.provenance.review if text == block.text else None,
            "final_text_sha256": text_digest(text),
        }
    )
    return block.model_copy(update={"text": text, "provenance": provenance})


def _origin_after(origin: Origin, ratio: float) -> Origin:
    if origin == "ai_generated" and ratio >= REWRITTEN:
        return "ai_assisted"
    if origin == "computed" and ratio > 0:
        return "human"
    return origin


def reviewed(
    block: Block, decision: Decision, *, reason: str, by: str, at: datetime
) -> Block | None:
    """Return `block` with its review; None when it was rejected and leaves the document.

    Raises:
        NothingToReview: no model had a part in the passage.
    """
    if not block.is_ai:
        raise NothingToReview("Only passages marked as a model's are reviewed one by one.")
    if decision == "rejected":
        return None
    review = Review(decision=decision, reason=reason, by=by, at=at)
    provenance = block.provenance.model_copy(update={"review": review})
    return block.model_copy(update={"provenance": provenance})


def replaced(content: Content, block_id: str, by: Callable[[Block], Block | None]) -> Content:
    """Return `content` with one passage changed, or taken out where `by` answers None."""
    sections = []
    for section in content.sections:
        blocks = [by(b) if b.id == block_id else b for b in section.blocks]
        kept = [block for block in blocks if block is not None]
        sections.append(section.model_copy(update={"blocks": kept}))
    return content.model_copy(update={"sections": sections})


def missing_reviews(content: Content) -> list[str]:
    """Return the ids of the AI passages that nobody has reviewed, in reading order."""
    return [block.id for block in content.blocks() if block.lacks_review]


# Life cycle


def status_of_open(content: Content) -> Status:
    """Return where an unsigned version that somebody worked on stands."""
    return "in_review" if missing_reviews(content) else "reviewed"


def require_open(status: Status) -> None:
    """Refuse to change a version that is signed (raises `ReportFrozen`)."""
    if status not in OPEN:
        raise ReportFrozen("A signed version stays as it is; draft a new report to change it.")


_STEPS: dict[str, tuple[frozenset[Status], Status]] = {
    "submission": (frozenset({"signed_off"}), "submitted"),
    "observation": (
        frozenset({"signed_off", "submitted", "observations_received"}),
        "observations_received",
    ),
    "agreement": (frozenset({"submitted", "observations_received"}), "agreed"),
}


def after(step: Literal["submission", "observation", "agreement"], status: Status) -> Status:
    """Return the status after a step of the life cycle.

    Raises:
        WrongStatus: the step comes too early, or a second time.
    """
    before, reached = _STEPS[step]
    if status not in before:
        raise WrongStatus(
            f"A report can take this step from: {', '.join(sorted(before))}.",
            members={"status": status},
        )
    return reached


# Signature


def require_signable(content: Content) -> None:
    """Refuse a signature that the law or our own rules do not allow yet.

    Raises:
        ReviewMissing: AI passages have no review.
        MandatorySectionEmpty: circumstances, or skills and path, hold nothing.
    """
    if missing := missing_reviews(content):
        raise ReviewMissing(
            "Review each passage of a model first; `blocks` names those that wait.",
            members={"blocks": missing[:100]},
        )
    filled = {section.key for section in content.sections if section.blocks}
    for group in MANDATORY:
        if not filled.intersection(group):
            raise MandatorySectionEmpty(
                "Fill one of these sections before the signature.",
                members={"sections": list(group)},
            )


def require_same_shape(draft: Content, restored: Content) -> None:
    """Refuse a restored content that is more than the draft with its surrogates restored.

    Restoration puts words in place of surrogates and touches nothing else: every text without a
    surrogate, every identifier, number and provenance must be the draft's own.

    Raises:
        ContentDiffers: it differs elsewhere; `at` says where.
    """
    _compare(draft.model_dump(mode="json"), restored.model_dump(mode="json"), "content")


def _compare(draft: object, restored: object, at: str) -> None:
    if isinstance(draft, dict) and isinstance(restored, dict) and draft.keys() == restored.keys():
        for key, value in draft.items():
            _compare(value, restored[key], f"{at}.{key}")
    elif isinstance(draft, list) and isinstance(restored, list) and len(draft) == len(restored):
        for position, (one, other) in enumerate(zip(draft, restored, strict=True)):
            _compare(one, other, f"{at}.{position}")
    elif isinstance(draft, str) and isinstance(restored, str):
        if draft != restored and not _SURROGATE.search(draft):
            raise _differs(at)
    elif type(draft) is not type(restored) or draft != restored:
        raise _differs(at)


def _differs(at: str) -> ContentDiffers:
    return ContentDiffers(
        "Read the report, restore its texts, change nothing else, and sign again.",
        members={"at": at[:200]},
    )
