# ruff: noqa: E501 - patterns and word lists are read as long lines
"""People by what surrounds their names: titles, fields, layout, lists of given names."""

import re
from collections.abc import Iterator

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.folding import fold, lowered
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.heads import matches, starts
from anonymizer.detection.lexicon import (
    ALL_KEPT,
    AMBIGUOUS,
    HEADINGS,
    OCCUPATIONS,
    PLAIN,
    PUBLIC_FIGURES,
    TIMES,
    is_kept,
)

_CAP = r"(?:(?:[DdLNO]['’])?[A-ZÀ-ÝŸŒ][\w'’ʼ]*(?:[-‐‑][\w'’]+)*)"
_PARTICLE = r"(?:de la|de l['’]|de|du|des|d['’]|le|la|van der|van den|van|von|el|al|ben|bin|ould|da|dos|do|di|del|della|ait|aït|san|mac|mc|y|e)"
_INITIAL = r"(?:[A-ZÀ-Ý]\.(?:[- ]?[A-ZÀ-Ý]\.)*+)"  # a row of them is one part of a name
_SPACE = r"(?:[ \u00a0]+|[ \t]*\n[ \t>]*)"
_NAME = (
    rf"(?:{_INITIAL}|{_CAP})(?:{_SPACE}?(?:(?i:{_PARTICLE})[ '’]*)?(?:{_INITIAL}|{_CAP})){{0,4}}"
)
_ONE_PARTICLE = re.compile(_PARTICLE)
_LINE_NAME = _NAME.replace(_SPACE, r"[ \u00a0]+")
_TITLE = (
    r"(?:\b(?:M\.|MM\.|Mr\.?|Mme|Mmes|Mlle|Mle|Monsieur|Madame|Mademoiselle|Dr\.?|Docteur|Doctoresse|Me|Ma[îi]tre|"
    r"Pr\.?|Professeur|Soeur|Sœur|Père|Abbé|MR\.?|MME|MLLE|MONSIEUR|MADAME|M)(?:[ \u00a0]+(?:et[ ]+(?:M\.|Mme|Mr)))?)"
)
_TITLED = re.compile(rf"{_TITLE}(?P<gap>{_SPACE})(?P<name>(?:(?i:{_PARTICLE})[ '’]+)?{_NAME})")
# "Maître d'Hôtel", "Professeur des Écoles": what follows is what they are master of.
_OF_A_TRADE = re.compile(r"(?:Ma[îi]tre|Professeur)[ \u00a0]+(?:des?|du|d['’])\b")
_TITLED_LOW = re.compile(
    r"\b(?:madame|monsieur|mademoiselle|mme|mlle|mr|dr|docteur|ma[îi]tre)[ \n](?P<name>[a-zà-ÿ][\w'’-]{2,}(?: [a-zà-ÿ][\w'’-]{2,})?)"
)
_FIELD = re.compile(
    r"(?i:(?:^|(?<=[|;,({\[\"'«\n\t]))[ \t\"']*+(?:nom(?: d['’]usage| de naissance| de famille)?(?: et pr[ée]noms?| complet)?|"
    r"pr[ée]nom(?:s|\(s\))?(?: et nom)?|candidate?|b[ée]n[ée]ficiaire|b[ée]n[ée]f\.?|titulaire|contact|interlocut\w+|salari[ée]e?|"
    r"stagiaire|conseill[èe]re?|consultante?|r[ée]f[ée]rente?|tut(?:eur|rice)|manager|responsable|r[ée]dig[ée] par|auteure?|"
    r"signature|sign[ée]|de|from|[àa]|to|cc|first_?name|last_?name|name|full_?name|nom_?prenom|personne|usager|"
    r"employ[ée]e?|int[ée]ress[ée]e?|pilote|animat\w+|n\+1|sup[ée]rieure?)[\"']?[ \t]*[:=][ \t]*[\"']?)"
    rf"(?:{_TITLE}[ ]+)?(?P<name>{_LINE_NAME})",
    re.MULTILINE,
)
_FIELD_LOW = re.compile(
    r"\b(?:nom|pr[ée]nom|first_?name|last_?name|name)[\"']?[ \t]*[:=][ \t]*[\"']?(?P<name>[^\W\d_][\w'’ -]{1,30}?)(?=[\"',;|\n\t}]|$)",
    re.IGNORECASE | re.MULTILINE,
)
_SAYING = (
    r"je suis|je m['’ ]?appelle|je soussign[ée]+(?:\(e\))?,?|moi c['’]est|(?:il|elle) s['’]appelle|appel(?:ez|le)[- ]moi|au nom de|"
    r"de la part de|pr[ée]nomm[ée]e?|nomm[ée]e?|dite?|alias|surnomm[ée]e?|bonjour|bonsoir|ch[èe]re?|salut|coucou|"
    r"merci|bises|bisous|cordialement,?|sign[ée]"
)
_SAID = re.compile(rf"\b(?i:{_SAYING})[ \n]+(?:{_TITLE}[ ]+)?[«\"“]?[ ]?(?P<name>{_NAME})")
_SAYING_HEAD = re.compile(rf"\b(?=(?:{_SAYING})[ \n])")
_SPEAKER = re.compile(
    rf"^(?:\[?\d\d:\d\d(?::\d\d)?\]?[ -]*)?(?P<name>{_LINE_NAME}|[A-ZÀ-Ý]{{2,}})[ ]?(?:\(\w+\))?[ ]?:(?=[ \n])",
    re.MULTILINE,
)
_TOKEN = re.compile(r"(?:[DdLNO]['’])?[^\W\d_][\w'’ʼ]*(?:[-‐‑][^\W\d_][\w'’]*)*")
_KIN = (
    r"(?:mon|ma|mes|son|sa|ses|notre|votre|leur|ton|ta)[ ](?:fille|fils|fr[èe]re|s[oœ]eur|mari|femme|conjointe?|compagnon|compagne|"
    r"m[èe]re|p[èe]re|cousine?|tante|oncle|amie?|copain|copine|coll[èe]gue|chef(?:fe)?|patronn?e?|manager|conseill[èe]re?|tutrice|tuteur|"
    r"formateur|formatrice|avocate?|binôme|associ[ée]e?|voisine?|assistante?|n\+1)"
)
_RELATIVE = re.compile(rf"\b(?i:{_KIN})[ ,]+(?:{_TITLE}[ ])?(?P<name>{_CAP}(?:[ ]{_CAP})?)")
_KIN_HEAD = re.compile(rf"\b(?=(?:{_KIN})[ ,])")
_SIGNED = re.compile(
    rf"(?:^|\n)[ \t>]*(?P<name>{_LINE_NAME})[ \t]*(?=\n*\Z|\n--|\n+(?:PS|P\.S\.|T[ée]l|Le \d))"
)
_INITIALED = re.compile(rf"(?<![\w.])(?!M\.[ ]){_INITIAL}[ ]?(?P<name>{_CAP}{{1}})(?<=\w\w\w)")
_CELLS = re.compile(
    r"(?<=[;|,\t\n])[ ]?(?P<a>[^\W\d_][\w'’ -]{1,25})[;|\t][ ]?(?P<b>[^\W\d_][\w'’ -]{1,25})(?=[;|\t])"
)
_SPACED = re.compile(
    r"^[ \t]*(?P<name>(?:[A-ZÀ-ÝŁŽŠ-][ ]{1,4}){5,}[A-ZÀ-ÝŁŽŠ])[ \t]*$", re.MULTILINE
)
_ROMAN = r"[ivx]{1,5}\b"
_PUBLIC = re.compile(rf"[\w-]+ (?:{_ROMAN}|de gaulle\b)|(?:{'|'.join(sorted(PUBLIC_FIGURES))})\b")
_HEAD_LINES = 8
# Prepositions; without its accent A may be an initial, and beside a given name Au is a surname.
_OPENS_NO_NAME = re.compile(r"À|(?i:aux|sur|pour|dans|par|chez|vers|avec|sans|sous)")
_OPENS_NAMES_SELDOM = frozenset(("au", "en"))
_NEVER_SURNAMES = OCCUPATIONS | ALL_KEPT | PLAIN
_PLAIN_WORDS = _NEVER_SURNAMES | AMBIGUOUS


