"""presidio's analyzer with the French recognisers: the part that a stock engine can do too."""

import logging

from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry

from anonymizer.detection.addresses import AddressRecognizer
from anonymizer.detection.names import NamesByContext
from anonymizer.detection.ner import FrenchNlpEngine, NamesByModel, pin_suffix_list
from anonymizer.detection.organisations import OrganisationsByGrammar
from anonymizer.detection.patterns import RECOGNIZERS
from anonymizer.detection.places import PlacesByGrammar


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


def french_engine(model: str | None) -> AnalyzerEngine:
    """Build the engine and load its model (seconds; call it in a thread).

    `model` is a spaCy model or None, for rules alone.
    """
    # presidio logs what it is given at debug level, which may be what somebody wrote.
    logging.getLogger("presidio-analyzer").setLevel(logging.ERROR)
    pin_suffix_list()
    nlp_engine = FrenchNlpEngine(model)
    nlp_engine.load()
    recognizers = french_recognizers()
    if model is not None:
        recognizers.append(NamesByModel())
    registry = RecognizerRegistry(recognizers=recognizers, supported_languages=["fr"])
    return AnalyzerEngine(
        registry=registry,
        nlp_engine=nlp_engine,
        supported_languages=["fr"],
        log_decision_process=False,
    )
