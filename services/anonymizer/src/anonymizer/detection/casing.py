"""Capitals for texts that have none: dictation, chats, forms filled in a hurry.

A text without capitals is given back those that the lists are sure of, one letter for one letter,
so that every recogniser, and the model, can do its work on it; offsets stay the same.
"""

import re

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import ALL_KEPT, AMBIGUOUS, OCCUPATIONS, PARTICLES, PLAIN

_FEW = 0.012
_WORD = re.compile(r"[^\W\d_](?:[\w'’]|[-‐‑](?=\w))*")
_PLACE = frozenset(("a", "à", "sur", "vers", "de", "depuis"))
_EMPLOYER = frozenset(("chez", "pour"))
_LONGEST_EMPLOYER = 3
_EVERYDAY = AMBIGUOUS | PLAIN | ALL_KEPT | OCCUPATIONS


def recased(text: str) -> str:
    """Return the text with probable names capitalised, if it has next to no capitals."""
    capitals = sum(map(str.isupper, text))
    if capitals > _FEW * len(text) or capitals > _FEW * sum(map(str.isalpha, text)):
        return text
    characters = list(text)
    for start in _names(text):
        characters[start] = _upper(characters[start])
    return "".join(characters)


def _names(text: str) -> set[int]:
    words = list(_WORD.finditer(text))
    found: set[int] = set()
    for index, word in enumerate(words):
        folded = fold(word[0])
        before = words[index - 1][0].lower() if index else ""
        if folded in gazetteer().common_first_names and not _is_everyday(folded):
            found |= _person(words, index)
        elif before in _PLACE and len(folded) > 3 and not _is_everyday(folded):  # noqa: PLR2004
            found |= {word.start()} if gazetteer().is_commune(word[0]) else set()
        elif before in _EMPLOYER:
            found |= _employer(words, index)
    return found | {
        start + at for start, word in _starts(text, found) for at in _after_hyphen(word)
    }


def _person(words: list[re.Match[str]], index: int) -> set[int]:
    """Capitalise a given name and the surname after it, or before it."""
    found = {words[index].start()}
    for word in words[index + 1 : index + 4]:
        folded = fold(word[0])
        if folded in PARTICLES:
            continue
        parts = folded.split("-")
        if _is_everyday(folded) or not any(part in gazetteer().surnames for part in parts):
            break
        found.add(word.start())
        break
    return found


def _employer(words: list[re.Match[str]], index: int) -> set[int]:
    found: set[int] = set()
    for word in words[index : index + _LONGEST_EMPLOYER]:
        folded = fold(word[0])
        if folded in PLAIN and folded not in PARTICLES and not folded.startswith("d'"):
            break
        found.add(word.start())
    return found


def _is_everyday(folded: str) -> bool:
    return folded in _EVERYDAY


def _starts(text: str, found: set[int]) -> list[tuple[int, str]]:
    return [(word.start(), word[0]) for word in _WORD.finditer(text) if word.start() in found]


def _after_hyphen(word: str) -> list[int]:
    return [match.end() for match in re.finditer(r"[-‐‑]", word) if match.end() < len(word)]


def _upper(character: str) -> str:
    upper = character.upper()
    return upper if len(upper) == 1 else character
