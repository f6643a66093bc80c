"""Drafting: a synthesis document out of validated runs and of what the counsellor states.

Nothing here writes an opinion. A rule lays out facts and marks them `computed`; a model's sentences
keep the record of the call that wrote them; what nobody provided stays empty, and says so.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from keel.strict_json import canonical
from reports.charts import rules as charts
from reports.marking.rules import source_type
from reports.problems import RecordMissing, UnreadableMaterial
from reports.synthesis import sections as plan
from reports.synthesis.document import (
    Block,
    Chart,
    Circumstances,
    Competence,
    Content,
    Evidence,
    Input,
    Interview,
    Origin,
    Project,
    Provenance,
    Section,
)
from reports.synthesis.french import (
    MODES,
    STATES,
    day,
    kind,
    long_date,
    number,
    period,
    plural,
    territory,
)
from reports.synthesis.materials import (
    Claim,
    DraftRequest,
    Education,
    Experience,
    Gap,
    Indicator,
    Interests,
    Language,
    Lead,
    Material,
    Series,
    Skill,
    Training,
)

M = TypeVar("M", bound=BaseModel)

_STRENGTHS_SHOWN = 3
_GAPS_SHOWN = 2
_STEPS_SHOWN = 3
_QUOTES_SHOWN = 2
_MISSIONS_SHOWN = 3
_TABLE_ROWS = 60
_GAP_ROWS = 400
_LEADS_SHOWN = 5
_PRINTED_CHARTS = 4
NO_PROOF = "preuve non relevée"


def draft(request: DraftRequest, at: datetime) -> Content:
    """Draft the content of a synthesis document.

    Raises:
        RecordMissing: an assisted result names no transparency record.
        UnreadableMaterial: a result has not the shape of its use case.
    """
    making = _Draft(request=request, at=at)
    for write in (
        _drafted_paragraphs,  # a lede where there is one, before the facts
        _essentials,
        _circumstances,
        _path,
        _interests,
        _skills,
        _gaps,
        _market,
        _projects,
        _training,
        _action_plan,
        _follow_up,
    ):
        write(making)
    return making.content()


@dataclass(slots=True)
class _Draft:
    """The document while it is being laid out."""

    request: DraftRequest
    at: datetime
    blocks: dict[str, list[Block]] = field(default_factory=dict)
    charts: list[Chart] = field(default_factory=list)
    competences: list[Competence] = field(default_factory=list)

    def materials(self, use_case: str) -> list[Material]:
        """Return the runs of one use case, in the order given."""
        return [m for m in self.request.materials if m.use_case == use_case]

    def add(self, section: str, type_: str, provenance: Provenance, **fields: Any) -> None:  # noqa: ANN401 - the fields of a Block
        """Put a passage at the end of a section."""
        placed = self.blocks.setdefault(section, [])
        name = f"blk_{section.replace('_', '')}{len(placed) + 1}"
        block = Block.model_validate(
            {"id": name, "type": type_, "provenance": provenance, **fields}
        )
        digest = sha256(block.text.encode()).hexdigest() if block.text else None
        stamped = provenance.model_copy(
            update={
                "final_text_sha256": digest,
                "ai_text_sha256": digest if block.is_ai else None,
            }
        )
        placed.append(block.model_copy(update={"provenance": stamped}))

    def add_chart(self, section: str, chart: Chart | None) -> None:
        """Put a chart and its place in a section."""
        if chart is None or len(self.charts) >= _PRINTED_CHARTS:
            return
        self.charts.append(chart)
        self.add(section, "chart", chart.provenance, chart=chart.id)

    def content(self) -> Content:
        """Return what was laid out, every section of the plan in its place."""
        request = self.request
        return Content(
            circumstances=request.circumstances,
            sections=[
                Section(
                    id=f"sec_{s.key}",
                    key=s.key,
                    number=s.number,
                    title=s.title,
                    empty_note=s.empty_note,
                    blocks=self.blocks.get(s.key, []),
                )
                for s in plan.PLAN
            ],
            charts=self.charts,
            competences=self.competences,
            projects=request.projects,
            action_plan=sorted(request.action_plan, key=lambda step: step.due_on),
            follow_up=request.follow_up,
            inputs=[_input(material) for material in request.materials],
        )


# Provenance


def _human() -> Provenance:
    return Provenance(origin="human", digital_source_type=source_type("human"))


def _by(material: Material, *, wording: bool = False) -> Provenance:
    """Say who made a passage of `material`: a model only where a model chose the words."""
    origin: Origin = "ai_generated" if wording and material.mode == "assisted" else "computed"
    if origin == "ai_generated" and material.record_id is None:
        raise RecordMissing(
            "Name the transparency record (record_id) of each assisted run.",
            members={"run": material.run},
        )
    made_by = (
        {"model": material.model, "provider": material.provider, "record_id": material.record_id}
        if origin == "ai_generated"
        else {}
    )
    return Provenance(
        origin=origin,
        run=material.run,
        generated_at=material.generated_at,
        digital_source_type=source_type(origin),
        **made_by,
    )


def _input(material: Material) -> Input:
    return Input(
        run=material.run,
        use_case=material.use_case,
        mode=material.mode,
        record_id=material.record_id,
        model=material.model,
        provider=material.provider,
        generated_at=material.generated_at,
        sha256=sha256(_canonical(material)).hexdigest(),
    )


def _canonical(material: Material) -> bytes:
    try:
        return canonical(material.result)
    except ValueError:
        raise _unreadable(material, "result") from None


# Reading


def _read(model: type[M], material: Material, key: str) -> list[M]:
    found = material.result.get(key)
    if found is None:
        return []
    if not isinstance(found, list):
        raise _unreadable(material, key)
    try:
        return [model.model_validate(item) for item in found]
    except ValidationError as error:
        at = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise _unreadable(material, f"{key}.{at}") from None


def _unreadable(material: Material, at: str) -> UnreadableMaterial:
    return UnreadableMaterial(
        f"Send the result of {material.use_case} as its run gave it.",
        members={"run": material.run, "at": at[:200]},
    )


def _evidence(found: Sequence[object]) -> list[Evidence]:
    """Keep what points somewhere: spans with their quote, and dated records."""
    kept = []
    for item in found:
        if isinstance(item, str):
            kept.append(Evidence(kind="reference", source=item[:400]))
        elif isinstance(item, dict):
            kept.append(_one_evidence(item))
    return kept[:50]


def _one_evidence(item: dict[str, Any]) -> Evidence:
    def line(key: str) -> str | None:
        value = item.get(key)
        return None if value is None else str(value)[:400]

    def offset(key: str) -> int | None:
        value = item.get(key)
        return value if isinstance(value, int) and value >= 0 else None

    return Evidence(
        kind="reference" if item.get("kind") == "reference" else "span",
        source=line("source") or "cv",
        quote=line("quote") or line("text"),
        start=offset("start"),
        end=offset("end"),
        record=line("record"),
        version=line("version"),
        retrieved_at=line("retrieved_at"),
    )


def _proof(found: Sequence[object]) -> str:
    quotes = [f"« {_one_line(e.quote)} »" for e in _evidence(found) if e.kind == "span" and e.quote]
    unique = list(dict.fromkeys(quotes))[:_QUOTES_SHOWN]
    return " ; ".join(unique) or NO_PROOF


# Sections


def _essentials(making: _Draft) -> None:
    projects = making.request.projects
    if projects:
        making.add(
            "essentials",
            "paragraph",
            _human(),
            title="Votre projet" if len(projects) == 1 else "Vos projets",
            text="\n".join(_project_sentence(project) for project in projects[:2]),
        )
    _essential_skills(making)
    steps = sorted(making.request.action_plan, key=lambda step: step.due_on)[:_STEPS_SHOWN]
    if steps:
        making.add(
            "essentials",
            "list",
            _human(),
            title="Vos prochaines étapes",
            text="\n".join(f"{long_date(s.due_on)} : {_one_line(s.step)}" for s in steps),
        )


def _essential_skills(making: _Draft) -> None:
    for material in making.materials("skills-gap")[:1]:
        gaps = _read(Gap, material, "gaps")
        held = [f"{g.label} : {_proof(g.evidence)}" for g in gaps if g.state == "held"]
        missing = [g.label for g in _by_importance(gaps) if g.state == "missing"]
        for title, lines in (
            ("Vos atouts pour ce projet", held[:_STRENGTHS_SHOWN]),
            ("Ce qu’il reste à acquérir", missing[:_GAPS_SHOWN]),
        ):
            if lines:
                making.add("essentials", "list", _by(material), title=title, text="\n".join(lines))


def _project_sentence(project: Project) -> str:
    return f"{project.title}. {project.why}".strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _by_importance(gaps: Sequence[Gap]) -> list[Gap]:
    # A number outranks words, and what has no importance comes last, in the order given.
    def weight(gap: Gap) -> float:
        try:
            return -float(str(gap.importance))
        except ValueError:
            return -0.5 if gap.importance in {"core", "essential", "essentielle", "coeur"} else 0.0

    return sorted(gaps, key=weight)


_FUNDING = {
    "cpf": "Compte personnel de formation (CPF)",
    "pdc": "Plan de développement des compétences",
    "reclassement": "Congé de reclassement",
}


def _circumstances(making: _Draft) -> None:
    given = making.request.circumstances
    making.add(
        "circumstances",
        "table",
        _human(),
        title="Cadre",
        columns=["Élément", "Ce qui a été convenu"],
        rows=_circumstance_rows(given),
    )
    if given.interviews:
        making.add(
            "circumstances",
            "table",
            _human(),
            title="Entretiens",
            columns=["Date", "Durée", "Modalité"],
            rows=[
                [
                    long_date(i.date),
                    f"{i.minutes}\u00a0min" if i.minutes else "",
                    MODES.get(i.mode, i.mode),
                ]
                for i in sorted(given.interviews, key=lambda i: i.date)
            ],
        )
    if given.tools:
        making.add(
            "circumstances",
            "table",
            _human(),
            title="Outils et tests employés",
            columns=["Outil", "Version", "Usage"],
            rows=[[t.name, t.version, t.purpose] for t in given.tools],
        )


def _minutes(interview: Interview) -> str:
    return f"{interview.minutes}\u00a0min" if interview.minutes else ""


def _circumstance_rows(given: Circumstances) -> list[list[str]]:
    funding = given.funding or ""
    rows = [
        ("Demande", given.request),
        ("Besoin", given.need),
        ("Déclencheur", given.trigger or ""),
        ("Financement", _FUNDING.get(funding.casefold(), funding)),
        ("Période", f"du {long_date(given.start)} au {long_date(given.end)}"),
        ("Durée", f"{number(given.hours)} heures"),
    ]
    return [[name, value] for name, value in rows if value]


def _path(making: _Draft) -> None:
    for material in making.materials("cv-analysis"):
        _milestones(making, material)
        for title, key in (("Fils conducteurs", "threads"), ("Points d’appui", "strengths")):
            _claims(making, material, section="path", key=key, title=title)


def _milestones(making: _Draft, material: Material) -> None:
    for title, columns, rows in (
        (
            "Expériences",
            ["Période", "Fonction", "Réalisations relevées"],
            [_experience_row(e) for e in _read(Experience, material, "experiences")],
        ),
        (
            "Formation",
            ["Période", "Diplôme ou titre", "Établissement"],
            [
                [_span(e.start, e.end), e.degree or "Intitulé non relevé", e.school or ""]
                for e in _read(Education, material, "education")
            ],
        ),
        (
            "Langues",
            ["Langue", "Niveau écrit dans le CV"],
            [
                [item.language, item.level_as_written or item.cefr or "non indiqué"]
                for item in _read(Language, material, "languages")
            ],
        ),
    ):
        if rows and not _has_table(making, "path", title):
            making.add(
                "path",
                "table",
                _by(material),
                title=title,
                columns=columns,
                rows=rows[:_TABLE_ROWS],
            )


def _has_table(making: _Draft, section: str, title: str) -> bool:
    # A CV is often analysed twice, computed then assisted: its facts are printed once.
    return any(b.title == title and b.type == "table" for b in making.blocks.get(section, []))


def _experience_row(job: Experience) -> list[str]:
    when = _span(job.start, "aujourd’hui" if job.current else job.end)
    place = ", ".join(part for part in (job.employer, job.location) if part)
    what = "\n".join(part for part in (job.title or "Fonction non relevée", place) if part)
    missions = [text for text in map(_mission, job.missions) if text][:_MISSIONS_SHOWN]
    return [when or job.dates_as_written or "non datée", what, "\n".join(missions)]


def _mission(mission: object) -> str:
    text = mission.get("text", "") if isinstance(mission, dict) else mission
    return _one_line(str(text))[:400]


def _span(start: str | None, end: str | None) -> str:
    ends = list(dict.fromkeys(period(part) for part in (start, end) if part))
    return " – ".join(ends)


def _claims(making: _Draft, material: Material, *, section: str, key: str, title: str) -> None:
    claims = _read(Claim, material, key)
    if material.mode == "computed":
        claims = [claim for claim in claims if not _only_repeats(making, claim)]
    for position, claim in enumerate(claims):
        making.add(
            section,
            "paragraph",
            _by(material, wording=True),
            title=title if position == 0 else None,
            text=claim.text,
            evidence=_evidence(claim.evidence),
            hypothesis=claim.hypothesis,
        )


def _interests(making: _Draft) -> None:
    given = making.request.interests
    if given is None:
        return
    making.add_chart("interests", charts.hexagon("cht_interests", given, making.at))
    _criteria(making, given)


def _criteria(making: _Draft, given: Interests) -> None:
    for title, lines in (
        ("Critères non négociables", given.required),
        ("Critères souhaités", given.wished),
    ):
        if lines:
            making.add("interests", "list", _human(), title=title, text="\n".join(lines))


def _skills(making: _Draft) -> None:
    for material in making.materials("skills-inventory")[:1]:
        skills = _read(Skill, material, "skills")
        if not skills:
            continue
        making.competences.extend(_competence(skill) for skill in skills[:400])
        made_at = material.generated_at
        making.add_chart("skills", charts.skill_families("cht_families", skills, made_at))
        making.add(
            "skills",
            "table",
            _by(material),
            title="Compétences relevées et leurs preuves",
            columns=["Compétence", "Famille", "Preuve dans le parcours"],
            rows=[[s.label, kind(s.kind), _proof(s.evidence)] for s in skills[:_TABLE_ROWS]],
        )


def _competence(skill: Skill) -> Competence:
    return Competence(
        code=skill.code,
        scheme=skill.scheme,
        label=skill.label,
        kind=skill.kind,
        evidence=_evidence(skill.evidence),
    )


def _gaps(making: _Draft) -> None:
    for number_, material in enumerate(making.materials("skills-gap")[:2], start=1):
        gaps = _read(Gap, material, "gaps")[:_GAP_ROWS]
        if not gaps:
            continue
        target = _target(material)
        chart = charts.gap_bars(
            f"cht_gaps{number_}", target, gaps, material.generated_at, _taxonomy(material)
        )
        making.add_chart("gaps", chart)
        making.add(
            "gaps",
            "table",
            _by(material),
            title=f"Détail : {target}"[:400],
            columns=["Compétence attendue", "État", "Preuve dans le parcours"],
            rows=[[g.label, STATES[g.state], _gap_proof(g)] for g in _in_state_order(gaps)],
        )


def _in_state_order(gaps: Iterable[Gap]) -> list[Gap]:
    return sorted(gaps, key=lambda g: (charts.STATE_ORDER.index(g.state), g.label.casefold()))


def _gap_proof(gap: Gap) -> str:
    if gap.state in {"held", "partial"}:
        return _proof(gap.evidence)
    return "rien de relevé" if gap.state == "missing" else "à vérifier en entretien"


def _target(material: Material) -> str:
    target = material.result.get("target")
    if not isinstance(target, dict):
        return "métier visé"
    label, code = target.get("label"), target.get("code")
    return (
        f"{label} ({code})"[:300] if label and code else str(label or code or "métier visé")[:300]
    )


def _taxonomy(material: Material) -> str:
    source = material.result.get("source")
    if isinstance(source, dict):
        told = [str(source.get(key)) for key in ("producer", "name", "licence") if source.get(key)]
        return ", ".join(told)[:400] or "Référentiel ROME"
    return str(source)[:400] if source else "Référentiel ROME, France Travail"


def _market(making: _Draft) -> None:
    for material in making.materials("market-trends")[:1]:
        series = _read(Series, material, "series")
        indicators = _read(Indicator, material, "indicators")
        reading, places = material.result.get("reading"), _place(material)
        if isinstance(reading, str) and reading.strip():
            text = _one_line(reading)[:6000]
            making.add("market", "paragraph", _by(material), title="Lecture", text=text)
        making.add_chart("market", charts.trend("cht_trend", series, material.generated_at, places))
        if indicators:
            making.add(
                "market",
                "table",
                _by(material),
                title="Indicateurs publiés",
                columns=["Indicateur", "Valeur", "Période et territoire", "Source"],
                rows=[_indicator_row(i, places) for i in indicators[:_TABLE_ROWS]],
            )


def _place(material: Material) -> dict[str, str]:
    """Return the name of the territory that the run is about, by its code."""
    place = material.result.get("territory")
    if isinstance(place, dict) and place.get("code") and place.get("label"):
        return {str(place["code"]): str(place["label"])[:120]}
    return {}


def _indicator_row(indicator: Indicator, places: dict[str, str]) -> list[str]:
    value = _figure(indicator.value)
    unit = "" if indicator.unit in {None, "", "none"} else f"\u00a0{indicator.unit}"
    counted = f" (n\u00a0=\u00a0{number(indicator.n)})" if indicator.n is not None else ""
    where = ", ".join(
        part
        for part in (period(indicator.period or ""), _where(indicator.territory, places))
        if part
    )
    return [indicator.name, f"{value}{unit}{counted}", where, charts.source_line(indicator.source)]


def _where(code: str | None, places: dict[str, str]) -> str:
    return places.get(code, territory(code)) if code else ""


def _figure(value: float | str | None) -> str:
    if value is None:
        return "non publié"
    try:
        return number(float(value))
    except ValueError:
        return str(value)


def _projects(making: _Draft) -> None:
    for letter, project in zip("ABCDEF", making.request.projects, strict=False):
        making.add(
            "projects",
            "paragraph",
            _human(),
            title=f"Projet {letter} : {project.title}"[:400],
            text=project.why or project.title,
        )
    for material in making.materials("occupation-exploration"):
        for position, lead in enumerate(_read(Lead, material, "leads")[:_LEADS_SHOWN]):
            _lead(making, material, lead, first=position == 0)


def _lead(making: _Draft, material: Material, lead: Lead, *, first: bool) -> None:
    reasons = [r if isinstance(r, Claim) else Claim(text=r) for r in lead.reasons]
    lines = [_one_line(reason.text) for reason in reasons]
    lines += _named("Compétences qui s’y retrouvent", lead.supporting_skills)
    lines += _named("À acquérir", lead.skills_to_acquire)
    lines += [f"Réserve : {_one_line(text)}" for text in lead.reservations]
    lines += [f"À vérifier sur le terrain : {_one_line(text)}" for text in lead.field_checks]
    making.add(
        "projects",
        "list",
        _by(material, wording=True),
        title=f"{'Pistes explorées · ' if first else ''}{lead.label} ({lead.code})"[:400],
        text="\n".join(lines)[:6000] or "Aucune raison n’a été consignée pour cette piste.",
        evidence=_evidence([item for reason in reasons for item in reason.evidence]),
        hypothesis=any(reason.hypothesis for reason in reasons),
    )


def _named(lead_in: str, skills: Sequence[dict[str, Any]]) -> list[str]:
    labels = [str(s["label"]) for s in skills if s.get("label")][:6]
    return [f"{lead_in} : {', '.join(labels)}"] if labels else []


def _training(making: _Draft) -> None:
    for material in making.materials("training-suggestions")[:1]:
        trainings = _read(Training, material, "trainings")
        if trainings:
            making.add(
                "training",
                "table",
                _by(material),
                title="Certifications à examiner",
                columns=["Certification", "Repère", "Niveau", "Validité"],
                rows=[_training_row(t) for t in trainings[:_TABLE_ROWS]],
            )
        without = [_alternative(a) for a in _list(material, "alternatives_without_training")]
        lines = [line for line in without if line]
        if lines:
            making.add(
                "training",
                "list",
                _by(material, wording=True),
                title="Sans passer par une formation",
                text="\n".join(lines)[:6000],
            )


def _list(material: Material, key: str) -> list[object]:
    found = material.result.get(key)
    return list(found) if isinstance(found, list) else []


def _alternative(item: object) -> str:
    if isinstance(item, dict):
        return _one_line(str(item.get("text") or item.get("label") or item.get("title") or ""))
    return _one_line(str(item))


def _training_row(training: Training) -> list[str]:
    rncp = training.rncp or ""
    mark = rncp if not rncp or rncp.upper().startswith(("RNCP", "RS")) else f"RNCP {rncp}"
    until = training.valid_until
    valid = f"jusqu’au {day(until)}" if until else training.status or ""
    name = "\n".join(dict.fromkeys(p for p in (training.title, training.certification) if p))
    return [name, mark, str(training.level or ""), valid]


def _action_plan(making: _Draft) -> None:
    steps = sorted(making.request.action_plan, key=lambda step: step.due_on)
    if steps:
        making.add(
            "action_plan",
            "table",
            _human(),
            title=plural(len(steps), "étape datée", "étapes datées"),
            columns=["Échéance", "Étape", "Moyens et appui", "À quoi on le verra"],
            rows=[
                [
                    long_date(s.due_on),
                    s.step,
                    "\n".join(part for part in (s.means, s.support) if part),
                    s.indicator,
                ]
                for s in steps
            ],
        )


def _follow_up(making: _Draft) -> None:
    given = making.request.follow_up
    if not given.offered:
        text = "Aucun entretien de suivi n’a été convenu. Vous pouvez en demander un."
    elif given.on is None:
        text = "Un entretien de suivi vous est proposé ; sa date reste à convenir ensemble."
    else:
        text = f"Un entretien de suivi vous est proposé le {long_date(given.on)}."
    making.add("follow_up", "paragraph", _human(), text=text)


def _drafted_paragraphs(making: _Draft) -> None:
    for material in making.materials("synthesis-draft"):
        for section in _list(material, "sections"):
            if not isinstance(section, dict):
                raise _unreadable(material, "sections")
            key = plan.DRAFT_SECTIONS.get(str(section.get("key")))
            if key is None:
                raise _unreadable(material, "sections.key")
            _paragraphs(making, material, key, section)


def _only_repeats(making: _Draft, claim: Claim) -> bool:
    """Say whether a rule's sentence only says again what a run given beside it shows in full."""
    runs = {material.run for material in making.request.materials}
    sources = {e.source for e in _evidence(claim.evidence)}
    return bool(sources) and sources <= runs


def _paragraphs(making: _Draft, material: Material, key: str, section: dict[str, Any]) -> None:
    holder = material.model_copy(update={"result": section})
    _claims(making, holder, section=key, key="paragraphs", title="En quelques mots")
