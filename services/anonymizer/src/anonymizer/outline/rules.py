# ruff: noqa: E501 - patterns and word lists are read as long lines
"""The outline itself: every field with its place in the text, so that anybody can check it.

Works on a CV as written and on its pseudonymised form alike. What the page does not say stays
empty; periods without information are shown as such, never as a fault.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from anonymizer.detection.folding import fold
from anonymizer.detection.lexicon import LANGUAGES, OCCUPATIONS
from anonymizer.outline.entries import Entry, Piece, bare_line, entries, roles
from anonymizer.outline.sections import Kind, Line, Section, heading_kind, sections


@dataclass(frozen=True, slots=True)
class Span:
    """Code points from `start` to `end`, end excluded."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Experience:
    """A post held."""

    title: str | None
    employer: str | None
    location: str | None
    start: str | None
    end: str | None
    current: bool
    dates_as_written: str
    missions: tuple[Piece, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class Education:
    """A course followed or a diploma."""

    degree: str | None
    school: str | None
    location: str | None
    start: str | None
    end: str | None
    dates_as_written: str
    span: Span


@dataclass(frozen=True, slots=True)
class SpokenLanguage:
    """A language and its level, as written and in the CEFR where the words allow it."""

    language: str
    level_as_written: str | None
    cefr: str | None
    span: Span


@dataclass(frozen=True, slots=True)
class UntoldPeriod:
    """Months of which the page says nothing, `AAAA-MM` both."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A career in outline."""

    headline: Piece | None
    summary: Piece | None
    experiences: tuple[Experience, ...]
    education: tuple[Education, ...]
    skills: tuple[Piece, ...]
    languages: tuple[SpokenLanguage, ...]
    certifications: tuple[Piece, ...]
    licences: tuple[Piece, ...]
    interests: tuple[Piece, ...]
    untold: tuple[UntoldPeriod, ...]


_CERTIFICATION = re.compile(
    r"certificat|certifi|habilitation|caces|afgsu|\bsst\b|psc ?1|haccp|permis d'exploitation|scrum|psm|toeic|toefl|voltaire|attestation|agrement|tosa|itil|"
    r"prince2|ssiap|bafa|\bfimo\b|\bfco\b|qualigaz|\bpix\b|clea|cqp|amiante|travail en hauteur|hygiene"
)
_DEGREE = re.compile(
    r"\b(?:bac|baccalaureat|bts|but|dut|cap|bep|licence|master|mastere|doctorat|diplome|titre pro|titre professionnel|brevet|ingenieur|deug|deust|dcg|dscg|mention|bp|mba|vae|dea|dess|cqp)"
)
_LICENCE = re.compile(
    r"\bpermis[ ]+(?:de conduire[ ]+)?(?P<kinds>(?-i:A1|A2|AM|A|BE|B|C1E|C1|CE|C|D1|DE|D)(?!['’])(?:[ ]?(?:,|et|/|\+|&)[ ]?(?:A1|A2|AM|A|BE|B|C1E|C1|CE|C|D1|DE|D)\b)*)\b(?!['’])",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"\b(?P<cefr>[ABC][12])\b")
_LEVELS = (
    ("C2", r"langue maternelle|maternelle|bilingue|natif|native"),
    ("C1", r"courant|fluent|avance|professionnel"),
    ("B1", r"intermediaire|conversation|moyen"),
    ("A2", r"notions?|scolaire|bases|technique|elementaire"),
    ("A1", r"debutant"),
)
_NAMES = "|".join(sorted(map(re.escape, LANGUAGES), key=len, reverse=True))
_LANGUAGE = re.compile(rf"(?<!\w)(?P<name>{_NAMES})(?!\w)(?P<rest>[^\n;•]{{0,60}})")
_ITEMS = re.compile(r"[;•|\n\t·]|,(?![^()]*\))|[ ][–—-][ ]")
_CONTACT = re.compile(
    r"@|https?:|www\.|\d{5}|(?:\d[ .]?){8}|\[(?:COURRIEL|TELEPHONE|ADRESSE|LIEN|NAISSANCE|LIEU|AGE)_\d+[a-z]*\]|^(?:tel|mail)\b",
    re.IGNORECASE,
)
_SURROGATE = re.compile(r"\[[A-Z]+_\d+[a-z]*\]|\[mention retirée\]")
_MIN_GAP_MONTHS = 4


def outline(text: str) -> Outline:
    """Read the outline of a CV."""
    cut = sections(text)
    posts = [
        _experience(entry)
        for section in _of(cut, Kind.EXPERIENCES)
        for entry in entries(section.lines)
    ]
    studies, certified = _studies(cut)
    posts = [post for post in posts if post.title or post.employer]
    return Outline(
        headline=_headline(cut),
        summary=_summary(cut),
        experiences=tuple(posts),
        education=tuple(studies),
        skills=tuple(item for section in _of(cut, Kind.SKILLS) for item in _items(section.lines)),
        languages=tuple(_languages(text, cut)),
        certifications=tuple(certified),
        licences=tuple(_pieces(_LICENCE, text)),
        interests=tuple(item for s in _of(cut, Kind.INTERESTS) for item in _items(s.lines)),
        untold=tuple(_untold(posts, studies)),
    )


def _of(cut: Sequence[Section], kind: Kind) -> Iterator[Section]:
    return (section for section in cut if section.kind is kind)


def _experience(entry: Entry) -> Experience:
    role = roles(entry.fields)
    period = entry.period
    single = period is not None and not period.is_range
    return Experience(
        title=_text(role.what),
        employer=_text(role.where),
        location=_text(role.place),
        start=period.end if period is not None and single else period.start if period else None,
        end=period.end if period is not None else None,
        current=period is not None and period.current,
        dates_as_written=entry.dates_as_written,
        missions=tuple(entry.missions),
        span=Span(entry.start, entry.end),
    )


def _studies(cut: Sequence[Section]) -> tuple[list[Education], list[Piece]]:
    """Return studies and certifications: they often stand in one section."""
    studies: list[Education] = []
    certified = [i for section in _of(cut, Kind.CERTIFICATIONS) for i in _items(section.lines)]
    for section in _of(cut, Kind.EDUCATION):
        for entry in entries(section.lines):
            studies_of, found = _study(entry)
            studies += studies_of
            certified += found
    return studies, certified


def _study(entry: Entry) -> tuple[list[Education], list[Piece]]:
    fields = list(entry.fields)
    written = " ".join(field.text for field in fields)
    if not fields:
        return [], []
    if _CERTIFICATION.search(fold(written)) and not _DEGREE.search(fold(fields[0].text)):
        return [], [*map(bare_line, entry.lines)]
    role = roles(fields)
    degree = next((f for f in fields if _DEGREE.search(fold(f.text))), role.what)
    school = role.where if role.where is not degree else role.what
    # Lines below a diploma, without a date of their own, are what else was obtained.
    extra = [m for m in entry.missions if _CERTIFICATION.search(fold(m.text))]
    period = entry.period
    study = Education(
        _text(degree), _text(school), _text(role.place),
        period.start if period else None, period.end if period else None,
        entry.dates_as_written, Span(entry.start, entry.end),
    )  # fmt: skip
    return [study], extra


def _text(piece: Piece | None) -> str | None:
    return None if piece is None else piece.text


def _items(lines: Sequence[Line]) -> Iterator[Piece]:
    """Yield the items of a list, however it is laid out; a wrapped line goes on."""
    for piece in _logical(lines):
        at = 0
        for cut in [*_ITEMS.finditer(piece.text), None]:
            stop = len(piece.text) if cut is None else cut.start()
            raw = piece.text[at:stop]
            bare = raw.strip(" .,;:•*–—-·+>\t")
            if len(bare) > 1 and heading_kind(bare) is None and not _LEVELLED.match(fold(bare)):
                yield Piece(bare, piece.start + at + raw.index(bare))
            at = stop if cut is None else cut.end()


_LEVELLED = re.compile(rf"(?:{_NAMES})[ ]*(?:[:(–-]|[abc][12]\b)")


def _logical(lines: Sequence[Line]) -> Iterator[Piece]:
    held: Piece | None = None
    for line in lines:
        opens = held is not None and held.text.count("(") > held.text.count(")")
        if (
            held is not None
            and line.text
            and not line.is_bullet
            and (opens or line.text[:1].islower())
        ):
            held = Piece(f"{held.text} {line.text}", held.start)
            continue
        if held is not None:
            yield held
        held = Piece(line.text, line.start) if line.text else None
    if held is not None:
        yield held


def _languages(text: str, cut: Sequence[Section]) -> Iterator[SpokenLanguage]:
    seen: set[str] = set()
    spoken = [*_of(cut, Kind.LANGUAGES), *_of(cut, Kind.SKILLS)]
    for section in spoken:
        for line in section.lines:
            for match in _LANGUAGE.finditer(fold(line.text)):
                level, cefr = _level(
                    line.text[match.start("rest") : match.end("rest")], match["rest"]
                )
                named = section.kind is Kind.LANGUAGES or cefr is not None or level is not None
                if match["name"] in seen or not named:
                    continue
                seen.add(match["name"])
                start, end = line.start + match.start(), line.start + match.end("name")
                yield SpokenLanguage(text[start:end], level, cefr, Span(start, end))


def _level(written: str, folded: str) -> tuple[str | None, str | None]:
    stop = re.search(rf",|(?<!\w)(?:{_NAMES})(?!\w)", folded)
    cut = stop.start() if stop is not None else len(folded)
    level = written[:cut].strip(" :–—-.\t")
    level = (
        level[1:-1]
        if level.startswith("(") and level.endswith(")") and level.count("(") == 1
        else level
    )
    code = _LEVEL.search(written[:cut])
    if code is not None:
        return level or None, code["cefr"]
    found = next((c for c, words in _LEVELS if re.search(rf"\b(?:{words})", folded[:cut])), None)
    return level or None, found


def _pieces(pattern: re.Pattern[str], text: str) -> Iterator[Piece]:
    seen: set[str] = set()
    for match in pattern.finditer(text):
        if fold(match[0]) not in seen:
            seen.add(fold(match[0]))
            yield Piece(match[0], match.start())


def _headline(cut: Sequence[Section]) -> Piece | None:
    """Return the trade that a CV announces under the name."""
    head = next(_of(cut, Kind.HEAD), None)
    lines = [line for line in head.lines if line.text][:10] if head is not None else []
    shown = [(i, line) for i, line in enumerate(lines) if not _CONTACT.search(_cell(line.text))]
    titled = (pair for pair in shown if fold(re.split(r"[\s,]", pair[1].text)[0]) in OCCUPATIONS)
    index, line = next(titled, (-1, None))
    if line is None:
        candidates = [p for p in shown[1:] if _is_short(p[1].text)]
        index, line = candidates[0] if candidates else (-1, None)
    if line is None:
        return None
    text = _cell(line.text)
    following = lines[index + 1].text if index + 1 < len(lines) else ""
    if following[:1].islower() and len(following.split()) <= 4:  # noqa: PLR2004 - the rest of a wrapped title
        text = f"{text} {following}"
    return Piece(text, line.start)


def _cell(text: str) -> str:
    """Return what comes before contact details on the same line."""
    cells = re.split(r"\t|[ ]\|[ ]", text)[0]
    kept = re.split(r"([ ][–—-][ ])", cells)
    while kept and (
        _SURROGATE.fullmatch(kept[-1].strip()) or re.fullmatch(r"\s*[–—-]\s*|\d+ ans", kept[-1])
    ):
        kept.pop()
    return "".join(kept).strip()


def _is_short(text: str) -> bool:
    return (
        1 <= len(text.split()) <= 9  # noqa: PLR2004 - longer is a sentence
        and not text.endswith(".")
        and _SURROGATE.sub("", text).strip() != ""
    )


def _summary(cut: Sequence[Section]) -> Piece | None:
    spoken = [*_of(cut, Kind.PROFILE), *_of(cut, Kind.HEAD)]
    for section in spoken:
        for piece in _logical(section.lines):
            told = section.kind is Kind.PROFILE or piece.text.endswith(".")
            if told and len(piece.text.split()) >= 8 and not _CONTACT.search(piece.text):  # noqa: PLR2004
                return piece
    return None


def _untold(posts: Sequence[Experience], studies: Sequence[Education]) -> Iterator[UntoldPeriod]:
    """Yield months between the first and the last thing told, of which nothing is told."""
    told: list[tuple[int, int]] = []
    items: list[Experience | Education] = [*posts, *studies]
    for item in items:
        first = item.start or item.end
        last = item.end or item.start
        if first is None or last is None:
            continue
        ends_now = isinstance(item, Experience) and item.current
        told.append((_months(first, last=False), 10**6 if ends_now else _months(last, last=True)))
    told.sort()
    reach = told[0][1] if told else 0
    for begun, ended in told[1:]:
        if begun - reach > _MIN_GAP_MONTHS:
            yield UntoldPeriod(_written(reach + 1), _written(begun - 1))
        reach = max(reach, ended)


def _months(point: str, *, last: bool) -> int:
    year, _, month = point.partition("-")
    # A year alone may mean any of its months: the doubt is the person's.
    return int(year) * 12 + (int(month) - 1 if month else 11 if last else 0)


def _written(months: int) -> str:
    return f"{months // 12}-{months % 12 + 1:02}"
