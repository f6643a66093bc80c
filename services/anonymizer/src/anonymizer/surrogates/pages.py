"""Strings that belong together, read as one text: what one of them tells, the others are masked by.

A name that a form gives in one field is a name in the free text of another. Each string stands in
a paragraph of its own; a short one behind the name of its member, as on a form, which is what the
detector knows fields by. What is found is cut at the strings' ends and said of each in its own
offsets.

What the caller knows of a string is surer than the detector only where it hides the whole string.
Where the policy shows something of what it is (it is kept, or made wider), whatever else the
detector finds in it is masked as it would be in a string that nobody knows.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from anonymizer.detection.examiner import Examination
from anonymizer.detection.folding import fold
from anonymizer.detection.lexicon import PARTICLES, TITLES
from anonymizer.detection.rules import Finding, resolved
from anonymizer.special.rules import Decided
from anonymizer.surrogates.json_text import Literal, is_json, literals, normalised
from anonymizer.surrogates.policy import Label
from anonymizer.surrogates.values import Leaf
from keel.problems import InvalidRequest

_BETWEEN = "\n\n"
_LONGEST_FIELD = 100
_SHORTEST_ECHO = 3
_BY_CALLER = "caller"
_OF_NOBODY = frozenset((Label.ORGANISATION, Label.LOCATION, Label.AGE))
"""What the name of a function may tell (`search_jobs_paris`)."""
_SURE_ENOUGH = 0.5
"""A reader that doubts masks a word, which costs little; a refusal would cost the conversation."""
_BEHIND_ALL = -1.0
"""The score of what gives way to whatever the detector finds."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a page that stands for characters of a string."""

    leaf: Leaf
    start: int
    read: Literal

    @property
    def end(self) -> int:
        """Where it ends on the page."""
        return self.start + len(self.read.text)


@dataclass(frozen=True, slots=True)
class Page:
    """One text made of many strings."""

    text: str
    leaves: tuple[Leaf, ...]
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, leaves: Iterable[Leaf]) -> "Page":
        """Write strings on one page, in order."""
        every = tuple(map(_normalised, leaves))
        said: list[str] = []
        passages: list[Passage] = []
        at = 0
        for leaf in every:
            for read in _read(leaf):
                before = f"{read.field} : " if read.field and _is_short(read.text) else ""
                passages.append(Passage(leaf, at + len(before), read))
                said.append(before + read.text + _BETWEEN)
                at += len(said[-1])
        return cls("".join(said), every, tuple(passages))

    def examined(
        self, found: Examination, shown: Collection[Label] = ()
    ) -> list[tuple[Leaf, Examination]]:
        """Return what was found on the page, string by string, in each one's own offsets.

        `shown` are the labels of whose values the policy leaves something to be seen.

        Raises:
            InvalidRequest: somebody is told by a number, an id or the name of a function.
        """
        findings: dict[str, list[Finding]] = defaultdict(list)
        statements: dict[str, list[Decided]] = defaultdict(list)
        for leaf in self.leaves:
            if _is_hidden(leaf, shown):
                findings[leaf.pointer].append(_whole(leaf))
        for finding in self._with_echoes(found.findings, shown):
            for passage, left, right in self._within(finding.start, finding.end):
                leaf = passage.leaf
                if passage.read.is_fixed:
                    _refuse(leaf, finding)
                elif not _is_hidden(leaf, shown):
                    findings[leaf.pointer] += (
                        replace(finding, start=start, end=end)
                        for start, end in passage.read.stretches(left, right)
                        if _says_something(leaf.text[start:end])
                    )
        for statement in found.statements:
            for passage, left, right in self._within(statement.start, statement.end):
                places = passage.read.places
                statements[passage.leaf.pointer].append(
                    replace(statement, start=places[left], end=places[right])
                )
        return [
            (
                leaf,
                Examination(
                    leaf.text, tuple(findings[leaf.pointer]), tuple(statements[leaf.pointer])
                ),
            )
            for leaf in self.leaves
            if leaf.read_as is None
        ]

    def _with_echoes(
        self, findings: Sequence[Finding], shown: Collection[Label]
    ) -> Sequence[Finding]:
        """Return the findings, and what the caller knows wherever it stands again."""
        known = [leaf for leaf in self.leaves if is_known(leaf)]
        if not known:
            return findings
        folded = fold(self.text)
        echoes = [echo for leaf in known for echo in _echoes(self.text, folded, leaf)]
        echoes += self._wholes(shown)
        weak = [echo for echo in echoes if echo.label in shown]
        sure = [echo for echo in echoes if echo.label not in shown]
        return _behind(weak, [*findings, *sure], self.text)

    def _wholes(self, shown: Collection[Label]) -> Iterator[Finding]:
        """Yield the strings of which the caller knows something that the policy shows."""
        for passage in self.passages:
            if is_known(passage.leaf) and not _is_hidden(passage.leaf, shown):
                whole, at = _whole(passage.leaf), passage.start
                yield replace(whole, start=at + whole.start, end=at + whole.end)

    def _within(self, start: int, end: int) -> Iterator[tuple[Passage, int, int]]:
        first = bisect_right(self.passages, start, key=lambda p: p.end)
        for passage in self.passages[first:]:
            if passage.start >= end:
                return
            left, right = max(start, passage.start), min(end, passage.end)
            if _says_something(self.text[left:right]):
                yield passage, left - passage.start, right - passage.start


