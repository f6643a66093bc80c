"""What the charts show: counts, states and published figures, never a level that we made up."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from reports.marking.rules import source_type
from reports.synthesis.document import Chart, ChartRow, Provenance
from reports.synthesis.french import RIASEC, STATES, day, kind, number, period, plural, territory
from reports.synthesis.materials import Gap, Interests, Series, Skill, Source

STATE_ORDER = ("held", "partial", "missing", "unknown")
ALT_LIMIT = 400
_SHORTEST_LINE = 3
_FAMILIES_SHOWN = 8


def gap_bars(chart_id: str, target: str, gaps: Sequence[Gap], at: datetime, source: str) -> Chart:
    """Show the state of each skill that `target` asks for, held first."""
    ordered = sorted(gaps, key=lambda gap: (STATE_ORDER.index(gap.state), gap.label.casefold()))
    counts = {state: sum(g.state == state for g in gaps) for state in STATE_ORDER}
    told = ", ".join(f"{STATES[s].lower()} : {n}" for s, n in counts.items() if n)
    return Chart(
        id=chart_id,
        kind="gap_bars",
        title=f"Compétences attendues : {target}"[:400],
        question="Que manque-t-il pour le métier visé ?",
        unit="état constaté (aucun niveau n’est mesuré)",
        source=source,
        as_of=at.date().isoformat(),
        alt=_alt(
            f"Barres : {plural(len(gaps), 'compétence attendue', 'compétences attendues')} pour "
            f"{target}, par état. {told[:1].upper()}{told[1:]}."
        ),
        columns=["Compétence", "État"],
        rows=[ChartRow(label=g.label, state=g.state, note=STATES[g.state]) for g in ordered],
        provenance=_computed(at),
    )


def trend(
    chart_id: str, series: Sequence[Series], at: datetime, places: Mapping[str, str]
) -> Chart | None:
    """Draw the longest published series; None when none has three values.

    `places` names territories by their codes.
    """
    usable = [s for s in series if sum(v is not None for _, v in s.points) >= _SHORTEST_LINE]
    if not usable:
        return None
    line = max(usable, key=lambda s: len(s.points))
    name = _series_name(line, places)
    points = [(period(p), v) for p, v in line.points]
    known = [(p, v) for p, v in points if v is not None]
    (first, start), (last, end) = known[0], known[-1]
    return Chart(
        id=chart_id,
        kind="vacancies_trend",
        title=name,
        question="Y a-t-il du travail dans ce métier ?",
        unit=line.unit or "",
        source=source_line(line.source),
        as_of=line.source.published_on or line.source.retrieved_on or at.date().isoformat(),
        alt=_alt(
            f"Courbe : {name}. {number(start)} en {first}, {number(end)} en {last}. "
            f"Minimum {number(min(v for _, v in known))}, "
            f"maximum {number(max(v for _, v in known))}. {_direction([v for _, v in known])}"
        ),
        columns=["Période", line.unit or "Valeur"],
        rows=[
            ChartRow(label=p, value=v, note="non publié" if v is None else number(v))
            for p, v in points
        ],
        provenance=_computed(at),
    )


def skill_families(chart_id: str, skills: Sequence[Skill], at: datetime) -> Chart | None:
    """Count the proved skills of each family; None when there is nothing to count."""
    counts: dict[str, int] = {}
    for skill in skills:
        counts[kind(skill.kind)] = counts.get(kind(skill.kind), 0) + 1
    if not counts:
        return None
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:_FAMILIES_SHOWN]
    told = ", ".join(f"{name.lower()} {count}" for name, count in ordered)
    return Chart(
        id=chart_id,
        kind="skill_families",
        title="Compétences relevées, par famille",
        question="De quoi sont faites vos compétences ?",
        unit="nombre de compétences relevées dans votre parcours",
        source="Inventaire des compétences du bilan",
        as_of=at.date().isoformat(),
        alt=_alt(f"Barres : nombre de compétences relevées dans chaque famille. {told}."),
        columns=["Famille", "Compétences"],
        rows=[ChartRow(label=name, value=float(n), note=str(n)) for name, n in ordered],
        provenance=_computed(at),
    )


def hexagon(chart_id: str, interests: Interests | None, at: datetime) -> Chart | None:
    """Draw a RIASEC profile as the test gave it; None unless all six scores are there."""
    if interests is None or set(interests.riasec) != set(RIASEC):
        return None
    scores = {letter: interests.riasec[letter] for letter in RIASEC}  # type: ignore[index]
    top = sorted(scores, key=lambda letter: -scores[letter])[:2]
    told = ", ".join(f"{RIASEC[letter]} {number(score)}" for letter, score in scores.items())
    return Chart(
        id=chart_id,
        kind="riasec_hexagon",
        title="Profil d’intérêts (RIASEC)",
        question="Qu’est-ce qui vous attire ?",
        unit=f"score du test, sur {number(interests.scale_maximum)}",
        source=interests.test or "Questionnaire d’intérêts",
        as_of=interests.taken_on or at.date().isoformat(),
        alt=_alt(
            f"Hexagone des six types d’intérêts. {told}. Les scores les plus élevés : "
            f"{' et '.join(RIASEC[letter] for letter in top)}."
        ),
        columns=["Type d’intérêts", "Score"],
        rows=[
            ChartRow(
                label=RIASEC[letter],
                value=min(score / interests.scale_maximum, 1),
                note=number(score),
            )
            for letter, score in scores.items()
        ],
        provenance=_computed(at),
    )


def _series_name(line: Series, places: Mapping[str, str]) -> str:
    where = places.get(line.territory, territory(line.territory)) if line.territory else ""
    return ", ".join(part for part in (line.name, line.occupation_label, where) if part)[:400]


def source_line(source: Source) -> str:
    """Name a source in one line: producer, dataset, licence, date."""
    parts = [source.producer, source.name, source.licence]
    if source.published_on:
        parts.append(f"publié le {day(source.published_on)}")
    elif source.retrieved_on:
        parts.append(f"consulté le {day(source.retrieved_on)}")
    return ", ".join(part for part in parts if part)[:400] or "Source non précisée"


def _direction(values: Sequence[float]) -> str:
    if all(a <= b for a, b in pairwise(values)) and values[0] < values[-1]:
        return "Les valeurs montent d’une période à l’autre."
    if all(a >= b for a, b in pairwise(values)) and values[0] > values[-1]:
        return "Les valeurs baissent d’une période à l’autre."
    return "Les valeurs montent et descendent selon les périodes."


def _alt(text: str) -> str:
    return text if len(text) <= ALT_LIMIT else text[: ALT_LIMIT - 1].rstrip() + "…"


def _computed(at: datetime) -> Provenance:
    return Provenance(
        origin="computed", generated_at=at, digital_source_type=source_type("computed")
    )
