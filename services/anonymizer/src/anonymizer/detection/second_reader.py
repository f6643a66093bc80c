"""A second reader of names beside whatever model is chosen: the protocol, and its place.

Two are known by name, `gliner` and `transformers`; both need packages that Passerelle does not
install and a model from a folder of the operator's (nothing is ever fetched). Anything with a
`read` of the same shape can be given to `Detector.load` instead.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.nlp_engine import NlpArtifacts

from anonymizer.detection.rules import LABELS
from keel.start import StartRefused

SECOND_READERS = ("gliner", "transformers")
_WINDOW = 1_200
"""Characters that a reader is given at once: transformers forget what is beyond 512 pieces."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name that a reader saw; offsets in code points, end excluded."""

    start: int
    end: int
    label: str
    """One of `rules.LABELS`."""
    score: float


class SecondReader(Protocol):
    """Anything that names what identifies somebody in a text."""

    def read(self, text: str) -> list[Named]:
        """Return what it names in a text of at most some thousand characters."""
        ...


def second_reader(kind: str, model: Path) -> SecondReader:
    """Load one of `SECOND_READERS` with the model in a folder.

    Raises:
        StartRefused: the folder or the package is missing; the message says which.
    """
    if not model.is_dir():
        raise StartRefused(f"The second reader's model folder {model} does not exist.")
    try:
        module = import_module(f"anonymizer.detection.{kind}_reader")
        load: Callable[[Path], SecondReader] = module.load
        return load(model)
    except ImportError as error:
        raise StartRefused(
            f"The second reader {kind} needs the package {error.name}, which is not installed."
        ) from None


class NamesBySecondReader(EntityRecognizer):
    """What a second reader names, added to all other findings."""

    def __init__(self, reader: SecondReader) -> None:
        super().__init__(
            supported_entities=list(LABELS), supported_language="fr", name="fr_second_reader"
        )
        self._reader = reader

    def load(self) -> None:
        """Nothing to load: the reader is."""

    def analyze(
        self, text: str, entities: list[str], nlp_artifacts: NlpArtifacts | None = None
    ) -> list[RecognizerResult]:
        """Return what the reader names, window by window."""
        del nlp_artifacts
        return [
            RecognizerResult(named.label, start + named.start, start + named.end, named.score)
            for start, window in windows(text)
            for named in self._reader.read(window)
            if named.label in entities
        ]


def windows(text: str, size: int = _WINDOW) -> Iterator[tuple[int, str]]:
    """Cut a text at line ends, or else at spaces, into stretches of at most `size` characters."""
    at = 0
    while at < len(text):
        stop = min(len(text), at + size)
        if stop < len(text):
            cut = max(text.rfind("\n", at, stop), 0) or text.rfind(" ", at, stop)
            stop = cut + 1 if cut > at else stop
        yield at, text[at:stop]
        at = stop


def labelled(names: Mapping[str, str], given: str) -> str | None:
    """Return our label for a model's own, whatever its case and BIO prefix; None for no such."""
    return names.get(given.removeprefix("B-").removeprefix("I-").strip().lower())
