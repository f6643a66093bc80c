# ruff: noqa: E501, ISC004 - patterns are read as long lines, and joined from parts
"""French recognisers by form, for presidio-analyzer: each works in a stock `AnalyzerEngine`.

What has a key is checked by it (NIR, IBAN); what has none is taken by its form or by the words
before it. They open no socket: presidio's own e-mail recogniser asks a list of domain suffixes.

What is asked at every character costs the most, so the cheap question stands first: whether it is
a digit before whether it begins a date, the form of the value before the many words that may
stand in front of it. In which order they are asked changes nothing in what is found.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

import regex
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.numerals import CARDINAL

_FLAGS = re.MULTILINE | re.IGNORECASE
_PATIENCE_SECONDS = 30
# A line break inside a number, with the margin that a column or a quotation mark leaves.
_BREAK = r"(?:[ \t\u00a0]*\n[ \t>|]{0,20})"
_GAP = rf"(?:[ \t\u00a0\u202f.\-–/·_]{{1,3}}|{_BREAK})?"
_MONTHS = (
    r"(?:janv(?:ier)?|f[ée]vr?(?:ier)?|mars|avr(?:il)?|mai|juin|juil(?:let)?|ao[uû]t|"
    r"sept(?:embre)?|oct(?:obre)?|nov(?:embre)?|d[ée]c(?:embre)?)\.?"
)
DATE = (
    r"(?=\d)(?:(?:0?[1-9]|[12]\d|3[01])\s?[/.\-|]\s?(?:0?[1-9]|1[0-2])\s?[/.\-|]\s?(?:19|20)?\d\d"
    rf"|(?:1\s?er|0?[1-9]|[12]\d|3[01])[ \t\n]+{_MONTHS}[ \t\n]+(?:(?:19|20)\d\d|\d\d)"
    r"|(?:19|20)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))(?!\d)"
)


class _French(PatternRecognizer):
    """A recogniser for French text."""

    name: str
    LABEL = ""
    PATTERNS: tuple[tuple[str, str, float], ...] = ()
    WORDS: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """By a pattern's name, what a text has to hold, in small letters, one of them at least."""
    FLAGS = _FLAGS

    def __init__(self) -> None:
        patterns = [Pattern(name, form, score) for name, form, score in self.PATTERNS]
        super().__init__(
            supported_entity=self.LABEL,
            name=f"fr_{self.LABEL.lower()}",
            supported_language="fr",
            patterns=patterns,
            global_regex_flags=self.FLAGS,
        )
        self._forms = [
            (pattern, regex.compile(pattern.regex, self.FLAGS), self.WORDS.get(pattern.name, ()))
            for pattern in patterns
        ]

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: NlpArtifacts | None = None,
        regex_flags: int | None = None,
    ) -> list[RecognizerResult]:
        """Return what has one of the forms and is not refused by `validate_result`.

        Raises:
            TimeoutError: a form took longer than any text needs. presidio's own method would
                leave that form out, and in the text what it finds.
        """
        del entities, nlp_artifacts, regex_flags
        return EntityRecognizer.remove_duplicates(list(self._results(text)))

    def _results(self, text: str) -> Iterator[RecognizerResult]:
        small = text.casefold() if self.WORDS else ""
        for pattern, form, words in self._forms:
            if words and not any(word in small for word in words):
                continue
            for match in form.finditer(text, timeout=_PATIENCE_SECONDS):
                is_valid = self.validate_result(match[0])
                if is_valid is not False:
                    yield self._result(pattern, match.span(), is_valid=is_valid)

    def _result(
        self, pattern: Pattern, span: tuple[int, int], *, is_valid: bool | None
    ) -> RecognizerResult:
        explanation = self.build_regex_explanation(
            self.name,
            pattern.name,
            pattern.regex,
            pattern.score,
            is_valid,  # type: ignore[arg-type]  # presidio itself passes None too
            self.FLAGS,
        )
        explanation.score = EntityRecognizer.MAX_SCORE if is_valid else pattern.score
        return RecognizerResult(
            self.LABEL,
            *span,
            explanation.score,
            explanation,
            {
                RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
                RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
            },
        )


