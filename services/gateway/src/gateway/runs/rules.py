"""What a run is: its states, its envelope, what each use case needs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RunMode(StrEnum):
    """How a run is made. `best` tries `assisted` and falls back to `computed`, saying why."""

    COMPUTED = "computed"
    ASSISTED = "assisted"
    BEST = "best"


class RunStatus(StrEnum):
    """Where a run stands; all but `running` are final."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Request:
    """What a caller asks of a use case. Free text is raw until it was pseudonymised."""

    use_case: str
    bilan: str
    mode: RunMode
    document: str | None = None
    occupation: str | None = None
    territory: str = "FR"
    runs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """What a recipe or a model made, pseudonymised."""

    result: Mapping[str, Any]
    open_questions: Sequence[str] = ()
    limits: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Marking:
    """How the output is marked when it leaves (AI Act art. 50(2))."""

    record: str | None = None
    recipient: str | None = None
    provider: str | None = None
    model: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the marking member of the envelope."""
        if self.record is None:
            return {"ai": False, "label": "Calculé par des règles, sans modèle."}
        return {
            "ai": True,
            "label": "Rédigé par une IA, à relire.",
            "digital_source_type": "trainedAlgorithmicMedia",
            "record": self.record,
            "recipient": self.recipient,
            "provider": self.provider,
            "model": self.model,
        }


@dataclass(frozen=True, slots=True)
class Finished:
    """A run that came to its end, before it is stored."""

    mode: RunMode
    made: Made
    marking: Marking = field(default_factory=Marking)
    evidence_coverage: int | None = None
    fallback_reason: str | None = None


def envelope(finished: Finished, card: Mapping[str, Any], trace_id: str | None) -> dict[str, Any]:
    """Return the envelope that every use case answers in."""
    return {
        "use_case": card["id"],
        "version": card["version"],
        "language": "fr",
        "mode": str(finished.mode),
        "fallback_reason": finished.fallback_reason,
        "result": dict(finished.made.result),
        "evidence_coverage": finished.evidence_coverage,
        "open_questions": list(finished.made.open_questions),
        "limits": list(finished.made.limits),
        "marking": finished.marking.as_json(),
        "trace_id": trace_id,
        "oversight": card["oversight"],
        "automated_decision": False,
    }
