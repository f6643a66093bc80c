# ruff: noqa: E501 - patterns and word lists are read as long lines
"""Employers and schools by the words they begin with, and by their place in a CV's line."""

import re
from collections.abc import Iterator
from itertools import pairwise

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.folding import fold, lowered
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.heads import matches, starts
from anonymizer.detection.lexicon import (
    BODIES_KEPT,
    HEADINGS,
    OCCUPATIONS,
    PLAIN,
    SOFTWARE,
    is_kept,
)
from anonymizer.detection.runs import broken_runs

_HEAD = (
    r"(?:soci[ée]t[ée](?: coop[ée]rative)?|SARL|SASU?|S\.A\.S?|SA|EURL|EARL|SCOP|SCI|SNC|SELARL|GAEC|groupe|cabinet|association|asso|"
    r"amicale|f[ée]d[ée]ration|fondation|compagnie|cie|entreprise|ets|[ée]tablissements?|[ée]ts|start-?up|lyc[ée]e(?: professionnel|"
    r" agricole| h[ôo]telier| technique| g[ée]n[ée]ral| polyvalent)?|LP|LEGTA|coll[èe]ge|[ée]cole(?: [ée]l[ée]mentaire| primaire| maternelle|"
    r" sup[ée]rieure)?|universit[ée]|fac(?:ult[ée])?|IUT|IUFM|IAE|IEP|INSA|ESC|IRTS|UFR|UFA|EREA|INSPE|ESPE|IFSI|IFAS|IFPS|CFA|CFPPA|MFR|GRETA|institut|academie|acad[ée]mie|"
    r"conservatoire|centre(?: hospitalier(?: universitaire| r[ée]gional)?| de formation| social| m[ée]dical| culturel| de loisirs| commercial)|"
    r"CHU|CHRU|CHR|CH|CHS|CCAS|CIAS|CLSH|MJC|EPHAD|EHPAD|ESAT|IME|SESSAD|ITEP|FAM|MAS|SSIAD|clinique|polyclinique|h[ôo]pital(?: local|"
    r" priv[ée])?|maison(?: de retraite| de quartier| familiale)?|r[ée]sidence|foyer|cr[èe]che|micro-cr[èe]che|mairie|commune|ville|"
    r"conseil (?:d[ée]partemental|r[ée]gional|g[ée]n[ée]ral)|communaut[ée] de communes|m[ée]tropole|pr[ée]fecture|sous-pr[ée]fecture|"
    r"restaurant|brasserie|h[ôo]tel|auberge|bistrot?|bar|caf[ée]|cr[êe]perie|pizzeria|snack|traiteur|boulangerie|p[âa]tisserie|boucherie|"
    r"charcuterie|poissonnerie|fromagerie|[ée]picerie|pharmacie|parapharmacie|librairie|papeterie|imprimerie|garage|carrosserie|menuiserie|"
    r"charpente|ma[çc]onnerie|plomberie|serrurerie|m[ée]tallerie|transports?|ambulances?|taxis?|autocars?|filatures?|conserveries?|laiterie|"
    r"scierie|verrerie|fonderie|forges?|tannerie|distillerie|cave|domaine|ch[âa]teau|ferme|p[ée]pini[èe]res?|jardinerie|ateliers?|studios?|"
    r"agence|bureau d['’][ée]tudes|laboratoires?|optique|banque|caisse|mutuelle|assurances?|magasin|boutique|supermarch[ée]|hypermarch[ée]|"
    r"th[ée][âa]tre|cin[ée]ma|mus[ée]e|m[ée]diath[èe]que|camping|club|usine|plastiques?|papeteries?|chantiers?|constructions?|[ée]tudes?|"
    r"régie|r[ée]gie|syndicat mixte|coop[ée]rative|ressourcerie|recyclerie|int[ée]rim|salon|institut de beaut[ée]|spa|thermes|thermique|"
    r"solutions|services|industries?)"
)
_HEAD = _HEAD.replace(" ", "[ \\n]")  # a narrow column breaks "centre de formation" anywhere
_CAP = r"(?:[A-ZÀ-ÝŒ][\w’'&+.-]*|\d{1,3}(?=[ ][A-Z]))"
_LINK = r"(?:de la|de l['’]|de|du|des|d['’]|la|le|les|l['’]|à|au|aux|et|en|sur|sous|lès|&)"
_TAIL = rf"(?:[ \u00a0](?:{_LINK}[ \u00a0]?){{0,2}}(?:(?<=['’]){_CAP}|{_CAP}|[«\"“][^»\"”\n]{{2,40}}[»\"”]))"
_BY_HEAD = re.compile(rf"(?<![\w-])(?P<name>(?i:{_HEAD})(?:[ ][a-zà-ÿ]{{5,14}})?{_TAIL}{{1,6}})")
_KIND = re.compile(rf"(?<![\w-])(?=(?:{_HEAD.lower()})[ \u00a0])")
_CHEZ = re.compile(
    rf"(?P<chez>\b(?:chez|CHEZ|Chez))[ \n](?P<name>{_CAP}(?:[ ](?:{_LINK}[ ]?)?{_CAP}){{0,4}})"
)
_AT = re.compile(
    rf"\b(?:pour|avec|au sein (?:de|du|d['’])|soci[ée]t[ée]|entreprise|employeur|groupe|bo[îi]te)[ ]?:?[ ](?P<name>{_CAP}(?:[ ]{_CAP}){{0,3}})"
)
_FIELD = re.compile(
    r"(?:^|[|;,{\[\"'\t])[ \t\"']*+(?:employeur|entreprise|soci[ée]t[ée]|structure|organisme|[ée]tablissement|[ée]cole|employer|company|organisation)"
    r"[\"']?[ \t]*[:=][ \t]*[\"']?(?P<name>[^\n\"',;|}(]{2,60})",
    re.IGNORECASE | re.MULTILINE,
)
_LEGAL = re.compile(
    rf"\b(?P<name>{_CAP}(?:[ ](?:{_LINK}[ ]?)?{_CAP}){{0,3}}[ ](?:SARL|SAS|SASU|SA|EURL|SCOP|& (?:Fils|Associés|Cie|Frères)|et (?:Fils|Associés|Cie|Frères)))\b"
)
_DATED = re.compile(r"(?:19|20)\d\d|\b\d\d/\d\d\b")
_LONGEST_LINE = 160
_SEPARATOR = re.compile(r"[\t|,;():•·]|[ ][–—-][ ]")
_SEGMENT = re.compile(r"[^\t|,;():•·\n]+?(?=\s*(?:[ ][–—-][ ]|[\t|,;():•·\n]|$))", re.MULTILINE)


