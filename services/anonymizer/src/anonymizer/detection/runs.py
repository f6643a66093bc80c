"""Endless runs of one kind of character, broken up so that no reading costs their square.

Offsets stay: each function returns a text of the same length.
"""

import re

_UNSPACED = re.compile(r"\S{64}(?=\S)")
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2212"), "-")
_HALF = re.compile("[\ud800-\udfff]")
_BLANK = re.compile(r"\s{64}(?=\s)")


def broken_runs(text: str) -> str:
    """Break what has no space, for the model.

    spaCy's tokenizer peels signs off a run one by one: 16,000 brackets would hold the service for
    a quarter of a minute. No name is that long, and the recognisers of forms read on.
    """
    return _UNSPACED.sub(lambda run: run[0][:-1] + " ", text)


def broken_blanks(text: str) -> str:
    """Break what is nothing but blanks, for patterns that allow any number of them between words.

    The sign put in stands between words already, so no pattern reads across it.
    """
    return _BLANK.sub(lambda run: run[0][:-1] + "·", text)


def legible(text: str) -> str:
    """Write every hyphen as one, and half a character, which nothing can read, as unknown."""
    return _HALF.sub("\ufffd", text.translate(_HYPHENS))
