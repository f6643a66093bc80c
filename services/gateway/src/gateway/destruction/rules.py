"""What is destroyed in which order, when it is due, and what proves it (R6313-7; GDPR 17)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from keel.clock import rfc3339

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=10)
_DOUBLINGS = 10
"""More would pass the longest pause anyhow."""
BACKUPS_LIVE = timedelta(days=30)
"""For how long backups of wrapped keys live (consent profile, section 7.2)."""
NOTHING_STORED = ("llm-router", "labour-market")
"""Services that store nothing about anybody: they have nothing to acknowledge."""


class DestructionKind(StrEnum):
    """What ends: a bilan, a person's data, or what an agreement kept."""

    CLOSING = "closing"
    ERASURE = "erasure"
    RETENTION_END = "retention_end"


class DestructionReason(StrEnum):
    """Why."""

    COMPLETED = "completed"
    """The three phases are closed."""
    ABANDONED = "abandoned"
    """The bilan ends before its aims are met."""
    TERM = "term"
    """The end date of the action, or of the agreement, is past (R6313-7)."""
    REQUESTED = "requested"
    """The person asked for their erasure (GDPR 17), or for the end of what is kept."""


class DestructionState(StrEnum):
    """How far it has come."""

    UNDER_WAY = "under_way"
    HELD = "held"
    """Only the keys of records are left, which a legal hold of the tenant keeps."""
    DONE = "done"
    SUPERSEDED = "superseded"
    """The erasure of the person does it too, and goes further."""


class StepName(StrEnum):
    """The steps, of which each kind takes some."""

    IN_FLIGHT = "in_flight"
    """Whatever still ran has ended, and each dispatch has the record that closes it."""
    KEEPING = "keeping"
    """What live agreements keep moves under a key of its own."""
    ANONYMIZER = "anonymizer"
    REPORTS = "reports"
    CONTENT = "gateway"
    """The gateway's own keys, ciphertexts and references."""
    RECORDS = "records"
    """The key of the person's records, and their rows, once no legal hold stands."""
    CHECK = "check"
    """A query finds nothing of the subject any more (LR-A16); the certificate follows."""


STEPS: Mapping[DestructionKind, tuple[StepName, ...]] = {
    DestructionKind.CLOSING: (
        StepName.IN_FLIGHT,
        StepName.KEEPING,
        StepName.ANONYMIZER,
        StepName.REPORTS,
        StepName.CONTENT,
        StepName.CHECK,
    ),
    DestructionKind.ERASURE: (
        StepName.IN_FLIGHT,
        StepName.ANONYMIZER,
        StepName.REPORTS,
        StepName.CONTENT,
        StepName.RECORDS,
        StepName.CHECK,
    ),
    DestructionKind.RETENTION_END: (
        StepName.ANONYMIZER,
        StepName.REPORTS,
        StepName.CONTENT,
        StepName.CHECK,
    ),
}

LEGAL_BASIS: Mapping[DestructionKind, str] = {
    DestructionKind.CLOSING: "Code du travail, article R6313-7",
    DestructionKind.ERASURE: "Regulation (EU) 2016/679, article 17",
    DestructionKind.RETENTION_END: "Code du travail, article R6313-7",
}


def pause_after(failures: int) -> timedelta:
    """Return how long to wait after so many failures in a row; it is tried for ever."""
    doublings = min(max(failures - 1, 0), _DOUBLINGS)
    return min(LONGEST_PAUSE, FIRST_PAUSE * (1 << doublings))


def last_due_day(at: datetime, delay: timedelta) -> date:
    """Return the last end date whose bilans are begun to be closed by now.

    It is begun with a quarter of the delay left, so that it is done within it (LR-A13).
    """
    return (at - delay * 3 / 4).astimezone(UTC).date() - timedelta(days=1)


def closes_at(ends_on: date, delay: timedelta) -> datetime:
    """Return by when a bilan is closed: the end of its last day, UTC, and the delay (LR-A13)."""
    return datetime.combine(ends_on + timedelta(days=1), time(), UTC) + delay


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One step that is done."""

    name: str
    counts: Mapping[str, int]


def added(counts: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Add up what several answers counted, member by member; what is no number is left out."""
    total: dict[str, int] = {}
    for counted in counts:
        for name, number in counted.items():
            if isinstance(number, int) and not isinstance(number, bool):
                total[name] = total.get(name, 0) + number
    return total


def certificate(
    *,
    destruction: str,
    kind: DestructionKind,
    reason: str,
    subject: str,
    requested_at: datetime,
    destroyed_at: datetime,
    steps: Iterable[Acknowledged],
    record: str | None,
) -> dict[str, Any]:
    """Return what proves a destruction: identifiers and counts, no content (LR-A13).

    It is made once and stored; whoever asks later reads the same.
    """
    return {
        "format_version": "1",
        "destruction": destruction,
        "kind": str(kind),
        "reason": reason,
        "legal_basis": LEGAL_BASIS[kind],
        "subject": subject,
        "requested_at": rfc3339(requested_at),
        "destroyed_at": rfc3339(destroyed_at),
        "acknowledged": {step.name: dict(step.counts) for step in steps},
        "nothing_stored": list(NOTHING_STORED),
        "found_afterwards": 0,
        "backups_until": rfc3339(destroyed_at + BACKUPS_LIVE),
        "record": record,
    }
