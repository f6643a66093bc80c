"""The two shapes of network: one that names each word, one that judges a whole stretch.

Hash embeddings (Miranda et al. 2022, "Multi hash embeddings in spaCy"), word vectors, and a few
convolutions over neighbouring words (maxout with residual connections), as in spaCy's own models.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from thinc.api import (
    HashEmbed,
    Linear,
    Maxout,
    Model,
    NumpyOps,
    Softmax,
    chain,
    clone,
    concatenate,
    expand_window,
    list2ragged,
    ragged2list,
    reduce_max,
    reduce_mean,
    residual,
    set_current_ops,
    with_array,
)

from anonymizer.learned.features import COLUMNS, VECTOR_WIDTH, columns, meanings

Network = Model[Any, Any]
Matrix = NDArray[np.float32]

_ROWS = (3000, 1500, 1500, 1500, 300, 300)
_DROPOUT = 0.3
_PIECES = 3


class BlasOps(NumpyOps):  # type: ignore[misc]
    """thinc's arithmetic with numpy's matrix product: three times as fast as the default's here."""

    name = "numpy"

    def gemm(
        self,
        x: Matrix,
        y: Matrix,
        out: Matrix | None = None,
        trans1: int = 0,
        trans2: int = 0,
    ) -> Matrix:
        """Multiply two matrices, each turned over if asked."""
        left, right = (x.T if trans1 else x), (y.T if trans2 else y)
        product: Matrix = np.matmul(left, right, out=out)
        return product


def use_fast_products() -> None:
    """Let every model that is loaded from now on multiply by `BlasOps`."""
    set_current_ops(BlasOps())


def tagger(outcomes: int, width: int = 96, depth: int = 4) -> Network:
    """Return a network that gives the probabilities of each word's outcomes."""
    return chain(_encoder(width, depth), with_array(Softmax(outcomes, width)))


def judge(outcomes: int, width: int = 96, depth: int = 2) -> Network:
    """Return a network that gives the probabilities of one outcome for a stretch of words."""
    pooled: Network = concatenate(reduce_mean(), reduce_max())
    hidden = Maxout(width, 2 * width, nP=_PIECES, normalize=True, dropout=_DROPOUT)
    return chain(_encoder(width, depth), list2ragged(), pooled, hidden, Softmax(outcomes, width))


def _encoder(width: int, depth: int) -> Network:
    sizes = [width if at < COLUMNS // 2 else width // 2 for at in range(COLUMNS)]
    embeds: list[Network] = [
        HashEmbed(size, rows, column=at, seed=at + 1)
        for at, (size, rows) in enumerate(zip(sizes, _ROWS, strict=True))
    ]
    seen: Network = chain(columns(), list2ragged(), with_array(concatenate(*embeds)))
    meant: Network = chain(meanings(), list2ragged(), with_array(Linear(width, VECTOR_WIDTH)))
    mixed = Maxout(width, sum(sizes) + width, nP=_PIECES, normalize=True, dropout=_DROPOUT)
    beside = Maxout(width, 3 * width, nP=_PIECES, normalize=True, dropout=_DROPOUT)
    block = residual(chain(expand_window(1), beside))
    return chain(
        concatenate(seen, meant),
        with_array(mixed),
        ragged2list(),
        with_array(clone(block, depth)),
    )
