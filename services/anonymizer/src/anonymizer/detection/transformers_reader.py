"""Names by a token-classification model of the transformers library (CamemBERT-NER…)."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymizer.detection.second_reader import Named, labelled

_LABELS = {
    "per": "PERSON",
    "pers": "PERSON",
    "person": "PERSON",
    "loc": "LOCATION",
    "location": "LOCATION",
    "org": "ORGANISATION",
    "organisation": "ORGANISATION",
    "organization": "ORGANISATION",
}


@dataclass(frozen=True, slots=True)
class TransformersReader:
    """Reads with one token-classification pipeline."""

    pipeline: Any

    def read(self, text: str) -> list[Named]:
        """Return what the model names, its own labels turned into ours; others are left out."""
        named = ((labelled(_LABELS, one["entity_group"]), one) for one in self.pipeline(text))
        return [
            Named(int(one["start"]), int(one["end"]), label, float(one["score"]))
            for label, one in named
            if label is not None
        ]


def load(folder: Path) -> TransformersReader:
    """Load the model of a folder; nothing is fetched.

    Raises:
        ImportError: transformers is not installed.
    """
    from transformers import (  # noqa: PLC0415 - an optional package
        AutoModelForTokenClassification,
        AutoTokenizer,
        pipeline,
    )

    return TransformersReader(
        pipeline(
            "token-classification",
            model=AutoModelForTokenClassification.from_pretrained(folder, local_files_only=True),
            tokenizer=AutoTokenizer.from_pretrained(folder, local_files_only=True),
            aggregation_strategy="simple",
        )
    )
