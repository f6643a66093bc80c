"""The shelf's judge (`pii-fr/score.py`), asked whether it counts as we do."""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from intervals import Share
from measures import (
    DIRECT_FOUND,
    DOCUMENTS,
    NEAR_MISSES,
    NEGATIVES,
    PRECISION,
    QUASI_FOUND,
    SPECIAL,
    SPECIAL_RIGHT,
    STRETCHES,
    Answer,
)
from texts import Annotated, shelf

Score = Callable[[list[Any], list[Any]], dict[str, Any]]
_OVERALL = {
    DIRECT_FOUND: "direct_entity_recall",
    DOCUMENTS: "clean_docs",
    QUASI_FOUND: "quasi_entity_recall",
    PRECISION: "precision_char",
    STRETCHES: "precision_entity",
    NEGATIVES: "overmask_negatives",
    NEAR_MISSES: "near_miss_flagged",
}
_SPECIAL = {SPECIAL: "recall", SPECIAL_RIGHT: "precision"}


def judge() -> Score | None:
    """Return the judge's own `score`; None where the shelf is not there."""
    path = shelf() / "pii-fr" / "score.py"
    return _loaded(path) if path.is_file() else None


def _loaded(path: Path) -> Score:
    spec = importlib.util.spec_from_file_location("pii_fr_score", path)
    if spec is None or spec.loader is None:
        raise ImportError(str(path))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    score: Score = module.score
    return score


def differences(
    score: Score,
    texts: Sequence[Annotated],
    answers: Sequence[Answer],
    measures: Mapping[str, Share],
) -> list[str]:
    """Return where the judge's figures (four places) are not ours: nothing, as it should be."""
    judged = score([text.raw for text in texts], _as_lines(texts, answers))
    theirs: dict[str, Any] = {name: judged["overall"][key] for name, key in _OVERALL.items()}
    special = judged["sensitive"].get("ALL", {})
    theirs |= {name: special.get(key) for name, key in _SPECIAL.items()}
    for label, figures in judged["labels"].items():
        if f"label {label}" in measures:
            theirs[f"label {label}"] = figures["entity_recall"]
    ours = {name: _rounded(share.value) for name, share in measures.items()}
    return [f"{n}: {ours.get(n)}, judged {theirs[n]}" for n in theirs if ours.get(n) != theirs[n]]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _as_lines(texts: Sequence[Annotated], answers: Sequence[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "id": text.raw["id"],
            "entities": [{"start": p.start, "end": p.end, "label": p.label} for p in a.entities],
            "sensitive": [
                {"start": p.start, "end": p.end, "category": p.label} for p in a.sensitive
            ],
        }
        for text, a in zip(texts, answers, strict=True)
    ]
