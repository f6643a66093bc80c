"""The two shapes of network: one that names each word, one that judges a whole stretch.

Hash embeddings (Miranda et al. 2022, "Multi hash embeddings in spaCy"), word vectors, and a few
convolutions over neighbouring words (maxout with residual connections), as in spaCy's own models.
"""

from typing import Any

import numpy as np
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

_ROWS = (3000, 1500, 1500, 1500, 300, 300)
_DROPOUT = 0.3
_PIECES = 3


class BlasOps(NumpyOps):
    """thinc's arithmetic with numpy's matrix product: three times as fast as the default's here."""

    name = "numpy"

    def gemm(  # noqa: D102 - as in thinc
        self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False
    ) -> Any:
        left, right = (x.T if trans1 else x), (y.T if trans2 else y)
        return np.matmul(left, right) if out is None else np.matmul(left, right, out=out)


def use_fast_products() -> None:
    """Let every model that is loaded from now on multiply by `BlasOps`."""
    set_current_ops(BlasOps())


def tagger(outcomes: int, width: int = 128, depth: int = 4) -> Network:
    """Return a network that gives the probabilities of each word's outcomes."""
    return chain(_encoder(width, depth), with_array(Softmax(outcomes, width)))


def judge(outcomes: int, width: int = 96, depth: int = 2) -> Network:
    """Return a network that gives the probabilities of one outcome for a stretch of words."""
    pooled = concatenate(reduce_mean(), reduce_max())
    hidden = Maxout(width, 2 * width, nP=_PIECES, normalize=True, dropout=_DROPOUT)
    return chain(
        _encoder(width, depth), list2ragged(), pooled, hidden, Softmax(outcomes, width)
    )


def _encoder(width: int, depth: int) -> Network:
    sizes = [width if at < COLUMNS // 2 else width // 2 for at in range(COLUMNS)]
    embeds = [
        HashEmbed(size, rows, column=at, seed=at + 1)
        for at, (size, rows) in enumerate(zip(sizes, _ROWS, strict=True))
    ]
    seen = chain(columns(), list2ragged(), with_array(concatenate(*embeds)))
    meant = chain(meanings(), list2ragged(), with_array(Linear(width, VECTOR_WIDTH)))
    mixed = Maxout(width, sum(sizes) + width, nP=_PIECES, normalize=True, dropout=_DROPOUT)
    beside = Maxout(width, 3 * width, nP=_PIECES, normalize=True, dropout=_DROPOUT)
    block = residual(chain(expand_window(1), beside))
    return chain(
        concatenate(seen, meant),
        with_array(mixed),
        ragged2list(),
        with_array(clone(block, depth)),
    )
