"""What a network sees of a word: hashes of its form, the lists that hold it, what it means.

Every column is a 64-bit hash (feature hashing, Weinberger et al. 2009): no word list is shipped,
and no name that was trained on can be read back.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.tokens import Doc, Span
from thinc.api import Model

from anonymizer.detection.folding import fold
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.lexicon import ALL_KEPT, AMBIGUOUS, OCCUPATIONS, PLAIN

COLUMNS = 6
VECTOR_WIDTH = 300

Words = Doc | Span
"""A text, or a stretch of one."""

_LONGEST_COUNTED = 8
_REMEMBERED = 8_000
# Which digit it is says nothing.
_DIGITS = str.maketrans("123456789", "000000000")


@lru_cache(maxsize=_REMEMBERED)
def _columns(word: str) -> tuple[int, ...]:
    folded = fold(word).translate(_DIGITS)
    sign = word if len(word) < 3 and not word[:1].isalnum() else ""  # noqa: PLR2004 - ":", "->"
    length = min(len(word), _LONGEST_COUNTED)
    form = f"{length}{word[:1].isupper():d}{word.isupper():d}{sign}"
    seen = (
        f"word {folded}",
        f"begins {folded[:3]}",
        f"ends {folded[-4:]}",
        f"shape {_shape(word)}",
        f"lists {_lists(word, folded)}",
        f"form {form}",
    )
    return tuple(get_string_id(column) for column in seen)


def _shape(word: str) -> str:
    """Write a word as kinds of characters, runs cut at four: "Xxxx-Xxxx", "dd/dd/dddd"."""
    shape: list[str] = []
    for character in word[:24]:
        kind = character
        if character.isalpha():
            kind = "X" if character.isupper() else "x"
        elif character.isdigit():
            kind = "d"
        if shape[-4:] != [kind] * 4:
            shape.append(kind)
    return "".join(shape)


def _lists(word: str, folded: str) -> int:
    lists = gazetteer()
    held = (
        folded in lists.first_names,
        folded in lists.common_first_names,
        folded in lists.surnames,
        folded in lists.communes,
        folded in PLAIN or folded in ALL_KEPT,
        folded in OCCUPATIONS,
        folded in AMBIGUOUS,
        "-" in folded and lists.is_first_name(word),
    )
    return sum(on << at for at, on in enumerate(held))


def columns() -> Model[list[Words], list[NDArray[np.uint64]]]:
    """Return the layer that gives `COLUMNS` hashes a word."""

    def forward(
        _: Model[list[Words], list[NDArray[np.uint64]]], texts: list[Words], is_train: object
    ) -> tuple[list[NDArray[np.uint64]], object]:
        del is_train
        found = [
            np.array([_columns(word.text) for word in text], np.uint64).reshape(-1, COLUMNS)
            for text in texts
        ]
        return found, _nothing_to_learn

    return Model("word_columns", forward)


def meanings() -> Model[list[Words], list[NDArray[np.float32]]]:
    """Return the layer that gives the vector of each word; zeros for a word without one."""

    def forward(
        _: Model[list[Words], list[NDArray[np.float32]]], texts: list[Words], is_train: object
    ) -> tuple[list[NDArray[np.float32]], object]:
        del is_train
        return [_vectors(text) for text in texts], _nothing_to_learn

    return Model("word_meanings", forward)


def _vectors(text: Words) -> NDArray[np.float32]:
    held = text.vocab.vectors
    forms = [word.orth for word in text]
    rows = held.find(keys=forms) if forms else np.zeros(0, np.int64)
    found: NDArray[np.float32] = np.where(
        (rows >= 0)[:, None], held.data[np.maximum(rows, 0)], np.float32(0)
    )
    return found


def _nothing_to_learn(_: object) -> Sequence[object]:
    return []
