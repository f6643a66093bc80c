# ruff: noqa: E501 - patterns and word lists are read as long lines
"""Postal addresses by their grammar: number, kind of way, its name, postcode and town."""

import re
from collections.abc import Iterator

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.folding import fold, lowered
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.heads import matches, starts

_WAY = (
    r"(?:rue|avenue|av\.?|ave\.?|boulevard|boul\.?|bld\.?|bd\.?|blvd\.?|all[ée]es?|all\.|impasse|imp\.?|"
    r"chemin|chem\.|ch\.|route|rte\.?|place|pl\.|cours|quai|square|sq\.|passage|sente|sentier|"
    r"venelle|ruelle|villa|r[ée]sidence|r[ée]s\.|lotissement|lot\.|lieu[ -]dit|hameau|faubourg|fbg?\.?|"
    r"mont[ée]e|c[ôo]te|traverse|rond[ -]point|esplanade|promenade|parvis|voie|chauss[ée]e|"
    r"quartier|clos|mail|rampe|escalier|galerie|port|pont|r\.|cit[ée]|"
    r"domaine|ravine|morne|habitation|immeuble|b[âa]t(?:iment)?|tour)"
)
_NUMBER = r"(?:\d{1,4}(?:[ ]?(?:bis|ter|quater|[a-e]))?(?:[ ]?[-/][ ]?\d{1,4})?[ ]?[,]?)"
# A word is taken whole, up to a postcode that is stuck to it: cut anywhere, one word of sixty
# letters could be six words in five million ways.
_NAME = r"(?:[^\W\d]+|[.'’°-]+|(?!\d{5}\b)\d+)++"
_STOP = (
    r"(?!(?:t[ée]l|mail|e-?mail|courriel|port|mobile|n[ée]e?|permis|et|qui|est|il|elle|je|mais|depuis|où|"
    r"pour|avec|dans|chez|avant|apr[èe]s|jusqu|ma|mon|mes|son|sa|ses|c['’]est|j['’]|t[ée]l[ée]phone|demeurant|siret)\b"
    r"|\d{5}\b|\+?\d\d[ .]\d\d[ .]\d\d)"
)
_NUMBERED_WAY = rf"{_NUMBER}[ \t]{{0,2}}(?:\n[ \t]*)?{_WAY}\b"
_STREET = rf"\b{_NUMBERED_WAY}[ \t]{{0,2}}(?:\n[ \t]*)?(?:{_STOP}{_NAME}[ \t]{{0,2}}){{1,6}}"
_ZONE = r"(?:za|zi|zac|zone (?:artisanale|industrielle|d['’]activit[ée]s?))"
_UNNUMBERED = rf"\b(?:{_WAY}|{_ZONE})[ \t]+(?:{_STOP}{_NAME}[ \t]?){{1,6}}"
_COMPLEMENT = (
    r"(?:[ \t]*[,–-]?[ \t\n]*(?:(?:app?(?:artemen)?t\.?|b[âa]t(?:iment)?\.?|[ée]tage|esc(?:alier)?\.?|porte|bo[îi]te|bp|cs|"
    r"r[ée]sidence|lot(?:issement)?|tour|hall|entr[ée]e|immeuble)[ \t]*(?:n°)?[ \t]*[\w.'’-]{1,25}|\d{1,2}(?:er|e|[èe]me)[ ][ée]tage))"
)
_TOWN = (
    r"(?:0[1-9]|[1-8]\d|9[0-58]|97|98)[ ]?\d{3}[ \t]{1,3}(?:\n[ \t]*)?"
    r"(?:(?-i:[A-ZÀ-Ý])[\w.'’-]+|(?:l[ea]s?|l['’])[ \t]?[\w'’-]+|[a-zà-ÿ][\w'’-]{2,})"
    r"(?:[ \t-](?:(?:sur|sous|en|de|du|des|la|le|les|l[èe]s|lez|aux?|et|d['’]|l['’])[ \t-]?)*"
    r"(?-i:[A-ZÀ-Ý])[\w'’-]+){0,4}(?:[ \t]+cedex(?:[ ]\d{1,2})?)?"
)
_JOINED = r"[ \t]*\\?[,;—–|-]?[ \t\n]*"
# A hamlet needs no street: its name alone, or a house, before the postcode's line.
_HAMLET = rf"^[ \t]*(?-i:[A-ZÀ-Ý])[\w'’-]+(?:[ ][\w'’-]+){{0,4}},[ ]{_TOWN}"
_BACKWARDS = (
    rf"\b{_WAY}[ \t]+(?:(?:{_STOP}{_NAME}[ \t]?){{1,5}}(?<!\d )|"
    rf"(?:{_STOP}{_NAME}[ \t]?){{0,4}}{_STOP}[\w.'’°-]*[.'’°-])\b\d{{1,4}}\b(?=[ ]*[,\n])"
)
_HOUSED = rf"\b(?:r[ée]sidence|lotissement|immeuble|lieu[ -]dit|hameau)[ ](?:{_STOP}{_NAME}[ ]?){{1,4}}(?:{_COMPLEMENT}){{1,2}}"
_FLAGS = re.IGNORECASE | re.MULTILINE
_ADDRESS = re.compile(
    rf"(?:{_STREET}(?:{_COMPLEMENT}){{0,3}}(?:{_JOINED}{_TOWN})?"
    rf"|{_UNNUMBERED}(?:{_COMPLEMENT}){{0,2}}{_JOINED}{_TOWN}|{_HAMLET}|{_BACKWARDS}|{_HOUSED})",
    _FLAGS,
)
_HEAD = re.compile(rf"\b(?={_NUMBERED_WAY}|(?:{_WAY}|{_ZONE})[ \t])")
_HAMLET_HEAD = re.compile(rf"(?={_HAMLET})", _FLAGS)
_TOWN_LINE = re.compile(rf"(?<![\d.,€-])(?<!\d )\b{_TOWN}", _FLAGS)
_SPACES = re.compile(r"\s+")
_NUMBERED_THING = re.compile(
    r"^\d+[ ]?(?:ports|ponts|tours|places|cours|voies|villas|lots|routes|cités)\b", _FLAGS
)