# In small letters these are common nouns: an "atelier Power BI" is no employer.
_WEAK = re.compile(
    r"ateliers?|services?|solutions|industries?|caves?|bar|caf[ée]|maison|club|[ée]tudes?|salon|magasin|centre|ville|commune|"
    r"agence|domaine|transports?|constructions?|chantiers?|int[ée]rim|spa|assurances?|caisse|plastiques?|r[ée]sidence|sa|sas|ch|"
    r"r[ée]gie|usine|boutique|entreprise|groupe|studio|cin[ée]ma|th[ée][âa]tre|cave|ferme|forges?|taxis?|optique|h[ôo]tel|fac|lp|mas|fam"
)


class OrganisationsByGrammar(EntityRecognizer):
    """Organisations named by their kind, after "chez", in a field, or before a town in a CV."""

    def __init__(self) -> None:
        super().__init__(
            supported_entities=["ORGANISATION", "LOCATION"],
            supported_language="fr",
            name="fr_organisations",
        )

    def load(self) -> None:
        """Read the list of communes before the first text."""
        gazetteer()

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return organisations, and the towns beside them."""
        del nlp_artifacts
        found = (RecognizerResult(*candidate) for candidate in _candidates(broken_runs(text)))
        return [result for result in found if result.entity_type in entities]


def _candidates(text: str) -> Iterator[tuple[str, int, int, float]]:
    for match in matches(_BY_HEAD, text, starts(_KIND, lowered(text))):
        if not is_kept(match["name"]) and not _is_public(match["name"]):
            start, end = _cut(text, *match.span("name"))
            if end > start:
                yield "ORGANISATION", start, _without_town(text, start, end), 0.75
    for pattern, score in ((_CHEZ, 0.75), (_AT, 0.55), (_LEGAL, 0.8)):
        for match in pattern.finditer(text):
            if (
                not is_kept(match["name"])
                and not _is_public(match["name"])
                and not _is_phrase(match["name"])
            ):
                yield ("ORGANISATION", *match.span("name"), score)
    for match in _FIELD.finditer(text):
        name = match["name"].strip()
        if not is_kept(name) and not _is_public(name):
            yield "ORGANISATION", match.start("name"), match.start("name") + len(name), 0.8
    for start, end in _lines(text):
        yield from _beside_towns(text, start, end)


def _cut(text: str, start: int, end: int) -> tuple[int, int]:
    """Stop before the next occupation or heading; nothing is left when no name follows the kind."""
    words = list(re.finditer(r"[^\W_][\w'’.&-]*", text[start:end]))
    if words[0][0].islower() and _WEAK.fullmatch(words[0][0]):
        return start, start
    shouted = text[start:end].isupper()
    last = 0
    for index, word in enumerate(words):
        folded = fold(word[0])
        known = folded in OCCUPATIONS or folded in HEADINGS or folded in SOFTWARE
        if index and known and word[0][0].isupper():
            break
        everyday = folded in PLAIN
        if index and everyday and shouted and len(folded) > 3:  # noqa: PLR2004
            break
        if not everyday or (word[0][0].isupper() and not shouted):
            last = index
    return (start, start + words[last].end()) if last else (start, start)


def _is_public(name: str) -> bool:
    return fold(name) in BODIES_KEPT


def _is_phrase(name: str) -> bool:
    first = fold(name.split(maxsplit=1)[0])
    return first in PLAIN or first in OCCUPATIONS


def _without_town(text: str, start: int, end: int) -> int:
    """Return the end without a last "à Lyon", which is a place of its own."""
    match = re.search(r"[ ]à[ ][\w'’-]+$", text[start:end])
    return end if match is None else start + match.start()


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.split("\n"):
        yield at, at + len(line)
        at += len(line) + 1


def _beside_towns(text: str, start: int, end: int) -> Iterator[tuple[str, int, int, float]]:
    """Yield what stands before a town in a line of a CV: "Vendeuse, Maison Roux, Pau"."""
    if end - start > _LONGEST_LINE or _SEPARATOR.search(text, start, end) is None:
        return
    segments = [m.span() for m in _SEGMENT.finditer(text, start, end) if m[0].strip()]
    segments = [_stripped(text, *segment) for segment in segments]
    if not 2 <= len(segments) <= 8:  # noqa: PLR2004
        return
    for before, here in pairwise(segments):
        town, name = text[slice(*here)], text[slice(*before)]
        if not town[:1].isupper() or is_kept(town) or _DATED.search(town):
            continue
        # A place that the list does not know is one beside what is surely an employer.
        employed = _BY_HEAD.fullmatch(name) is not None and len(town.split()) <= 3  # noqa: PLR2004
        if not gazetteer().is_commune(town) and not (employed and not _is_phrase(town)):
            continue
        if _DATED.search(name) or not name[:1].isupper() or gazetteer().is_commune(name):
            continue
        yield "LOCATION", *here, 0.7
        if len(name.split()) <= 6 and not is_kept(name):  # noqa: PLR2004
            yield "ORGANISATION", *before, 0.6


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in " \t–—-.•":
        start += 1
    while end > start and text[end - 1] in " \t–—-.":
        end -= 1
    return start, end
