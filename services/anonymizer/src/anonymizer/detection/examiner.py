"""Examining texts without holding up the event loop: one thread, one model, loaded once."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from anonymizer.detection.rules import LABELS, Finding, Hints, trimmed
from anonymizer.detection.threads import BoundedThread, TooLong, TooManyLeft
from anonymizer.problems import (
    CriminalDataBlocked,
    DetectionFailed,
    DetectionTimedOut,
    SpecialCategoryBlocked,
)
from anonymizer.special.rules import Category, Decided, SpecialPolicy, Statement, blocked, removed
from keel.start import StartRefused

if TYPE_CHECKING:
    from anonymizer.detection.service import Detector

log = structlog.get_logger()
# A text that names none of these is about nobody in particular.
_OF_A_PERSON = frozenset(LABELS) - {"ORGANISATION", "LOCATION", "URL", "AGE"}


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found in one text."""

    text: str
    findings: tuple[Finding, ...]
    statements: tuple[Decided, ...]

    @property
    def masked(self) -> tuple[Finding, ...]:
        """What of the findings is not removed with a special-category statement.

        A finding that sticks out of a statement stays one: its other half would be a leak.
        """
        gone = removed(self.statements)
        return tuple(
            left for finding in self.findings for left in _outside(finding, gone, self.text)
        )

    @property
    def is_of_somebody(self) -> bool:
        """Say whether the text speaks of an identifiable person."""
        return bool(self.statements) or any(f.label in _OF_A_PERSON for f in self.findings)


@dataclass(slots=True)
class Examiner:
    """Examines texts in a thread of its own; `start` begins to load the model."""

    model: str
    special: SpecialPolicy = field(default_factory=SpecialPolicy)
    timeout_seconds: float = 30.0
    second: tuple[str, Path] | None = None
    """The kind and the model's folder of a second reader."""
    _thread: BoundedThread = field(init=False)
    _loading: "asyncio.Future[Detector] | None" = None

    def __post_init__(self) -> None:
        self._thread = BoundedThread("detection", self.timeout_seconds)

    def start(self) -> None:
        """Begin to load the model, in the background."""
        self._loading = self._thread.unbounded(_load, self.model, self.second)
        self._loading.add_done_callback(_tell_why)

    async def is_ready(self) -> bool:
        """Say whether the model is loaded, and a text would be begun with."""
        loading = self._loading
        loaded = loading is not None and loading.done() and loading.exception() is None
        return loaded and not self._thread.is_overrun

    async def close(self) -> None:
        """Let the thread go, the model once it is loaded."""
        if self._loading is not None:
            await asyncio.wait({self._loading})
        await self._thread.close()

    async def examine(
        self, text: str, hints: Hints | None = None, data_categories: Iterable[str] = ()
    ) -> Examination:
        """Find what identifies somebody and what is of a special category.

        `data_categories` are those of consent to which the person's explicit grant is live.

        Raises:
            CriminalDataBlocked: the text speaks of offences.
            SpecialCategoryBlocked: it holds a category that the operator lets nobody hand in.
            DetectionFailed: the detector broke down; nothing may leave.
            DetectionTimedOut: it took longer than `timeout_seconds`, or earlier texts still do.
        """
        if self._loading is None:
            raise DetectionFailed("The model is not loaded. Try again in a moment.")
        try:
            detector = await asyncio.shield(self._loading)
            findings, statements = await self._thread.run(_examine, detector, text, hints)
        except (TooLong, TooManyLeft) as slow:
            log.error("detection_timed_out", error=type(slow).__name__)  # noqa: TRY400 - the same
            raise DetectionTimedOut(
                "Nothing was kept and nothing left. Send less text at once, or try again later.",
                headers={"Retry-After": "30"},
            ) from None
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may leave
            log.error("detection_failed", error=type(error).__name__)  # noqa: TRY400 - a trace could quote the text
            raise DetectionFailed("Nothing was kept and nothing left. Try again.") from None
        decided = self.special.decide(statements, data_categories)
        _refuse(blocked(decided))
        return Examination(text, findings, decided)


def _load(model: str, second: tuple[str, Path] | None) -> "Detector":
    # Imported here, in the thread: presidio and spaCy take seconds, and the service can already
    # say that it is alive, and not ready yet.
    from anonymizer.detection.second_reader import second_reader  # noqa: PLC0415
    from anonymizer.detection.service import Detector  # noqa: PLC0415

    return Detector.load(model, None if second is None else second_reader(*second))


def _tell_why(loading: "asyncio.Future[Detector]") -> None:
    """Log why nothing was loaded: the service stays alive, not ready, and refuses every text."""
    error = None if loading.cancelled() else loading.exception()
    if error is not None:
        reason = str(error) if isinstance(error, StartRefused) else None
        log.error("detection_not_loaded", error=type(error).__name__, reason=reason)


def _examine(
    detector: "Detector", text: str, hints: Hints | None
) -> tuple[tuple[Finding, ...], list[Statement]]:
    findings = tuple(detector.find(text, hints))
    return findings, detector.statements(text, findings)


def _outside(finding: Finding, gone: Sequence[Decided], text: str) -> Iterator[Finding]:
    """Yield the stretches of a finding that no statement takes away."""
    over = sorted((s.start, s.end) for s in gone if s.overlaps(finding.start, finding.end))
    if not over:
        yield finding
        return
    at = finding.start
    for start, end in [*over, (finding.end, finding.end)]:
        left = trimmed(replace(finding, start=at, end=start), text) if at < start else None
        if left is not None:
            yield left
        at = end


def _refuse(categories: Collection[Category]) -> None:
    if Category.CRIMINAL in categories:
        raise CriminalDataBlocked(
            "Take what concerns offences or convictions out of the text, then send it again."
        )
    if categories:
        raise SpecialCategoryBlocked(
            "Take what concerns the `categories` out of the text, then send it again.",
            members={"categories": sorted(categories)},
        )
