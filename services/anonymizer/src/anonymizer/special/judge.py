"""A network that judges a clause as a whole, beside the linear reader.

It sees the order of the words and what each means where the linear reader sees which there are:
"j'accompagne des malades" and "je suis malade" are alike only to the latter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Self

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from anonymizer.detection.runs import broken_runs
from anonymizer.learned import weights
from anonymizer.learned.network import Network, judge
from anonymizer.special.rules import Category

_OUTCOMES = len(Category) + 1


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges clauses by the vectors of the `md` model. Thread-safe."""

    network: Network
    words_of: Callable[[str], Doc]

    @classmethod
    def load(cls, language: Language) -> Self:
        """Load the shipped weights; `language` cuts words and has their vectors."""
        file = files("anonymizer.special") / "data" / "judge.npz"
        return cls(weights.load(judge(_OUTCOMES), file), language.make_doc)

    def probabilities(self, written: Sequence[str]) -> NDArray[np.float32]:
        """Return a row for each clause: how likely each category is, and last that it is none."""
        if not written:
            return np.zeros((0, _OUTCOMES), np.float32)
        cut = [self.words_of(broken_runs(text)) for text in written]
        found: NDArray[np.float32] = self.network.predict(cut)
        return found
