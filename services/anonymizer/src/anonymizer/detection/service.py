"""Finding what identifies somebody: recognisers, then what only the whole document shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from presidio_analyzer import AnalyzerEngine, RecognizerResult

from anonymizer.detection.casing import recased
from anonymizer.detection.engine import french_engine
from anonymizer.detection.learned import Reader, Reading
from anonymizer.detection.lexicon import is_kept
from anonymizer.detection.ner import language_of
from anonymizer.detection.propagation import spread
from anonymizer.detection.rules import LABELS, MODELS, Finding, Hints, resolved, trimmed
from anonymizer.detection.runs import broken_blanks, legible
from anonymizer.detection.second_reader import SecondReader
from anonymizer.detection.words import PassingWords
from anonymizer.special.reader import SpecialReader
from anonymizer.special.rules import Statement

_TOLD = 0.85
_NOBODYS_NAME = frozenset(("ORGANISATION", "LOCATION", "AGE", "DATE_OF_BIRTH"))
_NAMES = frozenset(("PERSON", "ORGANISATION", "LOCATION"))


@dataclass(frozen=True, slots=True)
class Detector:
    """Finds the identifying stretches of French texts. Thread-safe: one text at a time."""

    engine: AnalyzerEngine
    special: SpecialReader
    words: PassingWords
    reader: Reader | None = None
    """Only beside the `md` model, whose word vectors it needs."""

    @classmethod
    def load(cls, model: str = "md", second: SecondReader | None = None) -> Self:
        """Load recognisers, lists and the named model (`md`, `sm` or `none`); takes seconds.

        A `second` reader's names are added to what the model and the rules find.
        """
        engine = french_engine(MODELS[model], second)
        reader = Reader.load() if model == "md" else None
        language = language_of(MODELS[model])
        detector = cls(engine, SpecialReader.load(language), PassingWords(language), reader)
        detector.find("Madame Jeanne Dupont, 3 rue du Pont, 35000 Rennes")
        return detector

    def statements(self, text: str, findings: Sequence[Finding]) -> list[Statement]:
        """Return the statements of special categories in `text`: in order, without overlaps."""
        names = ((f.start, f.end) for f in findings if f.label not in _NOBODYS_NAME)
        with self.words.turn():
            return self.special.statements(legible(text), names)

    def find(self, text: str, hints: Hints | None = None) -> list[Finding]:
        """Return what identifies somebody in `text`: in order, without overlaps."""
        with self.words.turn():
            return self._found(legible(broken_blanks(text)), hints or Hints())

    def _found(self, text: str, hints: Hints) -> list[Finding]:
        results, reading = self._read(recased(text))
        found = [_finding(result) for result in results]
        if reading is not None:
            found = [f for f in found if not reading.doubts(f)] + reading.findings(text)
        findings = [trimmed(finding, text) for finding in found]
        kept = [f for f in findings if f is not None and not _is_nobody(f, text)]
        more = [trimmed(finding, text) for finding in spread(text, kept, hints)]
        kept += [finding for finding in more if finding is not None]
        # What an overlap leaves of a weaker finding may be a word that identifies nobody.
        return [finding for finding in resolved(kept, text) if not _is_nobody(finding, text)]

    def _read(self, text: str) -> tuple[list[RecognizerResult], Reading | None]:
        """Return what the recognisers find, and what the network makes of each word."""
        artifacts = self.engine.nlp_engine.process_text(text, "fr")
        results = self.engine.analyze(
            text,
            language="fr",
            entities=list(LABELS),
            score_threshold=0.4,
            nlp_artifacts=artifacts,
        )
        return results, None if self.reader is None else self.reader.read(artifacts.tokens)


def _finding(result: RecognizerResult) -> Finding:
    metadata = result.recognition_metadata or {}
    rule = metadata.get(RecognizerResult.RECOGNIZER_NAME_KEY, "rule")
    explained = result.analysis_explanation
    pattern = explained.pattern_name if explained is not None else None
    name = f"{rule}: {pattern}" if pattern else str(rule)
    return Finding(result.start, result.end, result.entity_type, name, float(result.score))


def _is_nobody(finding: Finding, text: str) -> bool:
    # After a title, Noël and Boulanger are surnames.
    told = finding.label == "PERSON" and finding.score > _TOLD
    return finding.label in _NAMES and not told and is_kept(text[finding.start : finding.end])
