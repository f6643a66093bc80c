# ruff: noqa: E501 - patterns and word lists are read as long lines
"""The sections of a CV, by their headings."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from anonymizer.detection.folding import fold


class Kind(StrEnum):
    """What a section tells."""

    HEAD = "head"
    PROFILE = "profile"
    CONTACT = "contact"
    EXPERIENCES = "experiences"
    EDUCATION = "education"
    CERTIFICATIONS = "certifications"
    SKILLS = "skills"
    LANGUAGES = "languages"
    INTERESTS = "interests"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the text, without the white space around it."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)

    @property
    def is_bullet(self) -> bool:
        """Say whether it is an item of a list."""
        return self.text[:1] in "•*–—" or self.text[:2] in ("- ", "· ", "+ ", "> ")


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of lines about one thing (empty lines stay: they separate)."""

    kind: Kind
    lines: Sequence[Line]


# The first word that fits decides; a heading has few words and ends without a full stop.
_HEADINGS = (
    (
        Kind.EXPERIENCES,
        r"experiences?|parcours(?! de formation)|emplois?(?: occupes)?|carriere|stages?|postes occupes|historique|activites? professionnelles?",
    ),
    (
        Kind.EDUCATION,
        r"formations?|diplomes?|etudes|cursus|scolarite|parcours de formation|parcours scolaire",
    ),
    (Kind.CERTIFICATIONS, r"certifications?|habilitations?|certificats?"),
    (
        Kind.SKILLS,
        r"(?:domaines? de )?competences?|savoir[ -](?:faire|etre)|atouts|logiciels?|informatique|bureautique|outils|qualites|points forts|aptitudes",
    ),
    (Kind.LANGUAGES, r"langues?(?: etrangeres?| vivantes?)?|linguistique"),
    (
        Kind.INTERESTS,
        r"centres? d'? ?interets?|interets|loisirs?|divers|passions?|hobbies|activites(?: extra.*| personnelles)?|vie associative|benevolat|engagements?",
    ),
    (
        Kind.CONTACT,
        r"contacts?|coordonnees|me contacter|etat civil|informations? personnelles?|mobilite|permis",
    ),
    (
        Kind.PROFILE,
        r"profil(?: professionnel)?|a propos(?: de moi)?|resume|presentation|objectifs?|projet(?: professionnel)?|accroche|qui suis[ -]je",
    ),
    (Kind.OTHER, r"references?|recommandations?|publications?|projets|realisations|distinctions"),
)
_PATTERNS = tuple(
    (kind, re.compile(rf"(?:mes |principales? |autres? )?(?:{words})\b"))
    for kind, words in _HEADINGS
)
_WHOLE = tuple(
    (
        kind,
        re.compile(
            rf"(?:mes |principales? |autres? )?(?:{words})(?: (?:professionnel|et |personnel|cle|technique|initiale|continue|informatique|principale|complementaire)[\w' -]*)?"
        ),
    )
    for kind, words in _HEADINGS
)
_INLINE = re.compile(r"(?P<name>[^\W\d_][\w' ’-]{2,30}?)[ ]?:[ ](?=\S)")
_MOST_WORDS = 6


def lines_of(text: str) -> Iterator[Line]:
    """Yield every line, empty ones too."""
    at = 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        yield Line(stripped, at + (len(raw) - len(raw.lstrip()) if stripped else 0))
        at += len(raw) + 1


def sections(text: str) -> list[Section]:
    """Cut a CV's text into sections; what comes before the first heading is the head."""
    kind, held = Kind.HEAD, list[Line]()
    found: list[Section] = []
    for line in lines_of(text):
        heading = heading_kind(line.text)
        if heading is not None:
            found.append(Section(kind, held))
            kind, held = heading, []
            continue
        inline = _inline(line)
        if inline is not None:
            found += [Section(kind, held), Section(*inline)]
            held = []
            continue
        held.append(line)
    found.append(Section(kind, held))
    return [section for section in found if any(line.text for line in section.lines)]


def heading_kind(written: str) -> Kind | None:
    """Return what a heading announces; None when the line is no heading."""
    bare = fold(written).strip(" :•-–—_=*#|/&.").replace("  ", " ")
    if (
        not bare
        or len(bare.split()) > _MOST_WORDS
        or written.endswith((".", ","))
        or re.search(r"\d", bare)
    ):
        return None
    for kind, pattern in _WHOLE:
        if pattern.fullmatch(bare):
            return kind
    # "FORMATION ET HABILITATIONS": shouted or numbered headings may say more than we know.
    if written.isupper():
        return next((kind for kind, pattern in _PATTERNS if pattern.match(bare)), None)
    return None


def _inline(line: Line) -> tuple[Kind, list[Line]] | None:
    """Read "Langues : anglais C1" as a section of one line."""
    match = _INLINE.match(line.text.lstrip("•*–—-.+> "))
    if match is None:
        return None
    kind = heading_kind(match["name"])
    if kind not in (Kind.LANGUAGES, Kind.SKILLS, Kind.INTERESTS):
        return None
    inset = len(line.text) - len(line.text.lstrip("•*–—-.+> "))
    at = inset + match.end()
    return kind, [Line(line.text[at:], line.start + at)]
