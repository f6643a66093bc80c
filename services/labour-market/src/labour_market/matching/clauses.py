"""Who does what in a sentence: what is denied, wished for, lost, a hobby or somebody else's.

A text is cut in sentences, a sentence in pieces (list items, clauses). A mark reaches as far as
French lets it: a denial to the end of its clause, a wish to the end of its sentence, `X, c'est le
comptable` over the whole sentence before it as well.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from labour_market.matching.morphology import fold


class Standing(StrEnum):
    """Whether the person holds what a piece says, and if not, why."""

    HELD = "held"
    NEGATED = "negated"
    WISH = "wish"
    OTHER_PERSON = "other_person"
    PAST = "past"
    INTEREST = "interest"


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the text, offsets in code points, end excluded."""

    start: int
    end: int
    standing: Standing


_SENTENCE = re.compile(r"[^.!?\n•·▪]+(?:\.(?=\w)[^.!?\n•·▪]+)*[.!?]*")
_CLAUSE = re.compile(r"\s*[,;:()«»\"—–/]\s*|\s+-\s+|\s+(?:mais|puis|ou|car)\s+")
_OTHERS = (
    r"c'(?:est|etait|etaient)\s+(?:l'|l[ae] |les |une? |m(?:on|a|es) |nos |notre |leurs? |du )"
)
_WISH = re.compile(
    r"\b(?:j'aimerais|j'aimerai|je voudrais|je souhaite(?:rais)?|nous souhaitons|souhait\w*|"
    r"envie d|je reve|reve d|mon reve|je vise|le vise|j'espere|je compte (?!sur|parmi)|je prevois|"
    r"je projette|mon projet|projet d|objectif|a terme|il faudrait|pourquoi pas|m'interesse|"
    r"je cherche|en recherche d|me former|je pense a|reconversion vers|apprendre (?:le|la|l'|a)\b|"
    r"un jour|plus tard|approfondir)"
)
_NEGATED = re.compile(
    r"\b(?:n'ai jamais|n'ai pas|jamais|pas d[e'u]|pas encore|aucune?|"
    r"ne \w+(?:\s\w+)?\s(?:pas|rien)|"
    r"n'\w+ (?:pas|rien|aucune?)|ne (?:sais|fais|touche|connais|maitrise|parle|conduis) pas|"
    r"\w+ pas\b|ni\b|sans (?:permis|diplome|experience|formation|habilitation|caces))"
)
_PAST = re.compile(
    r"\b(?:n'ai plus|ne \w+ plus|ne saurais plus|n'est plus|perime\w*|expire\w*|plus valable|"
    r"plus valide|non renouvele\w*|oublie\w*|perdu|rouille\w*|autrefois|c'est loin|ca remonte|"
    r"ai su\b|j'en faisais|je le faisais|je la faisais|il y a longtemps|me demandez plus|"
    r"a (?:l'epoque|refaire|repasser)|date de)"
)
_INTEREST = re.compile(
    r"(?:^|\b)(?:loisirs?|passions?|passionnee? d|centres? d'interet|hobb\w+|interets|"
    r"le week-end je|temps libre|a cote(?: de ca)?\b|en amateur|pour le plaisir|je joue|j'adore|"
    r"licencie au|en club)"
)
_RELATIVE = (
    r"(?:mon|ma|mes|le|la|les|un|une|notre|nos|des)\s(?:mari|femme|conjoint\w*|compagn\w+|pere|"
    r"mere|frere|soeur|fils|fille|oncle|tante|cousin\w*|ami\w*|collegue\w*|chef\w*|patron\w*|"
    r"associe\w*|responsable|directeur|directrice|manager\w*|siege|prestataire\w*|comptable|"
    r"medecin|equipe informatique)"
)
_OTHER = re.compile(
    rf"\b(?:{_OTHERS}|(?:est|sont) (?:menee?s?|faite?s?|geree?s?|assuree?s?|externalisee?s?)"
    rf"|externalise\w*|sous-traite\w*|{_RELATIVE}\s(?:s'en|le fait|la fait|les fait|gere|fait|"
    r"faisait|s'occupe|qui)|il s'en occupe|elle s'en occupe)"
)


def pieces(text: str) -> Iterator[Piece]:
    """Return the pieces of `text` in order, each with its standing."""
    hobbies = False
    for sentence in _SENTENCE.finditer(text):
        plain = _even(sentence.group())
        hobbies = _starts_hobbies(plain) or (hobbies and not _starts_section(plain))
        for start, end, standing in _of_sentence(plain):
            shown = Standing.INTEREST if hobbies and standing is Standing.HELD else standing
            yield Piece(sentence.start() + start, sentence.start() + end, shown)


def _even(text: str) -> str:
    """Fold `text` and keep its length, so that offsets stay true."""
    return "".join((fold(c) or " ")[0] if len(fold(c)) != 1 else fold(c) for c in text)


def _starts_hobbies(plain: str) -> bool:
    return bool(re.match(r"\s*(?:loisirs?|passions?|centres? d'interet|hobb\w+|interets)\b", plain))


def _starts_section(plain: str) -> bool:
    return bool(
        re.match(r"\s*(?:experiences?|formations?|langues?|competences?|diplomes?|permis)\b", plain)
    )


def _of_sentence(plain: str) -> Iterator[tuple[int, int, Standing]]:
    other = _OTHER.search(plain)
    wish = _WISH.search(plain)
    past = _PAST.search(plain)
    interest = _INTEREST.search(plain)
    clauses = list(_clauses(plain))
    denied = _denied(plain, clauses)
    for number, (start, end) in enumerate(clauses):
        if other and _reaches_other(plain, other, start, end):
            standing = Standing.OTHER_PERSON
        elif number in denied:
            standing = Standing.NEGATED
        elif wish and end > wish.start():
            standing = Standing.WISH
        elif past and _same_breath(plain, past.start(), start, end):
            standing = Standing.PAST
        elif interest and end > interest.start():
            standing = Standing.INTEREST
        else:
            standing = Standing.HELD
        yield start, end, standing


def _clauses(plain: str) -> Iterator[tuple[int, int]]:
    at = 0
    for mark in _CLAUSE.finditer(plain):
        if mark.start() > at:
            yield at, mark.start()
        at = mark.end()
    if at < len(plain):
        yield at, len(plain)


def _part(plain: str, at: int) -> tuple[int, int]:
    """Return the semicolon-bounded part of the sentence around `at`."""
    start = max(plain.rfind(";", 0, at), plain.rfind(" mais ", 0, at)) + 1
    end = plain.find(";", at)
    return start, len(plain) if end < 0 else end


def _reaches_other(plain: str, mark: re.Match[str], start: int, end: int) -> bool:
    # `La paie, c'est le siège`: what stands before the mark in its part is what the other does.
    low, high = _part(plain, mark.start())
    return low <= start and end <= high + 1


def _same_breath(plain: str, at: int, start: int, end: int) -> bool:
    low, high = _part(plain, at)
    return low <= start and end <= high + 1


def _denied(plain: str, clauses: list[tuple[int, int]]) -> set[int]:
    return {
        number
        for number, (start, end) in enumerate(clauses)
        if _NEGATED.search(plain, start, end) and not re.search(r"\bne .* que\b", plain[start:end])
    }