class PhoneRecognizer(_French):
    """Numbers of France and its overseas territories, written or spoken."""

    LABEL = "PHONE"
    WORDS = MappingProxyType({"spoken": ("zéro", "zero")})
    _ABROAD = r"(?:\+|\b00)[ .\-]?(?:33|262|590|594|596|508|681|687|689)"
    PATTERNS = (
        (
            "national",
            rf"(?<![\d/.,])(?:{_ABROAD}{_GAP}(?:\(\s?0\s?\))?{_GAP}|0{_GAP})[1-9]"
            rf"(?:{_GAP}\d\d){{4}}(?![\d])",
            0.9,
        ),
        (
            "uneven groups",
            rf"(?<![\d/.,])(?:{_ABROAD}[ .\-]?(?:\(0\))?[ .\-]?|0[ .\-]?)[1-9]"
            r"(?:[ .\-\u00a0]?\d){8}(?![\d/]|[ .,]\d)",
            0.75,
        ),
        ("short overseas", rf"{_ABROAD}(?:[ .\-]?\d\d){{3}}(?!\d)", 0.8),
        (
            "foreign",
            r"(?<![\d\w])(?:\+|00)[ .]?[1-9]\d{0,2}(?:[ .\-/()]{0,2}\d){7,11}(?!\d)",
            0.7,
        ),
        (
            "after a word",
            r"(?<=(?:\bt[ée]l(?:[ée]phone)?|portable|\bport|mobile|\bfixe|joindre|appel\w*)"
            r"[ .:]{1,4}(?:au[ :]{1,2})?)[0o](?:[ .\-/]{0,2}[\dolOI]){7,9}\b",
            0.7,
        ),
        (
            "spoken",
            rf"\bz[ée]ro[\s,\-]+(?:un|deux|trois|quatre|cinq|six|sept|huit|neuf)"
            rf"(?:[\s,.\-…]+(?:euh[\s,.…]+)?(?:{CARDINAL}|z[ée]ro|double)){{4,12}}\b",
            0.85,
        ),
    )


class EmailRecognizer(_French):
    """Addresses of electronic mail, written, broken or spoken."""

    LABEL = "EMAIL"
    WORDS = MappingProxyType({"spoken": ("arobas", " at ", " at\n", "\nat ", "\nat\n")})
    PATTERNS = (
        (
            "written",
            r"(?<![\w.+%-])[\w](?:[\w.+%'’-]{0,62}[\w_-])?@(?:[ \t]*\n[ \t]*)?"
            r"[\w-]{1,63}(?:\.(?:[ \t]*\n[ \t]*(?=[a-z]{2,}))?[\w-]{1,63}){1,5}",
            1.0,
        ),
        (
            "spaced",
            r"\b(?<![\w.+-])[\w][\w.+-]{0,62}+\s{0,2}(?:@|[\[({]\s?(?:at|arobase)\s?[\])}])\s{0,2}"
            r"[\w-]{1,63}(?:\s?(?:\.|[\[({]\s?(?:dot|point)\s?[\])}])\s?[\w-]{1,63}){1,4}",
            0.85,
        ),
        (
            "spoken",
            r"\b[\w.+-]{1,40}+(?:[ \n](?:point|tiret(?: du bas| bas)?|underscore|moins)[ \n]"
            r"[\w.+-]{1,40}+){0,4}[ \n]+(?:arobase|arobas|at)[ \n]+[\w-]{2,40}"
            r"(?:[ \n](?:tiret|point)[ \n][\w-]{1,40}){1,4}",
            0.85,
        ),
    )