class NamesByContext(EntityRecognizer):
    """People named after a title, in a field, at the head of a CV or by a given name."""

    def __init__(self) -> None:
        super().__init__(supported_entities=["PERSON"], supported_language="fr", name="fr_names")

    def load(self) -> None:
        """Read the lists before the first text."""
        gazetteer()

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return the people of a text."""
        del nlp_artifacts
        if "PERSON" not in entities:
            return []
        return [
            RecognizerResult("PERSON", start, end, score)
            for start, end, score in _candidates(text)
            if any(c.isalpha() for c in text[start:end])
        ]


def _candidates(text: str) -> Iterator[tuple[int, int, float]]:
    small = lowered(text)
    for found, score, titled in (
        (_titled(text), 0.9, True),
        (_FIELD.finditer(text), 0.85, False),
        (matches(_RELATIVE, text, starts(_KIN_HEAD, small)), 0.86, True),
    ):
        for match in found:
            yield from _shortened(text, *match.span("name"), score, titled=titled)
    for match in _TITLED_LOW.finditer(text):
        yield from _low_title(*match.span("name"), match["name"])
    for match in _FIELD_LOW.finditer(text):
        if not is_kept(match["name"]):
            yield (*match.span("name"), 0.8)
    yield from _spoken(text, small)
    yield from _by_given_name(text)
    yield from _at_head(text)
    yield from _in_cells(text)
    for match in _INITIALED.finditer(text):
        if match["name"].isupper() or fold(match["name"]) in gazetteer().surnames:
            yield (*match.span(), 0.75)
    for match in _SIGNED.finditer(text):
        if _has_given_name(match["name"]):
            yield from _shortened(text, *match.span("name"), 0.75)


def _titled(text: str) -> Iterator[re.Match[str]]:
    return (found for found in _TITLED.finditer(text) if not _OF_A_TRADE.match(found[0]))


def _shortened(
    text: str, start: int, end: int, score: float, *, titled: bool = False
) -> Iterator[tuple[int, int, float]]:
    """Cut a candidate before the first word that cannot be in a name.

    After a title even Noël and Avril are surnames, where an occupation or a heading is not.
    """
    stop = start
    for word in _TOKEN.finditer(text, start, end):
        folded = fold(word[0])
        first = word.start() == start
        known = (
            folded in ALL_KEPT
            or folded in OCCUPATIONS
            or (folded in PLAIN and not _is_particle(folded))
        )
        borne = word[0][:1].isupper() and folded in gazetteer().surnames and folded in OCCUPATIONS
        given = not first and folded not in OCCUPATIONS and gazetteer().is_first_name(word[0])
        called = gazetteer().is_first_name(word[0]) and folded not in HEADINGS
        after_title = titled and first and (folded in TIMES or called)
        if known and not (borne or given or after_title):
            break
        if "\n" in text[stop : word.start()] and not _continues(text, word):
            break
        if not _is_particle(folded) or word[0][:1].isupper():
            stop = word.end()
    tail = text[stop:end]
    if tail.startswith(".") and text[stop - 1 : stop].isupper():
        stop += 1
    if stop > start:
        yield start, stop, score


def _continues(text: str, word: re.Match[str]) -> bool:
    """Say whether a name may go on on the next line: the line goes on in small letters."""
    rest = text[word.end() : word.end() + 12].lstrip(" ,")
    return rest[:1].islower() or rest[:1] in "(.,;"


def _in_cells(text: str) -> Iterator[tuple[int, int, float]]:
    """Yield a surname and a given name in two cells of a table, and spaced-out letters on top."""
    known = gazetteer()
    for match in _CELLS.finditer(text):
        cells = (match["a"].strip(), match["b"].strip())
        for given, family in (cells, cells[::-1]):
            borne = fold(family) in known.surnames or (family.isupper() and not is_kept(family))
            if known.is_first_name(given) and fold(given) not in PLAIN and borne:
                yield (*match.span("a"), 0.8)
                yield (*match.span("b"), 0.8)
                break
    first = _SPACED.search(text[:400])
    if first is not None and not is_kept(first["name"].replace(" ", "")):
        yield (*first.span("name"), 0.8)


def _is_particle(folded: str) -> bool:
    return _ONE_PARTICLE.fullmatch(folded) is not None


def _low_title(start: int, end: int, name: str) -> Iterator[tuple[int, int, float]]:
    first, _, second = name.partition(" ")
    if _is_plain_word(first):
        return
    known = gazetteer()
    if second and not _is_plain_word(second) and known.is_listed(fold(second)):
        yield start, end, 0.75
    else:
        yield start, start + len(first), 0.75


def _is_plain_word(word: str) -> bool:
    return fold(word) in _PLAIN_WORDS


def _spoken(text: str, small: str) -> Iterator[tuple[int, int, float]]:
    for match in matches(_SAID, text, starts(_SAYING_HEAD, small)):
        first = match["name"].split()[0]
        # After a greeting even Pierre and Rose are people.
        named = fold(first) in AMBIGUOUS and gazetteer().is_first_name(first)
        if named and text[match.end("name") : match.end("name") + 1] in (",", "!", ".", "\n", ""):
            yield match.start("name"), match.start("name") + len(first), 0.86
        elif not _is_plain_word(first):
            yield from _shortened(text, *match.span("name"), 0.75)
    for match in _SPEAKER.finditer(text):
        name = match["name"]
        known = gazetteer()
        shouted = name.isupper() and known.is_listed(fold(name))
        if not is_kept(name) and (shouted or _has_given_name(name)):
            yield (*match.span("name"), 0.8)


def _has_given_name(name: str) -> bool:
    words = [word[0] for word in _TOKEN.finditer(name)]
    return any(gazetteer().is_first_name(w) and not _is_plain_word(w) for w in words)


def _by_given_name(text: str) -> Iterator[tuple[int, int, float]]:
    """Yield given names with the surname beside them, and lone ones that are nothing else."""
    words = list(_TOKEN.finditer(text))
    known = gazetteer()
    for index, word in enumerate(words):
        if not word[0][0].isupper():
            continue
        folded = fold(word[0])
        if len(folded) < 3 or _is_particle(folded):  # noqa: PLR2004
            continue
        if not known.is_first_name(word[0]) or _PUBLIC.match(
            fold(text[word.start() : word.end() + 30])
        ):
            continue
        ambiguous = _is_plain_word(word[0])
        before = words[index - 1] if index else None
        if before is not None and _is_inverted(text, before, word):
            yield _inverted_start(text, words, index), word.end(), 0.8
            continue
        end = _surname_end(text, words, index)
        if end is not None and not (ambiguous and not _surname_like(text[word.end() : end])):
            yield word.start(), end, 0.8
            continue
        if before is not None and _precedes(text, before, word) and not ambiguous:
            yield _inverted_start(text, words, index), word.end(), 0.8
        elif (
            not ambiguous
            and folded in known.common_first_names
            and not _in_a_name_of_thing(text, word.start())
        ):
            yield word.start(), word.end(), 0.65


def _surname_like(words: str) -> bool:
    stripped = words.strip()
    return stripped.isupper() or fold(stripped) in gazetteer().surnames


def _surname_end(text: str, words: list[re.Match[str]], index: int) -> int | None:
    """Return where the surname after a given name ends; None when none follows."""
    end, last = None, words[index]
    for word in words[index + 1 : index + 6]:
        gap = text[last.end() : word.start()]
        if gap.strip(" \u00a0") or len(gap) > 2:  # noqa: PLR2004
            break
        folded = fold(word[0])
        if _is_particle(folded):
            last = word
            continue
        borne = folded in gazetteer().surnames and folded in OCCUPATIONS and end is None
        if any(c.isdigit() for c in word[0]):
            break
        if not word[0][0].isupper() or (folded in _NEVER_SURNAMES and not borne):
            break
        end, last = word.end(), word
    follows = text[end : end + 1] if end is not None else ""
    if (
        end is None
        and text[last.end() : last.end() + 4].strip()[1:2] == "."
        and text[last.end() : last.end() + 4].strip()[:1].isupper()
    ):
        return last.end() + text[last.end() :].index(".") + 1
    return end + 1 if end is not None and follows == "." and text[end - 2 : end - 1] == " " else end


def _is_inverted(text: str, before: re.Match[str], word: re.Match[str]) -> bool:
    """Say whether the words are NOM Prénom: capitals before a given name in small letters."""
    shouted = before[0].isupper() and len(before[0]) > 2 and not _is_plain_word(before[0])  # noqa: PLR2004
    return shouted and not word[0].isupper() and text[before.end() : word.start()] in (" ", "  ")


def _inverted_start(text: str, words: list[re.Match[str]], index: int) -> int:
    """Return where a surname before a given name starts, its particles included."""
    start = words[index - 1].start()
    for word in reversed(words[max(0, index - 4) : index - 1]):
        gap = text[word.end() : start]
        shouted = words[index - 1][0].isupper() and word[0].isupper() and len(word[0]) > 1
        if gap not in (" ", "'", "’") or not (_is_particle(fold(word[0])) or shouted):
            break
        if _is_plain_word(word[0]) and not _is_particle(fold(word[0])):
            break
        start = word.start()
    return start


def _precedes(text: str, before: re.Match[str], word: re.Match[str]) -> bool:
    """Say whether the word before a given name is its surname: NGUYEN Lily, Kowalski Yasmine."""
    if text[before.end() : word.start()] not in (" ", "\u00a0") or not before[0][0].isupper():
        return False
    folded = fold(before[0])
    if folded in _PLAIN_WORDS:
        return False
    follows = text[word.end() : word.end() + 3].lstrip(" ")[:1]
    alone = text[: before.start()].rsplit("\n", 1)[-1].strip(" >-•").replace(" ", "")
    on_top = follows in ("", ",", "\n", ":", "(", "–", "-") and _is_particle(alone.lower() or "de")
    shouted = before[0].isupper() and len(before[0]) > 2  # noqa: PLR2004
    return shouted or on_top or folded in gazetteer().surnames


_THINGS = re.compile(
    r"(?:rue|avenue|place|boulevard|bd|lyc[ée]e|coll[èe]ge|[ée]cole|universit[ée]|institut|h[ôo]pital|clinique|r[ée]sidence|stade|"
    r"fondation|prix|saint|sainte|st|ste|square|quai|cours|all[ée]e|impasse|jean|marie)[ -]+(?:[\wà-ÿ'’]+[ -]){0,2}$",
    re.IGNORECASE,
)


def _in_a_name_of_thing(text: str, start: int) -> bool:
    return _THINGS.search(text[max(0, start - 40) : start]) is not None


def _at_head(text: str) -> Iterator[tuple[int, int, float]]:
    """Yield the name that a CV begins with: a short line of capitals, a given name among them."""
    at, shown = 0, 0
    for line in text.split("\n"):
        start, at = at, at + len(line) + 1
        if not line.strip():
            continue
        shown += 1
        if shown > _HEAD_LINES:
            return
        for cell in re.finditer(r"[^\t|]+?(?=\t|\||[ ]{3,}|$)", line):
            yield from _head_cell(start + cell.start(), cell[0], first=shown == 1)


def _head_cell(start: int, cell: str, *, first: bool) -> Iterator[tuple[int, int, float]]:
    bare = cell.strip()
    start += len(cell) - len(cell.lstrip())
    words = [word[0] for word in _TOKEN.finditer(bare)]
    if words and _OPENS_NO_NAME.fullmatch(words[0]):
        return
    if not 1 <= len(words) <= 5 or any(c.isdigit() or c in ":@/" for c in bare) or is_kept(bare):  # noqa: PLR2004
        return
    named = any(gazetteer().is_first_name(word) for word in words)
    capital = all(word[0].isupper() or _is_particle(fold(word)) for word in words)
    strange = not any(_is_plain_word(word) and fold(word) not in AMBIGUOUS for word in words)
    strange &= named or fold(words[0]) not in _OPENS_NAMES_SELDOM
    borne = any(fold(w) in gazetteer().surnames for w in words) and bare.isupper()
    if capital and strange and (named or borne or (first and 2 <= len(words) <= 3)):  # noqa: PLR2004
        yield start, start + len(bare), 0.85 if named else 0.7
