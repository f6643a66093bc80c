"""The annotated texts that the bench reads, and what it makes of them.

A set is a file of JSON lines, in the form of the shelf's `pii-fr`: `id`, `text`, `entities`
(`start`, `end`, `label`, `identifier_type`), `sensitive`, `sensitive_negatives`, `negatives`,
`ignore` and perhaps `hints`; offsets in code points, the end excluded.
"""

import json
import os
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PIECE = 3000
"""Characters of a piece to take the time of."""
_WORD = re.compile(r"[^\W\d_]{6,}")
_DIGIT = re.compile(r"\d")
_COINED = 0.04


@dataclass(frozen=True, slots=True)
class Marked:
    """A stretch that somebody marked; `label` is a category where the stretch is a statement."""

    start: int
    end: int
    label: str = ""
    is_direct: bool = False


@dataclass(frozen=True, slots=True)
class Annotated:
    """A text and what somebody marked in it; `raw` is its line, as the judge reads it."""

    text: str
    hints: Mapping[str, str]
    raw: Mapping[str, Any]

    def marked(self, kind: str) -> list[Marked]:
        """Return the stretches of one kind: `entities`, `sensitive` and the like."""
        return [
            Marked(
                mark["start"],
                mark["end"],
                mark.get("label") or mark.get("category") or "",
                mark.get("identifier_type") == "direct",
            )
            for mark in self.raw.get(kind) or ()
        ]


def shelf() -> Path:
    """Return the folder of reference material beside the checkout, which need not be there."""
    return Path(os.environ.get("PASSERELLE_SHELF", ROOT.parent / "shared"))


def given_sets() -> list[Path]:
    """Return the sets that are there: the shelf's two, and our voices."""
    wanted = [shelf() / "pii-fr" / name for name in ("dev.jsonl", "dev-2.jsonl")]
    voices = sorted((ROOT / "services/anonymizer/tests/voices").glob("*.jsonl"))
    return [path for path in wanted if path.is_file()] + voices


def read_all(paths: Iterable[Path]) -> list[Annotated]:
    """Read sets, one after another."""
    return [text for path in paths for text in read(path)]


def read(path: Path) -> list[Annotated]:
    """Read a set."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [Annotated(line["text"], line.get("hints") or {}, line) for line in lines]


def pieces(texts: Sequence[Annotated], least: int = 30) -> list[str]:
    """Return the texts joined and cut to `PIECE` characters, begun anew until there are `least`."""
    joined = "\n\n".join(text.text for text in texts)
    while len(joined) < least * PIECE:
        joined += "\n\n" + joined
    return [joined[at : at + PIECE] for at in range(0, len(joined) - PIECE + 1, PIECE)]


def remixed(texts: Sequence[Annotated], seed: int) -> Iterator[str]:
    """Yield endless new texts, always the same ones for a seed.

    Each is as long as one of the sets' texts and made of stretches of lines of two of them, in
    which every digit is another, and one long word in twenty-five is coined from the head of one
    word and the tail of another: so every text brings names, numbers and words that none had,
    as people do.
    """
    chance = random.Random(seed)  # noqa: S311 - the same texts each time, nothing secret
    lines = [text.text.splitlines() for text in texts]
    words = sorted({word for text in texts for word in _WORD.findall(text.text)})

    def coined(word: re.Match[str]) -> str:
        if chance.random() >= _COINED:
            return word[0]
        head, tail = str(chance.choice(words)), str(chance.choice(words))
        return head[: len(head) // 2] + tail[len(tail) // 2 :].lower()

    while True:
        one, other = chance.choice(lines), chance.choice(lines)
        cut = chance.random()
        mixed = one[: round(cut * len(one))] + other[round(cut * len(other)) :]
        text = _DIGIT.sub(lambda _: str(chance.randrange(10)), "\n".join(mixed))
        yield _WORD.sub(coined, text)
