"""A name found once is masked everywhere: other cases, accents, initials, e-mail local parts."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import ALL_KEPT, AMBIGUOUS, OCCUPATIONS, PARTICLES, PLAIN
from anonymizer.detection.rules import Finding, Hints

_SURE = 0.65
_WORD = re.compile(r"[^\W\d_](?:[\w'’ʼ]|[-‐‑](?=\w))*")
_BEFORE = re.compile(r"(?<!\w)(?:[A-ZÀ-Ý]\.[ ]?-?){1,3}$|(?<![\w.])[A-ZÀ-Ý]{1,2} $")
_GAP = re.compile(r"[\s\-]+")
_INITIAL = re.compile(r"(?<!\w)([^\W\d_])\.")
_BETWEEN = frozenset(("", " ", "-", "‐", " -", " ‐"))
_MAX_INITIALS = 4
_CAPITALS = re.compile(r"(?<![\w.&/-])[^\W\d_]{2,4}(?![\w&/-])")
_SHORTEST = 3
_MAX_NAMES = 20_000


@dataclass(frozen=True, slots=True)
class _Known:
    """A folded form to look for."""

    form: str
    label: str
    score: float
    rule: str
    needs_capital: bool


def spread(text: str, findings: Sequence[Finding], hints: Hints) -> list[Finding]:
    """Return further findings: the same people, organisations and towns, written otherwise."""
    # What the caller said is looked for whatever else the text holds.
    known = {hint.form: hint for hint in _hinted(hints)}
    for found_form in islice(_known(text, findings), _MAX_NAMES):
        known.setdefault(found_form.form, found_form)
    folded = fold(text)
    found: list[Finding] = []
    for item in known.values():
        found += _occurrences(text, folded, item)
    found += _initials(text, findings)
    return found


def _known(text: str, findings: Sequence[Finding]) -> Iterator[_Known]:
    for finding in findings:
        written = text[finding.start : finding.end]
        if finding.label == "PERSON" and finding.score >= _SURE - 0.05:
            yield from _parts(written, finding.score)
        elif finding.label == "EMAIL":
            yield from _local_part(written, findings, text)
        elif finding.label in ("ORGANISATION", "LOCATION") and finding.score >= _SURE:
            form = " ".join(fold(written).split())
            if len(form) > _SHORTEST and not _is_everyday(form):
                yield _Known(form, finding.label, 0.55, "propagated", needs_capital=True)


def _parts(written: str, score: float) -> Iterator[_Known]:
    words = [word[0] for word in _WORD.finditer(written)]
    if len(words) > 1:
        form = " ".join(fold(written).split())
        yield _Known(form, "PERSON", score, "propagated", needs_capital=False)
    for word in words:
        form = fold(word)
        shouted = written.isupper() or written.islower()
        if len(form) < _SHORTEST or form in PARTICLES or not (word[0].isupper() or shouted):
            continue
        everyday = _is_everyday(form)
        if everyday and form not in AMBIGUOUS and len(words) > 1 and not word.isupper():
            continue
        yield _Known(form, "PERSON", 0.6, "propagated", needs_capital=everyday or len(form) < 5)  # noqa: PLR2004


def _local_part(written: str, findings: Sequence[Finding], text: str) -> Iterator[_Known]:
    """Yield the names in an e-mail's local part that the lists or the text know."""
    local = fold(written.partition("@")[0])
    lists = gazetteer()
    people = {
        fold(word[0])
        for finding in findings
        if finding.label == "PERSON"
        for word in _WORD.finditer(text[finding.start : finding.end])
    }
    for part in re.split(r"[._+\d-]+", local):
        named = part in lists.first_names or part in lists.surnames or part in people
        if len(part) > _SHORTEST and named and not _is_everyday(part):
            yield _Known(part, "PERSON", 0.6, "e-mail local part", needs_capital=True)


