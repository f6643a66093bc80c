r"""How a surrogate may come back from a model: one tolerant grammar, used both ways.

A model loses brackets, changes case, escapes underscores for Markdown, writes entities for HTML.
Every such form is at most 64 characters long, which is what lets a stream be restored while it
flows: `HELD` finds where the end of a text may be the beginning of a surrogate.

The grammar never takes a character beside a well-formed `[TYPE_n]`: `\[PERSONNE_1]` is a
backslash followed by a surrogate, because the brackets of one form are never mixed with another's.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

MAX_FORM = 64

# The words of `surrogates.rules.SurrogateType` (a test holds the two equal), and what a model makes
# of each: the gendered word, a plural, another French word, a translation into English. A word that
# may stand for two types is none of either (`NOM` is a person's or a firm's).
TYPES: Mapping[str, tuple[str, ...]] = {
    "PERSONNE": (
        *("PERSONNES", "FEMME", "FEMMES", "HOMME", "HOMMES", "DAME", "DAMES", "INDIVIDU"),
        *("PERSON", "PERSONS", "WOMAN", "WOMEN", "MAN", "MEN", "LADY", "GENTLEMAN", "INDIVIDUAL"),
    ),
    "COURRIEL": ("COURRIELS", "EMAIL", "EMAILS", "E-MAIL", "MAIL", "MAILS"),
    "TELEPHONE": ("TELEPHONES", "PHONE", "PHONES", "PHONE_NUMBER", "PHONE NUMBER"),
    "ADRESSE": ("ADRESSES", "ADDRESS", "ADDRESSES"),
    "LIEU": (
        "LIEUX",
        "LIEUS",
        "VILLE",
        "VILLES",
        "PLACE",
        "PLACES",
        "LOCATION",
        "LOCATIONS",
        "CITY",
    ),
    "NAISSANCE": ("NAISSANCES", "BIRTH", "BIRTHDATE", "DATE_OF_BIRTH", "DATE OF BIRTH"),
    "AGE": ("AGES",),
    "NIR": ("NIRS",),
    "IBAN": ("IBANS",),
    "PIECE": ("PIECES", "DOCUMENT"),
    "PERMIS": ("LICENCE", "LICENSE"),
    "PLAQUE": ("PLAQUES", "PLATE", "PLATES"),
    "LIEN": ("LIENS", "LINK", "LINKS", "URL", "URLS"),
    "IDENTIFIANT": ("IDENTIFIANTS", "IDENTIFIER", "IDENTIFIERS"),
    "ORGANISATION": (
        *("ORGANISATIONS", "ORGANIZATION", "ORGANIZATIONS", "COMPANY", "COMPANIES"),
        *("ENTREPRISE", "ENTREPRISES", "SOCIETE", "SOCIETES"),
    ),
}
_CANONICAL = {word: kind for kind, words in TYPES.items() for word in (kind, *words)}
_ACCENTED = (
    *("TÉLÉPHONE", "TELÉPHONE", "TÉLEPHONE", "TÉLÉPHONES", "ÂGE", "PIÈCE", "PIÉCE", "PIÈCES"),
    *("SOCIÉTÉ", "SOCIÉTÉS"),
)
# Words that nobody writes before a bare number in ordinary French.
_DISTINCT = ("PERSONNE", "FEMME", "HOMME", "COURRIEL", "ORGANISATION", "IDENTIFIANT")

_BRACKETS = (
    ("[", "]"),
    ("\\[", "\\]"),
    ("\\\\[", "\\\\]"),
    ("\\\\\\\\[", "\\\\\\\\]"),
    ("{", "}"),
    ("<", ">"),
    ("&#91;", "&#93;"),
    ("&#x5B;", "&#x5D;"),
    ("&lbrack;", "&rbrack;"),
    ("&lsqb;", "&rsqb;"),
    ("&lt;", "&gt;"),
    ("\\u005b", "\\u005d"),
    ("\\\\u005b", "\\\\u005d"),
    ("%5B", "%5D"),
    ("⟦", "⟧"),
    ("【", "】"),
    ("［", "］"),
)
# A line may break after the separator, and be a line break of JSON.
_BREAKS = ("\n", "\r\n", "\\n", "\\r\\n")
_UNDERSCORES = (
    "_",
    "\\_",
    "\\\\_",
    "\\\\\\\\_",
    "__",
    "＿",
    "&#95;",
    "&lowbar;",
    "\\u005f",
    "\\\\u005f",
)
_TIGHT = (*_UNDERSCORES, "-", "‐", "‑", "–", *("_" + end for end in _BREAKS), "_\u200b")
_LOOSE = (*_TIGHT, " ", "\u00a0", "\u202f", " _ ", " _", "_ ")
_DASHED = (*_LOOSE, " - ", " – ", "—", " — ")
# Not in braces or angle brackets: `{age: 2}` is data. A colon and a space are prose anywhere.
_SQUARE = (*_DASHED, *_BREAKS, " n°", " n° ", " n°\u00a0", " n°\u202f", " #", "#", ".", ":")
_DATA = frozenset("{<")


class _Atom:
    """A step of a form: what it is, and what the text may stop in the middle of."""

    def __init__(self, whole: str, beginnings: str = "") -> None:
        self.whole = whole
        self.beginnings = beginnings


def _one_of(words: Sequence[str], *, optional: bool = False) -> _Atom:
    ordered = sorted(set(words), key=len, reverse=True)
    starts = {word[:size] for word in words for size in range(1, len(word))}
    whole = "(?:" + "|".join(map(re.escape, ordered)) + ")" + ("?" if optional else "")
    beginnings = "|".join(map(re.escape, sorted(starts, key=len, reverse=True)))
    return _Atom(whole, f"(?:{beginnings})" if beginnings else "")


def _type(words: Sequence[str]) -> _Atom:
    atom = _one_of(words)
    return _Atom(f"(?P<type>{atom.whole})", atom.beginnings)


def _written(words: Sequence[str]) -> tuple[str, ...]:
    """Return words also with their accents apart, as some writers compose them."""
    return (*words, *(apart for word in words if (apart := _apart(word)) != word))


def _apart(word: str) -> str:
    return unicodedata.normalize("NFD", word)


_SPACES = _Atom("[ \u00a0]{0,2}")
_NUMBER = _Atom("0{0,2}(?P<number>[1-9][0-9]{0,5}[a-z]{0,2})", "0{1,2}")
# The letter of a way of writing, apart from its number: between brackets only.
_LETTER = _Atom("(?:[ _-](?P<letter>[a-z]{1,2}))?", "[ _-]")
_WORDS = _type(_written((*_CANONICAL, *_ACCENTED)))
# Underscores are emphasis in Markdown: `_PERSONNE_1_`, `__PERSONNE_1__`.
_BEFORE = r"(?<![^\W_])(?<!&)"
_AFTER = r"(?!_{0,2}[^\W_])"
_AFTER_IT = _Atom("", "_{1,2}")
"""What may follow a bare form, and be followed by a letter: then it is none."""


def _bracketed(opening: str, closing: str) -> list[_Atom]:
    separator = _one_of(_DASHED if opening in _DATA else _SQUARE, optional=True)
    middle = [_WORDS, separator, _NUMBER, _LETTER]
    return [_one_of([opening]), _SPACES, *middle, _SPACES, _one_of([closing])]


_HALF = [
    [_one_of(["["]), _WORDS, _one_of(_TIGHT), _NUMBER],
    [_WORDS, _one_of(_TIGHT), _NUMBER, _one_of(["]"])],
]
_BARE = [
    [_WORDS, _one_of(_TIGHT), _NUMBER],
    [_type(_DISTINCT), _one_of(_LOOSE, optional=True), _NUMBER],
]


def _whole(atoms: Sequence[_Atom]) -> str:
    return "".join(atom.whole for atom in atoms)


def _unfinished(atoms: Sequence[_Atom], *, ends: bool) -> Iterator[str]:
    """Yield patterns of a form that stops before its end (or at an end that may still grow)."""
    for size in range(1, len(atoms) + (0 if ends else 1)):
        yield _whole(atoms[:size])
    for size, atom in enumerate(atoms):
        if atom.beginnings:
            yield _whole(atoms[:size]) + atom.beginnings


def _anonymous(pattern: str) -> str:
    return re.sub(r"\(\?P<\w+>", "(?:", pattern)


def _numbered(patterns: Sequence[str]) -> str:
    """Join alternatives; Python wants each group name only once, so they get a number."""
    counter = itertools.count()

    def named(pattern: str) -> str:
        index = next(counter)
        return re.sub(r"\(\?P<(\w+)>", lambda m: f"(?P<{m[1]}{index}>", pattern)

    return "|".join(map(named, patterns))


_FORMS = [_whole(_bracketed(*pair)) for pair in _BRACKETS]
_FORMS += [_whole(_HALF[0]) + _AFTER, _BEFORE + _whole(_HALF[1])]
_FORMS += [_BEFORE + _whole(form) + _AFTER for form in _BARE]

TOKEN = re.compile(_numbered(_FORMS), re.IGNORECASE)

_ALIVE = [p for pair in _BRACKETS for p in _unfinished(_bracketed(*pair), ends=True)]
_ALIVE += _unfinished([*_HALF[0], _AFTER_IT], ends=False)
_ALIVE += [_BEFORE + p for p in _unfinished(_HALF[1], ends=True)]
_ALIVE += [_BEFORE + p for form in _BARE for p in _unfinished([*form, _AFTER_IT], ends=False)]

HELD = re.compile(f"(?:{'|'.join(dict.fromkeys(map(_anonymous, _ALIVE)))})\\Z", re.IGNORECASE)


def name_of(match: re.Match[str]) -> str:
    """Return the surrogate that a match means, by its plain name: `TYPE_n`, perhaps a letter."""
    groups = {key.rstrip("0123456789"): value for key, value in match.groupdict().items() if value}
    word = "".join(c for c in _apart(groups["type"].upper()) if not unicodedata.combining(c))
    number = groups["number"] + groups.get("letter", "")
    return f"{_CANONICAL[word]}_{number.lower()}"


def look_alikes(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of a text that restoration would take for surrogates."""
    return (match.span() for match in TOKEN.finditer(text))


def names_in(text: str) -> set[str]:
    """Return the surrogates in a text, each by its plain name."""
    return {name_of(match) for match in TOKEN.finditer(text)}
