"""What each engine finds in each set, counted side by side.

Ours is asked with and without the hints where a set carries them; Presidio knows none. Ours is
imported late, after Presidio is loaded: `presidio.py` says why.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import presidio
import spacy
from intervals import Share
from judge import differences, judge
from measures import Answer, Predicted, f_score, measured
from texts import Annotated, read

if TYPE_CHECKING:
    from anonymizer.detection.service import Detector

Reader = Callable[[Annotated], Answer]
_THRESHOLDS = (0.0, 0.3, 0.4, 0.5, 0.6, 0.75, 0.86)
"""What scores of Presidio lie between: forms from 0.1 on, names at 0.85, what has a key at 1."""
CONFIGURED = "Presidio for French"


@dataclass(frozen=True, slots=True)
class Column:
    """What one engine found in one set."""

    engine: str
    measures: Mapping[str, Share]


@dataclass(frozen=True, slots=True)
class SetFigures:
    """A set and what each engine found in it."""

    name: str
    documents: int
    characters: int
    columns: Sequence[Column]


@dataclass(frozen=True, slots=True)
class DetectionFigures:
    """All sets, Presidio's best threshold, and whether the judge was there to agree."""

    sets: Sequence[SetFigures]
    threshold: float
    judged: bool


class JudgeDisagrees(Exception):  # noqa: N818 - named as refusals are
    """Our counts are not the judge's; no figure of ours is worth anything then."""


def is_installed(model: str) -> bool:
    """Say whether a model of ours can be loaded here (`none` always can)."""
    from anonymizer.detection.rules import MODELS  # noqa: PLC0415

    name = MODELS[model]
    return name is None or bool(spacy.util.is_package(name))


def detection(paths: Sequence[Path], models: Sequence[str]) -> DetectionFigures:
    """Measure ours and both of Presidio on the sets.

    Raises:
        JudgeDisagrees: the shelf's judge counts something else.
    """
    sets = {path.stem: read(path) for path in paths}
    stock, french = presidio.as_it_comes(), presidio.configured()
    answers = {name: _ours(texts, models) for name, texts in sets.items()}
    wide = {name: [french.answer(text) for text in texts] for name, texts in sets.items()}
    threshold = best_threshold(sets, wide)
    for name, texts in sets.items():
        answers[name]["Presidio as it comes"] = [stock.answer(text) for text in texts]
        answers[name][CONFIGURED] = [above(threshold, answer) for answer in wide[name]]
    figures = [_set_figures(name, sets[name], answers[name]) for name in sets]
    return DetectionFigures(figures, threshold, judge() is not None)


def _ours(texts: Sequence[Annotated], models: Sequence[str]) -> dict[str, list[Answer]]:
    from anonymizer.detection.service import Detector  # noqa: PLC0415

    found: dict[str, list[Answer]] = {}
    for model in models:
        detector = Detector.load(model)
        found[f"ours {model}"] = [answer_of(detector, text) for text in texts]
        if any(text.hints for text in texts):
            told = [answer_of(detector, text, hints=True) for text in texts]
            found[f"ours {model}, hints"] = told
    return found


def answer_of(detector: "Detector", given: Annotated, *, hints: bool = False) -> Answer:
    """Return what ours finds, told what the caller would know of the person or not."""
    from anonymizer.detection.rules import Hints  # noqa: PLC0415

    findings = detector.find(given.text, Hints(**given.hints) if hints else None)
    statements = detector.statements(given.text, findings)
    return Answer(
        [Predicted(f.start, f.end, f.label, f.score) for f in findings],
        [Predicted(s.start, s.end, s.category) for s in statements],
    )


def above(threshold: float, answer: Answer) -> Answer:
    """Return what of an answer is at least as sure as the threshold."""
    return replace(answer, entities=[e for e in answer.entities if e.score >= threshold])


def best_threshold(
    sets: Mapping[str, Sequence[Annotated]], answers: Mapping[str, Sequence[Answer]]
) -> float:
    """Return the threshold that serves the answers best over all the sets; the lower of equals."""
    texts = [text for name in sets for text in sets[name]]
    given = [answer for name in sets for answer in answers[name]]

    def served(threshold: float) -> float:
        return f_score(measured(texts, [above(threshold, answer) for answer in given]))

    return max(_THRESHOLDS, key=served)


def _set_figures(
    name: str, texts: Sequence[Annotated], answers: Mapping[str, Sequence[Answer]]
) -> SetFigures:
    score, columns = judge(), []
    for engine, given in answers.items():
        measures = measured(texts, given)
        apart = differences(score, texts, given, measures) if score is not None else []
        if apart:
            raise JudgeDisagrees(f"{name}, {engine}: " + "; ".join(apart))
        columns.append(Column(engine, measures))
    return SetFigures(name, len(texts), sum(len(text.text) for text in texts), columns)