def _is_everyday(form: str) -> bool:
    words = form.replace("-", " ").split()
    return all(w in ALL_KEPT or w in PLAIN or w in OCCUPATIONS or w in AMBIGUOUS for w in words)


def _hinted(hints: Hints) -> Iterator[_Known]:
    given = (
        (hints.first_name, "PERSON"),
        (hints.last_name, "PERSON"),
        (hints.email, "EMAIL"),
        (hints.employer, "ORGANISATION"),
        (hints.city, "LOCATION"),
    )
    for value, label in given:
        form = " ".join(fold(value or "").split())
        if len(form) > 1:
            short = len(form) <= _SHORTEST or _is_everyday(form)
            yield _Known(form, label, 1.0, "hint", needs_capital=short)
    if hints.first_name and hints.last_name:
        for form in (
            f"{hints.first_name} {hints.last_name}",
            f"{hints.last_name} {hints.first_name}",
        ):
            yield _Known(" ".join(fold(form).split()), "PERSON", 1.0, "hint", needs_capital=False)


def _occurrences(text: str, folded: str, known: _Known) -> Iterator[Finding]:
    words = known.form.replace("-", " ").split()
    at = folded.find(words[0]) if words else -1
    while at >= 0:
        end = _end(folded, at, words)
        if end is not None and (text[at].isupper() or not known.needs_capital):
            start = at
            if known.label == "PERSON":
                initial = _BEFORE.search(text[max(0, at - 8) : at])
                start -= len(initial[0]) if initial is not None else 0
            yield Finding(start, end, known.label, known.rule, known.score)
        at = folded.find(words[0], at + 1 if end is None else end)


def _end(folded: str, start: int, words: Sequence[str]) -> int | None:
    """Return where the words end that stand at `start`, whole; None when others do."""
    if folded[start - 1 : start].isalnum():
        return None
    at = start
    for index, word in enumerate(words):
        gap = _GAP.match(folded, at) if index else None
        at = at if gap is None else gap.end()
        if (index and gap is None) or not folded.startswith(word, at):
            return None
        at += len(word)
    at += folded.startswith("s'", at)
    return None if folded[at : at + 1].isalnum() else at


def _initials(text: str, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield "J. M." and "JM" for people whose full name the text gives."""
    orders = {
        order
        for finding in findings
        if finding.label == "PERSON" and finding.score >= _SURE
        for order in _orders(text[finding.start : finding.end])
    }
    if orders:
        yield from _dotted(text, orders)
        for match in _CAPITALS.finditer(text):
            if match[0] in orders and fold(match[0]) not in ALL_KEPT:
                yield Finding(match.start(), match.end(), "PERSON", "initials", 0.55)


def _orders(name: str) -> set[str]:
    """Return the initials of a name, as they may follow each other."""
    key = "".join(
        part[0]
        for word in _WORD.finditer(name)
        for part in re.split(r"[-‐‑]", word[0])
        if fold(part) not in PARTICLES and part[:1].isupper()
    )
    if not 2 <= len(key) <= _MAX_INITIALS:  # noqa: PLR2004
        return set()
    double = "-" in name.split(" ", maxsplit=1)[0]
    given = {key[:2]} if double and len(key) > 2 else set()  # noqa: PLR2004
    return {key, key[-1:] + key[:-1], key[1:] + key[:1]} | given


def _dotted(text: str, orders: Collection[str]) -> Iterator[Finding]:
    initials = list(_INITIAL.finditer(text))
    ends = dict.fromkeys(orders, 0)
    for index, first in enumerate(initials):
        order, last = first[1], first
        for following in initials[index + 1 : index + _MAX_INITIALS]:
            if text[last.end() : following.start()] not in _BETWEEN:
                break
            order, last = order + following[1], following
            if first.start() >= ends.get(order, len(text)):
                ends[order] = last.end()
                yield Finding(first.start(), last.end(), "PERSON", "initials", 0.7)
