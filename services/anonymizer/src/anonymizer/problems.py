"""Every way the anonymizer can say no."""

from anonymizer.intake.rules import RefusedFile
from keel.problems import MediaTypeNotSupported, NotFound, Problem, TooLarge


class UnreadableDocument(Problem):
    """The file is damaged, cut off, or takes too much to read."""

    code = "unreadable_document"
    title = "The document cannot be read"
    status = 422


class EncryptedDocument(Problem):
    """The file asks for a password."""

    code = "encrypted_document"
    title = "The document is protected by a password"
    status = 422


class EmptyDocument(Problem):
    """The file shows no text."""

    code = "empty_document"
    title = "The document shows no text"
    status = 422


class OcrUnavailable(Problem):
    """The file is a scan, and this installation cannot read scans."""

    code = "ocr_unavailable"
    title = "Scanned documents cannot be read here"
    status = 422


class CriminalDataBlocked(Problem):
    """The text speaks of offences (GDPR art. 10): it is not processed at all."""

    code = "criminal_data_blocked"
    title = "The text speaks of offences or convictions"
    status = 422


class SpecialCategoryBlocked(Problem):
    """The text holds a special category that this installation lets nobody hand in."""

    code = "special_category_blocked"
    title = "The text holds protected data that are not taken in here"
    status = 422


class PolicyNotAllowed(Problem):
    """A label may not be treated so: what names somebody by itself is replaced, or dropped."""

    code = "policy_not_allowed"
    title = "This label cannot be treated so"
    status = 422


class DetectionFailed(Problem):
    """Detection broke down; nothing leaves without it."""

    code = "detection_failed"
    title = "The text could not be examined"
    status = 503


class DetectionTimedOut(Problem):
    """Detection took longer than it may; nothing leaves without it."""

    code = "detection_timed_out"
    title = "The text took too long to examine"
    status = 503


FILE_REFUSALS: tuple[type[Problem], ...] = (
    UnreadableDocument,
    EncryptedDocument,
    EmptyDocument,
    OcrUnavailable,
    MediaTypeNotSupported,
    TooLarge,
)
TEXT_REFUSALS: tuple[type[Problem], ...] = (
    CriminalDataBlocked,
    SpecialCategoryBlocked,
    DetectionFailed,
    DetectionTimedOut,
)
"""What any text may be refused with, however it came."""
_BY_CODE = {refusal.code: refusal for refusal in FILE_REFUSALS}


def problem_of(refused: RefusedFile) -> Problem:
    """Return the problem for what the reading process refused."""
    return _BY_CODE.get(refused.code, UnreadableDocument)(refused.detail)


__all__ = [
    "FILE_REFUSALS",
    "TEXT_REFUSALS",
    "CriminalDataBlocked",
    "DetectionFailed",
    "DetectionTimedOut",
    "EmptyDocument",
    "EncryptedDocument",
    "MediaTypeNotSupported",
    "NotFound",
    "OcrUnavailable",
    "PolicyNotAllowed",
    "SpecialCategoryBlocked",
    "TooLarge",
    "UnreadableDocument",
    "problem_of",
]
