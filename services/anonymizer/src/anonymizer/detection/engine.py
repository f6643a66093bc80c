"""presidio's analyzer with the French recognisers: the part that a stock engine can do too."""

import logging

from presidio_analyzer import (
    AnalyzerEngine,
    ContextAwareEnhancer,
    EntityRecognizer,
    RecognizerRegistry,
    RecognizerResult,
)
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.addresses import AddressRecognizer
from anonymizer.detection.names import NamesByContext
from anonymizer.detection.ner import FrenchNlpEngine, NamesByModel, pin_suffix_list
from anonymizer.detection.organisations import OrganisationsByGrammar
from anonymizer.detection.patterns import RECOGNIZERS
from anonymizer.detection.places import PlacesByGrammar
from anonymizer.detection.second_reader import NamesBySecondReader, SecondReader


class _NoContextWords(ContextAwareEnhancer):
    """Leaves the scores as they are: our patterns hold their context, presidio's copies it all."""

    def __init__(self) -> None:
        super().__init__(
            context_similarity_factor=0,
            min_score_with_context_similarity=0,
            context_prefix_count=0,
            context_suffix_count=0,
        )

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: NlpArtifacts,
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """Return `raw_results` themselves."""
        del text, nlp_artifacts, recognizers, context
        return raw_results


def french_recognizers() -> list[EntityRecognizer]:
    """Return every recogniser of ours, the model's names apart."""
    forms = [recognizer() for recognizer in RECOGNIZERS]
    return [
        *forms,
        AddressRecognizer(),
        NamesByContext(),
        OrganisationsByGrammar(),
        PlacesByGrammar(),
    ]


def french_engine(model: str | None, second: SecondReader | None = None) -> AnalyzerEngine:
    """Build the engine and load its model (seconds; call it in a thread).

    `model` is a spaCy model or None, for rules alone; `second` reads beside either.
    """
    # presidio logs what it is given at debug level, which may be what somebody wrote.
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    pin_suffix_list()
    nlp_engine = FrenchNlpEngine(model)
    nlp_engine.load()
    recognizers = french_recognizers()
    if model is not None:
        recognizers.append(NamesByModel())
    if second is not None:
        recognizers.append(NamesBySecondReader(second))
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=["fr"])
    return AnalyzerEngine(
        context_aware_enhancer=_NoContextWords(),
        registry=registry,
        nlp_engine=nlp_engine,
        supported_languages=["fr"],
        log_decision_process=False,
    )