class AddressRecognizer(EntityRecognizer):
    """Streets with their number, and postcodes with their town."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["ADDRESS"], supported_language="fr", name="fr_address")

    def load(self) -> None:
        """Read the list of communes before the first text."""
        gazetteer()

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return the addresses of a text."""
        del nlp_artifacts
        return list(_results(text)) if "ADDRESS" in entities else []


def _results(text: str) -> Iterator[RecognizerResult]:
    for match in _addresses(text):
        if not _counts_things(match[0]):
            yield RecognizerResult("ADDRESS", match.start(), match.end(), 0.85)
    for match in _TOWN_LINE.finditer(text):
        end = _town_end(text, match.start(), match.end())
        if end is not None:
            yield RecognizerResult("ADDRESS", match.start(), end, 0.8)


def _addresses(text: str) -> Iterator[re.Match[str]]:
    heads = {*starts(_HEAD, lowered(text)), *starts(_HAMLET_HEAD, text)}
    return matches(_ADDRESS, text, sorted(heads))


def _counts_things(written: str) -> bool:
    """Say whether "12 places de parking" was taken for a street."""
    rest = written.split(maxsplit=2)
    return _NUMBERED_THING.match(written) is not None and (
        len(rest) < 3 or fold(rest[2])[:3] in ("de ", "d'a", "par")  # noqa: PLR2004
    )


def _town_end(text: str, start: int, end: int) -> int | None:
    """Return where the town ends: the longest known commune, or else its first capitals."""
    words = list(_SPACES.finditer(text, start, end))
    ends = [*(word.start() for word in words[1:]), end]
    first = words[0].end() if words else start
    for stop in reversed(ends):
        town = text[first:stop].replace("CEDEX", "").strip(" ,.")
        if stop > first and gazetteer().is_commune(town):
            return stop
    town = text[first:end]
    # "35000 Euros" and "12500 pièces" are amounts: an unknown town has to look like a name.
    is_named = town[:1].isupper() and fold(town.split()[0]) not in ("euros", "eur", "francs", "km")
    return end if is_named else None
