"""A name found once is masked everywhere: other cases, accents, initials, e-mail local parts."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import ALL_KEPT, AMBIGUOUS, OCCUPATIONS, PARTICLES, PLAIN
from anonymizer.detection.rules import Finding, Hints

_SURE = 0.65
_WORD = re.compile(r"[^\W\d_](?:[\w'’ʼ]|[-‐‑](?=\w))*")
_BEFORE = re.compile(r"(?<!\w)(?:[A-ZÀ-Ý]\.[ ]?-?){1,3}$|(?<![\w.])[A-ZÀ-Ý]{1,2} $")
_SHORTEST = 3
_MAX_NAMES = 400


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
    known = {known.form: known for known in _known(text, findings)}
    known |= {hint.form: hint for hint in _hinted(hints)}
    folded = fold(text)
    found: list[Finding] = []
    for item in list(known.values())[:_MAX_NAMES]:
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
    pattern = r"[\s\-]+".join(re.escape(word) for word in re.split(r"[\s\-]+", known.form) if word)
    if not pattern:
        return
    for match in re.finditer(rf"(?<![^\W_]){pattern}(?:s(?=['’]))?(?![^\W_])", folded):
        if known.needs_capital and not text[match.start()].isupper():
            continue
        start = match.start()
        if known.label == "PERSON":
            initial = _BEFORE.search(text[max(0, start - 8) : start])
            start -= len(initial[0]) if initial is not None else 0
        yield Finding(start, match.end(), known.label, known.rule, known.score)


def _initials(text: str, findings: Sequence[Finding]) -> Iterator[Finding]:
    """Yield "J. M." and "JM" for people whose full name the text gives."""
    seen: set[str] = set()
    for finding in findings:
        if finding.label != "PERSON" or finding.score < _SURE:
            continue
        words = [
            part
            for word in _WORD.finditer(text[finding.start : finding.end])
            for part in re.split(r"[-‐‑]", word[0])
            if fold(part) not in PARTICLES and part[:1].isupper()
        ]
        letters = [word[0] for word in words]
        key = "".join(letters)
        if not 2 <= len(letters) <= 4 or key in seen:  # noqa: PLR2004
            continue
        seen.add(key)
        double = "-" in text[finding.start : finding.end].split(" ", maxsplit=1)[0]
        given = {key[:2]} if double and len(key) > 2 else set()  # noqa: PLR2004
        for order in {key, key[-1:] + key[:-1], key[1:] + key[:1]} | given:
            yield from _dotted(text, order)


def _dotted(text: str, letters: str) -> Iterator[Finding]:
    pattern = r"[ ]?[-‐]?".join(rf"{letter}\." for letter in letters)
    for match in re.finditer(rf"(?<!\w){pattern}", text):
        yield Finding(match.start(), match.end(), "PERSON", "initials", 0.7)
    bare = rf"(?<![\w.&/-]){letters}(?![\w&/-])"
    if len(letters) >= 2 and fold(letters) not in ALL_KEPT:  # noqa: PLR2004
        for match in re.finditer(bare, text):
            yield Finding(match.start(), match.end(), "PERSON", "initials", 0.55)
