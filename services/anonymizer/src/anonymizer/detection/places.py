# ruff: noqa: E501 - patterns and word lists are read as long lines
"""Towns by the preposition before them, where the list of communes knows them."""

import re
from collections.abc import Iterator

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.folding import fold, lowered
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.heads import matches, starts
from anonymizer.detection.lexicon import is_kept

_PART = r"[A-ZÀ-ÝŒ][\w'’]*"
_JOIN = r"(?:[- ](?:sur|sous|en|de|du|des|la|le|les|lès|lez|aux?|d['’]|l['’]|et)){0,3}[- ](?:[dlDL]['’])?"
_TOWN = rf"(?:(?:L[ea]s?|L['’])[ ]?)?{_PART}(?:{_JOIN}{_PART}){{0,4}}"
_AFTER = re.compile(
    rf"\b(?:(?:à|À|A|sur|vers|de|depuis|près de|secteur|région de|ville de|mairie de|commune de|bassin de|basée? (?:à|sur)|"
    rf"habit\w* (?:à|sur)?|vis à|entre|et|autour de|quitt\w+|dans|par|via)[ \n]|d['’])(?P<town>{_TOWN})"
)
_ALONE = re.compile(
    rf"(?:^|[\t|,;(–—][ ]?)[ ]*(?P<town>{_TOWN})(?=[ ]*(?:$|[\t|,;)–—.]))", re.MULTILINE
)
_NAMED = r"(?:ville|commune|lieu(?: de naissance)?|city|domicile|localit[ée]|r[ée]sidence)[\"']?[ \t]*[:=]"
_FIELD = re.compile(
    rf"{_NAMED}[ \t]*[\"']?(?P<town>[^\W\d_][\w'’ -]{{1,40}}?)(?=[\"',;|\n\t}}(]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_FIELD_HEAD = re.compile(rf"(?={_NAMED})")
_BORN = re.compile(
    rf"(?:\bn[ée]e?\b[^\n]{{0,40}}?|(?:19|20)\d\d[ ])(?:à|a|À|A)[ ](?P<town>{_TOWN})"
)
# Set phrases whose noun is a commune's name too; only capitals hide which one is meant.
_PHRASE = re.compile(
    r"(?:a (?:cote|part|propos|bord|terme|temps|distance|domicile|jour|venir|savoir|titre|charge|pied|velo)|"
    r"sur (?:place|mesure|demande|commande|titre)|par (?:coeur|ailleurs|exemple)|d'(?:abord|ailleurs))\Z"
)


class PlacesByGrammar(EntityRecognizer):
    """Communes after a preposition, in a field, or alone in a cell."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["LOCATION"], supported_language="fr", name="fr_places")

    def load(self) -> None:
        """Read the list of communes before the first text."""
        gazetteer()

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return the communes of a text."""
        del nlp_artifacts
        if "LOCATION" not in entities:
            return []
        return [RecognizerResult("LOCATION", *span) for span in _candidates(text)]


def _candidates(text: str) -> Iterator[tuple[int, int, float]]:
    for pattern, score in ((_AFTER, 0.65), (_ALONE, 0.55)):
        for match in pattern.finditer(text):
            end = _longest(text, *match.span("town"))
            if end is not None and not is_set_phrase(text, match.start("town"), end):
                yield match.start("town"), end, score
    for match in matches(_FIELD, text, starts(_FIELD_HEAD, lowered(text))):
        if not is_kept(match["town"]):
            yield (*match.span("town"), 0.7)
    for match in _BORN.finditer(text):
        if not is_kept(match["town"]):
            yield (*match.span("town"), 0.7)


def is_set_phrase(text: str, start: int, end: int) -> bool:
    """Say whether a shouted place and what opens its line are a set phrase ("À CÔTÉ")."""
    written = text[text.rfind("\n", 0, start) + 1 : end]
    folded = " ".join(fold(written).split()).lstrip("-•·–* ")
    return written.isupper() and _PHRASE.match(folded) is not None


def _longest(text: str, start: int, end: int) -> int | None:
    """Return the end of the longest commune that begins at `start`."""
    ends = [start + m.end() for m in re.finditer(r"[\w'’]+", text[start:end])]
    for stop in reversed(ends):
        name = text[start:stop]
        if gazetteer().is_commune(name) and not is_kept(name) and len(name) > 2:  # noqa: PLR2004
            return stop
    return None
