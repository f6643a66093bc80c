"""Names by GLiNER (Zaratiana et al. 2024) as ONNX, asked for our labels in French words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anonymizer.detection.second_reader import Named

_ASKED = {
    "nom de personne": "PERSON",
    "adresse électronique": "EMAIL",
    "numéro de téléphone": "PHONE",
    "adresse postale": "ADDRESS",
    "ville ou village": "LOCATION",
    "date de naissance": "DATE_OF_BIRTH",
    "âge": "AGE",
    "entreprise, école ou association": "ORGANISATION",
}
_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class GlinerReader:
    """Reads with one GLiNER model."""

    model: Any

    def read(self, text: str) -> list[Named]:
        """Return what the model names."""
        found = self.model.predict_entities(text, list(_ASKED), threshold=_THRESHOLD)
        return [
            Named(one["start"], one["end"], _ASKED[one["label"]], float(one["score"]))
            for one in found
        ]


def load(folder: Path) -> GlinerReader:
    """Load the model of a folder, which holds `model.onnx`; nothing is fetched.

    Raises:
        ImportError: gliner is not installed.
    """
    from gliner import GLiNER  # noqa: PLC0415 - an optional package

    return GlinerReader(
        GLiNER.from_pretrained(str(folder), load_onnx_model=True, local_files_only=True)
    )