class NirRecognizer(_French):
    """Social security numbers, by their key of 97 (Corsica: 2A is 19, 2B is 18)."""

    LABEL = "NIR"
    _CELL = rf"(?:{_GAP}|[ ]?\|[ ]?)"  # forms have a box for each group
    _FORM = _CELL.join(
        (r"[1-478]", r"\d\d", r"(?:0[1-9]|1[0-2]|[2-9]\d)", r"(?:\d\d|2[ab])", r"\d{3}", r"\d{3}")
    )
    PATTERNS = (
        ("with its key", rf"(?<![\dA-Z]){_FORM}{_CELL}(?:cl[ée]{_GAP})?\d\d(?!\d)", 0.95),
        ("without its key", r"(?<![\dA-Z])[12]\d\d(?:0[1-9]|1[0-2])(?:\d\d|2[AB])\d{6}(?!\d)", 0.7),
        (
            "named",
            r"(?<=(?:s[ée]cu(?:rit[ée])?(?: sociale)?|\bNIR|\bn(?:°|o|um[ée]ro) ?(?:de )?ss|"
            rf"\binsee)\b[^\d\n]{{0,30}}){_FORM}(?:{_CELL}\d\d)?(?!\d)",
            0.94,
        ),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Accept a right key; a number without one, or named as such, stays what it is."""
        characters = [c for c in pattern_text.upper() if c.isdigit() or c in "AB"]
        if len(characters) != 15:  # noqa: PLR2004 - thirteen and the key
            return None
        body = "".join(characters[:13]).replace("2A", "19").replace("2B", "18")
        key = "".join(characters[13:])
        if not (body + key).isdigit():
            return False
        return True if 97 - int(body) % 97 == int(key) else None


class IbanRecognizer(_French):
    """Bank accounts, by the remainder of ISO 13616."""

    LABEL = "IBAN"
    PATTERNS = (
        (
            "grouped",
            rf"\b[A-Z]{{2}}{_GAP}\d\d(?:{_GAP}[A-Z0-9]{{4}}){{3,7}}(?:{_GAP}[A-Z0-9]{{1,3}})?\b",
            0.6,
        ),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Accept the right remainder; a French form with a wrong one is still somebody's."""
        code = "".join(c for c in pattern_text.upper() if c.isalnum())
        numbers = "".join(str(int(c, 36)) for c in code[4:] + code[:4])
        if int(numbers) % 97 == 1:
            return True
        french = code.startswith("FR") and len(code) == 27  # noqa: PLR2004 - a French IBAN
        return None if french else False


class BirthDateRecognizer(_French):
    """Dates that the words around them make a birth date; all other dates stay."""

    LABEL = "DATE_OF_BIRTH"
    PATTERNS = (
        (
            "born on",
            rf"(?={DATE})"
            r"(?<=(?:\bn[ée](?:e|\(e\)|\.e|·e)?|naissance|\bddn|birth|\bnaiss\.?|\bn[ée]+ ?:)"
            rf"[ \t\n]*(?:\([ée]\))?[ \t:;,.\-–]{{0,4}}(?:l[ea]|en|au|du)?[ \t\n:]{{0,3}}){DATE}",
            0.9,
        ),
        (
            "born in",
            r"(?<=\bn[ée](?:e|\(e\))? en (?:(?:\w{3,9}) )?)(?:19|20)\d\d\b",
            0.8,
        ),
        (
            "in a cell",
            r"(?<=[;—–][ ]?)(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2])/(?:19[3-9]\d|200\d)(?=[ ]?[;—–])",
            0.6,
        ),
        ("before a birthplace", rf"{DATE}(?=[ \t]+(?:à|a)[ \t]+(?-i:[A-ZÀ-Ý])[\w-]{{2,}})", 0.7),
        (
            "in a field",
            rf"(?={DATE})"
            rf"(?<=(?:naissance|ddn|birth_?date|n[ée]+_?le|dob)[\"']?\s{{0,3}}[:=;|]\s{{0,3}}[\"']?)"
            rf"{DATE}",
            0.95,
        ),
    )


class AgeRecognizer(_French):
    """Ages of people, not lengths of service."""

    LABEL = "AGE"
    WORDS = MappingProxyType({"said": ("ans",)})
    _YEARS = rf"(?:1[4-9]|[2-9]\d|{CARDINAL})"
    PATTERNS = (
        (
            "said",
            r"(?:\bj['’ ]?(?:ai|avais|aurai)|\ba|\bavait|\baura|\bayant|[âa]g[ée]{1,2}s?(?:\([ée]\))? de|"
            r"[âa]g[ée]{1,2}s?|[âa]ge ?:|\bmes|\bses|\bfait)[ \t\n]+(?:d[ée]j[àa] |bient[ôo]t |"
            rf"presque |environ |eu )?\K{_YEARS}[ \t\n]+ans\b(?! (?:d['’]|de |dans|chez|à |en ))",
            0.8,
        ),
        (
            "in an enumeration",
            rf"(?<=(?:^|[,;|(–—•·]|[ \t]-)[ \t]{{0,3}}){_YEARS}[ \t]ans?(?=[ \t]*(?:[,;|)–—•·]|-|$))",
            0.75,
        ),
        ("short", r"(?=\d)(?<=[,;(–-][ \t]?)(?:1[4-9]|[2-6]\d)[ \t]?a\.?(?=[ \t]?[,;)–-])", 0.6),
        ("in a field", rf"\b[âa]ge[\"']?\s?[:=;]\s?[\"']?\K{_YEARS}(?:[ \t]ans)?\b", 0.9),
    )


class IdentityDocumentRecognizer(_French):
    """Numbers of identity cards, passports and residence permits, by the words before them."""

    LABEL = "ID_DOC"
    _NAMES = ("cni", "identit", "passeport", "séjour", "sejour", "résident", "resident")
    WORDS = MappingProxyType(
        {
            "named": (*_NAMES, "récépiss", "récepiss", "recépiss", "recepiss", "aps"),
            "numbered": _NAMES,
        }
    )
    PATTERNS = (
        (
            "named",
            r"(?<=[ \t\n:°(\"=])(?=[A-Z ]{0,12}+\d)"
            r"(?<=(?:\bCNIE?|carte (?:nationale )?d['’ ]identit[ée]|\bidentit[ée]|passeport|"
            r"titre de s[ée]jour|carte de s[ée]jour|carte de r[ée]sident|r[ée]c[ée]piss[ée]|"
            r"\bpi[èe]ce d['’ ]identit[ée]|\bAPS)\b[^\n]{0,40}?[ \t\n:°(\"=])"
            r"[A-Z0-9]{2,14}(?:[ \t]?[A-Z0-9]{2,9}){0,3}(?<=\d[A-Z0-9 ]{0,3})\b",
            0.8,
        ),
        (
            "numbered",
            r"(?<=(?:\bCNI|identit[ée]|passeport|s[ée]jour)\b[^\n]{0,20}?\bn[°o] ?)(?-i:[A-Z0-9]{9})\b",
            0.8,
        ),
        ("passport", r"\b\d\d[A-HJ-NP-TV-Z]{2}\d{5}\b", 0.6),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Refuse words, dates and short numbers."""
        digits = sum(c.isdigit() for c in pattern_text)
        coded = len(pattern_text) == 9 and pattern_text.isupper()  # noqa: PLR2004 - since 2021
        return None if digits > 4 or coded else False  # noqa: PLR2004 - shorter is a year


class DrivingLicenceRecognizer(_French):
    """Numbers of driving licences."""

    LABEL = "DRIVING_LICENCE"
    WORDS = MappingProxyType({"named": ("permis",)})
    PATTERNS = (
        (
            "named",
            r"(?<=\bpermis\b[^\n]{0,50}?(?:\n[^\n]{0,20})?(?:n[°ºo]|num[ée]ro|:|#)[ \t.:]{0,3})"
            r"[0-9A-Z]{2}(?:[ \t]?[0-9A-Z]{2,}){1,5}(?<=\d)\b",
            0.85,
        ),
    )

    def validate_result(self, pattern_text: str) -> bool | None:
        """Refuse what has too few digits."""
        digits = sum(c.isdigit() for c in pattern_text)
        return None if digits >= 7 else False  # noqa: PLR2004 - the shortest licence numbers


class PlateRecognizer(_French):
    """Number plates, since 2009 and before."""

    LABEL = "PLATE"
    WORDS = MappingProxyType({"named": ("immatricul", "plaque", "véhicule", "vehicule", "voiture")})
    _LETTERS = "[A-HJ-NP-TV-Z]"
    PATTERNS = (
        (
            "since 2009",
            rf"\b(?-i:{_LETTERS}{{2}})[ .\-–]\d{{3}}[ .\-–](?-i:{_LETTERS}{{2}})\b",
            0.8,
        ),
        ("unspaced", rf"\b(?-i:{_LETTERS}{{2}}\d{{3}}{_LETTERS}{{2}})\b", 0.7),
        (
            "named",
            r"(?<=[ \t\n:])(?=[A-Z]{2}[ .\-]?\d{3}|\d{1,4}[ .\-]?[A-Z])"
            r"(?<=(?:immatricul\w*|plaque|v[ée]hicule|voiture)\b[^\n]{0,40}?[ \t\n:])"
            r"(?:[A-Z]{2}[ .\-]?\d{3}[ .\-]?[A-Z]{2}|\d{1,4}[ .\-]?[A-Z]{2,3}[ .\-]?(?:\d\d|2[AB]))\b",
            0.85,
        ),
        ("before 2009", r"\b\d{2,4}[ \-](?-i:[A-Z]{2,3})[ \-](?:\d\d|2[AB])\b(?![ .,]?\d)", 0.45),
    )


class LinkRecognizer(_French):
    """Personal sites, profiles and handles; addresses of public bodies stay."""

    LABEL = "URL"
    WORDS = MappingProxyType(
        {
            "profile": (".com/", ".fr/", ".net/", ".me/", ".org/", ".be/"),
            "handle": (
                *("insta", "twitter", "tiktok", "snap", "mastodon", "linkedin", "github"),
                *("réseau", "reseau", "pseudo", "discord"),
            ),
        }
    )
    _TLD = (
        "(?:fr|com|org|net|io|me|eu|dev|info|re|bzh|corsica|alsace|paris|example|co|be|ch|tech|pro)"
    )
    _PUBLIC = (
        r"(?![\w.-]*(?:gouv\.fr|francetravail|pole-emploi|service-public|moncompteformation|"
        r"onisep|apec\.fr|cereq|ameli\.fr|urssaf))"
    )
    PATTERNS = (
        ("with a scheme", rf"\bhttps?://{_PUBLIC}[^\s<>\"'()\[\]]{{3,200}}", 0.95),
        ("www", rf"\bwww\.{_PUBLIC}[^\s<>\"'()\[\]]{{3,200}}", 0.95),
        (
            "profile",
            r"\b(?:[\w-]+\.)?(?:linkedin|github|gitlab|instagram|facebook|twitter|behance|dribbble|"
            r"malt|viadeo|tiktok|youtube|medium|x|t|doyoubuzz|calendly)\.(?:com|fr|net|me|org|be)"
            r"/[^\s<>\"'()\[\],;]{1,120}",
            0.95,
        ),
        (
            "bare",
            rf"(?<![\w@.\-/])(?=[\w-]{{2,40}}+\.){_PUBLIC}[\w-]{{2,40}}(?:\.[\w-]{{2,40}}){{0,2}}\.{_TLD}"
            r"(?:/[^\s<>\"'()\[\],;]{0,120})?(?![\w@])",
            0.6,
        ),
        (
            "handle",
            r"(?<=[ \t:(])(?=@?[^\W\d_]{0,39}+[\d_.\-])"
            r"(?<=(?:insta(?:gram)?|twitter|tiktok|snap(?:chat)?|mastodon|linkedin|github|r[ée]seaux?|"
            r"pseudo|discord)\b[^\n]{0,20}[ \t:(])@?[\w.\-]{4,40}(?<=[\d_.\-]\w{0,20})\b",
            0.6,
        ),
        ("at", r"(?<![\w.@+-])@[A-Za-z_][\w.]{2,30}\b", 0.75),
    )


class FranceTravailRecognizer(_French):
    """Identifiers of job seekers."""

    LABEL = "FRANCE_TRAVAIL_ID"
    PATTERNS = (
        (
            "named",
            r"(?=\d(?:[ ]?\d){6})(?:(?<=(?:france[ \-]?travail|p[ôo]le[ \-]?emploi|\bFT|\bPE|demandeur d['’]emploi|"
            r"\bidentifiant|\bid\.?|\bDE|inscription|inscrit\w*)\b[^\n]{0,40}?[ \t\n:°(\"'=])"
            r"\d{3}[ ]?\d{4}[ ]?[A-Z]?\b(?!\s?(?:€|eur|euros|k€))|(?<=(?:france[ \-]?travail|"
            r"p[ôo]le[ \-]?emploi)\b[^\n]{0,40}?[ \t\n:°(])\d(?:[ ]?\d){6,10}[A-Z]?\b)",
            0.85,
        ),
        ("form", r"\b\d{7}[ ]?(?-i:[A-Z])\b", 0.65),
    )


RECOGNIZERS: tuple[type[_French], ...] = (
    PhoneRecognizer,
    EmailRecognizer,
    NirRecognizer,
    IbanRecognizer,
    BirthDateRecognizer,
    AgeRecognizer,
    IdentityDocumentRecognizer,
    DrivingLicenceRecognizer,
    PlateRecognizer,
    LinkRecognizer,
    FranceTravailRecognizer,
)
