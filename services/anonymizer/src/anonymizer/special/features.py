"""What the learned reader sees of a clause: pieces of words, words, signs of the lexicon, meaning.

Pieces are 2 to 5 letters inside a word and one to two words in a row, each under one of
`BUCKETS` numbers (feature hashing, Weinberger et al. 2009), so that no word list is shipped.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from spacy.strings import get_string_id
from spacy.vocab import Vocab

from anonymizer.special.evidence import signs

BUCKETS = 1 << 16
VECTOR_WIDTH = 300
_SIZES = range(2, 6)
_WORD = re.compile(r"[a-zœ]+(?:'(?=[a-z]))?")
_LONGEST_WORD = 24
_FULL = 8
SIGN_WEIGHT = 0.3
VECTOR_WEIGHT = 0.06

Vectors = Callable[[Sequence[str]], NDArray[np.float32]]
"""From words to what they mean: a row of 300 numbers for each word that has a meaning."""


def word_vectors(vocabulary: Vocab) -> Vectors:
    """Return what tells the meaning of words by a model's vectors."""
    held = vocabulary.vectors
    rows = held.key2row

    def vectors(words: Sequence[str]) -> NDArray[np.float32]:
        forms = ((get_string_id(word), word) for word in words)
        found = [rows.get(key, rows.get(get_string_id(word.lower()))) for key, word in forms]
        meant: NDArray[np.float32] = held.data[[row for row in found if row is not None]]
        return meant

    return vectors


def pieces(clause: str) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the numbers of a folded clause's pieces, and how much of each there is (length 1)."""
    words = [word[:_LONGEST_WORD] for word in _WORD.findall(clause)]
    counted = Counter(
        crc32(padded[at : at + size].encode()) % BUCKETS
        for padded in (f" {word} " for word in words)
        for size in _SIZES
        for at in range(max(1, len(padded) - size + 1))
    )
    counted.update(crc32(f"w:{word}".encode()) % BUCKETS for word in words)
    pairs = itertools.pairwise(words)
    counted.update(crc32(f"w:{a} {b}".encode()) % BUCKETS for a, b in pairs)
    if not counted:
        return np.zeros(0, np.int32), np.zeros(0, np.float32)
    weight = 1 + np.log(np.fromiter(counted.values(), np.float32))
    return np.fromiter(counted, np.int32), weight / np.linalg.norm(weight)


def lexical(clause: str, *, asked: bool) -> NDArray[np.float32]:
    """Return the signs of the lexicon, weighted."""
    return np.array(signs(clause, asked=asked), np.float32) * SIGN_WEIGHT


def meaning(written: str, vectors: Vectors) -> NDArray[np.float32]:
    """Return the mean of the words' vectors, weighted; zeros where no word has one.

    A few words mean less than many: as long as there are fewer than `_FULL`, the mean is shorter.
    """
    words = re.findall(r"[^\W\d_]+", written)
    if not words:
        return np.zeros(VECTOR_WIDTH, np.float32)
    found = vectors(words)
    mean: NDArray[np.float32] = found.sum(axis=0) * (VECTOR_WEIGHT / max(len(found), _FULL))
    return mean


def words_in(clause: str) -> int:
    """Return how many words of two letters or more a folded clause has."""
    return sum(len(word) > 1 for word in _WORD.findall(clause))
