"""A linear reader of clauses, trained on sentences that were written for it.

`tools/train_special.py` makes `data/learned.npz` from `training/`. It is a multinomial
logistic regression (one weight for each feature and category), read by a dot product.
"""

from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from typing import Self

import numpy as np
from numpy.typing import NDArray

from anonymizer.special.features import Vectors, lexical, meaning, pieces


@dataclass(frozen=True, slots=True)
class Learned:
    """The weights of one reader: with the meaning of words, or by their letters alone."""

    pieces: NDArray[np.float32]
    """A row a bucket, a column a category; the last column is "none"."""
    signs: NDArray[np.float32]
    meaning: NDArray[np.float32]
    bias: NDArray[np.float32]
    vectors: Vectors | None

    @classmethod
    def load(cls, vectors: Vectors | None) -> Self:
        """Read the shipped weights: those with vectors where `vectors` are given."""
        kind = "letters" if vectors is None else "vectors"
        packed = (files("anonymizer.special") / "data" / "learned.npz").read_bytes()
        with np.load(BytesIO(packed)) as held:
            parts = {
                part: held[f"{kind}_{part}"].astype(np.float32)
                for part in ("pieces", "signs", "meaning", "bias")
            }
        return cls(**parts, vectors=vectors)

    def probabilities(self, written: str, folded: str, *, asked: bool) -> NDArray[np.float32]:
        """Return how likely each category is that a clause may state, and last that it is none."""
        numbers, amounts = pieces(folded)
        scores = (
            self.bias + amounts @ self.pieces[numbers] + lexical(folded, asked=asked) @ self.signs
        )
        if self.vectors is not None:
            scores = scores + meaning(written, self.vectors) @ self.meaning
        likely: NDArray[np.float32] = np.exp(scores - scores.max())
        likely /= likely.sum()
        return likely
