"""Organisations, made wider: their sector, by the words of their kind (`data/sectors.tsv`)."""

import re
from functools import cache
from importlib.resources import files

from anonymizer.detection.folding import fold

_OTHER = "entreprise"


def sector(written: str) -> str:
    """Return the sector of an organisation in French, `entreprise` where its name says none.

    A part of a compound is no word of a kind: nobody drinks in `Bar-le-Duc`.
    """
    folded = " ".join(fold(written).split())
    return next((name for name, words in _by_words() if words.search(folded)), _OTHER)


@cache
def _by_words() -> tuple[tuple[str, re.Pattern[str]], ...]:
    lines = (files("anonymizer.surrogates") / "data/sectors.tsv").read_text("utf-8").splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    return tuple((name, re.compile(rf"(?<![\w-])(?:{words})(?![\w-])")) for name, words in rows)