def labelled(leaves: Iterable[Leaf], labels: Mapping[str, Label]) -> list[Leaf]:
    """Return strings with what the caller knows of them, by pointer.

    Raises:
        InvalidRequest: a pointer names no string: what should be masked would not be.
    """
    every = list(leaves)
    if not labels.keys() <= {leaf.pointer for leaf in every if leaf.read_as is None}:
        raise InvalidRequest("A pointer of `labels` names no string of the value (RFC 6901).")
    return [
        replace(leaf, label=labels.get(leaf.pointer, leaf.label), is_json=False)
        if leaf.pointer in labels
        else leaf
        for leaf in every
    ]


def _normalised(leaf: Leaf) -> Leaf:
    """Return a string as it is masked: JSON without needless escapes, text as it is."""
    is_document = leaf.is_json and is_json(leaf.text)
    text = normalised(leaf.text) if is_document else leaf.text
    return replace(leaf, text=text, is_json=is_document)


def _read(leaf: Leaf) -> Iterator[Literal]:
    if leaf.is_json:
        yield from literals(leaf.text)
    else:
        text = leaf.text if leaf.read_as is None else leaf.read_as
        is_fixed = leaf.read_as is not None
        yield Literal(text, range(len(text) + 1), leaf.field, is_fixed=is_fixed)


def _refuse(leaf: Leaf, finding: Finding) -> None:
    if finding.label not in _OF_NOBODY and finding.score >= _SURE_ENOUGH:
        raise InvalidRequest(
            "Numbers, ids and names of functions are not masked, and this one may identify "
            "somebody. Send a number as a string, and take a person's data out of ids and names.",
            members={"at": leaf.pointer},
        )


def _says_something(text: str) -> bool:
    return any(c.isalnum() for c in text)


def _is_short(text: str) -> bool:
    return len(text) <= _LONGEST_FIELD and "\n" not in text


def is_known(leaf: Leaf) -> bool:
    """Say whether the caller knows what a string is: it is masked whole."""
    return leaf.label is not None and bool(leaf.text.strip())


def _is_hidden(leaf: Leaf, shown: Collection[Label]) -> bool:
    return is_known(leaf) and leaf.label not in shown


def _behind(weak: Sequence[Finding], found: Sequence[Finding], text: str) -> list[Finding]:
    """Return `found`, and what is left of weaker stretches beside it.

    A finding inside a weaker stretch of its own label says nothing new: the whole stretch stands.
    """
    reach: dict[str, tuple[list[int], list[int]]] = {}
    for one in sorted(weak, key=lambda w: w.start):
        starts, ends = reach.setdefault(one.label, ([], []))
        starts.append(one.start)
        ends.append(max(one.end, ends[-1] if ends else 0))
    apart = [f for f in found if not _is_inside(f, *reach.get(f.label, ((), ())))]
    behind = [replace(one, score=_BEHIND_ALL) for one in weak]
    return [
        replace(each, score=1.0) if each.score == _BEHIND_ALL else each
        for each in resolved([*apart, *behind], text)
    ]


def _is_inside(finding: Finding, starts: Sequence[int], ends: Sequence[int]) -> bool:
    before = bisect_right(starts, finding.start)
    return before > 0 and finding.end <= ends[before - 1]


def _whole(leaf: Leaf) -> Finding:
    start = len(leaf.text) - len(leaf.text.lstrip())
    return Finding(start, len(leaf.text.rstrip()), str(leaf.label), _BY_CALLER, 1.0)


def _echoes(text: str, folded: str, leaf: Leaf) -> Iterator[Finding]:
    """Yield where a known value stands; of a person's name, its words too, where they are names."""
    said = fold(leaf.text).split()
    for found in _written(folded, said):
        yield Finding(*found.span(), str(leaf.label), _BY_CALLER, 1.0)
    names = said if leaf.label is Label.PERSON else ()
    for name in names:
        for found in () if name in PARTICLES or name in TITLES else _written(folded, [name]):
            if text[found.start()].isupper():
                yield Finding(*found.span(), str(leaf.label), _BY_CALLER, 1.0)


def _written(folded: str, words: Sequence[str]) -> Iterator[re.Match[str]]:
    if sum(map(len, words)) < _SHORTEST_ECHO:
        return iter(())
    form = r"\s+".join(map(re.escape, words))
    return re.finditer(rf"(?<!\w){form}(?!\w)", folded)
