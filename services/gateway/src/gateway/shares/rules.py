"""What is put to a person for their yes or no, and how long their yes holds (LR-A05, A14)."""

from datetime import datetime
from enum import StrEnum


class AnswerStatus(StrEnum):
    """Where a question to the person stands."""

    AWAITING = "awaiting"
    AGREED = "agreed"
    REFUSED = "refused"
    ENDED = "ended"
    EXPIRED = "expired"


class Answer(StrEnum):
    """What a person, or who acts for them, does about it."""

    AGREE = "agree"
    REFUSE = "refuse"
    END = "end"


class AnswerMethod(StrEnum):
    """How the person agrees: on their own page, or on a paper that the counsellor attests."""

    HOSTED_PAGE = "hosted_page"
    SIGNED_DOCUMENT = "signed_document"


class RecipientKind(StrEnum):
    """The career-guidance operator (conseil en évolution professionnelle), or somebody named."""

    CEP = "cep"
    THIRD_PARTY = "third_party"


_AFTER = {
    (AnswerStatus.AWAITING, Answer.AGREE): AnswerStatus.AGREED,
    (AnswerStatus.AWAITING, Answer.REFUSE): AnswerStatus.REFUSED,
    (AnswerStatus.AWAITING, Answer.END): AnswerStatus.ENDED,
    (AnswerStatus.AGREED, Answer.END): AnswerStatus.ENDED,
}


def status_at(stored: str, ends_at: datetime, at: datetime) -> AnswerStatus:
    """Return where a question stands at an instant; its end needs no job to take effect."""
    status = AnswerStatus(stored)
    if status in {AnswerStatus.AWAITING, AnswerStatus.AGREED} and at >= ends_at:
        return AnswerStatus.EXPIRED
    return status


def after(status: AnswerStatus, answer: Answer) -> AnswerStatus | None:
    """Return the status after an answer; None where it has none any more."""
    return _AFTER.get((status, answer))
