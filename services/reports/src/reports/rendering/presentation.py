"""What every format prints, decided once: labels, dates, badges, the annexes that follow from data.

Renderers only lay out what stands here, so the four formats cannot say different things.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from reports.marking.rules import (
    computed_label,
    disclosure,
    document_source_type,
    visible_label,
)
from reports.synthesis.document import Block, Chart, Content, Report, Section
from reports.synthesis.french import USE_CASES, day, long_date, number, plural

TITLE = "Document de synthèse"
SUBTITLE = "Bilan de compétences"
DRAFT = "Projet"
_QUOTES_SHOWN = 2
_REREAD = (
    "Chacun est soumis à une relecture humaine avant la signature. Aucune décision vous "
    "concernant n’a été prise par une machine. L’annexe A donne le détail."
)


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A passage as printed. `label` is the AI badge, `made` says that a rule computed it."""

    id: str
    type: str
    title: str
    text: str
    items: list[str]
    columns: list[str]
    rows: list[list[str]]
    chart: str
    label: str
    hypothesis: str
    made: str
    proof: str
    origin: str
    record_id: str
    source_type: str


@dataclass(frozen=True, slots=True)
class ShownSection:
    """A section as printed; `empty` is its text when it holds no passage."""

    id: str
    key: str
    number: str
    title: str
    blocks: list[ShownBlock]
    empty: str


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of a chart's value table; `value` is what the picture draws."""

    label: str
    value: float | None
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class ShownChart:
    """A chart as printed, with its text alternative and its value table."""

    id: str
    kind: str
    title: str
    question: str
    unit: str
    alt: str
    source: str
    columns: list[str]
    rows: list[ShownRow]


@dataclass(frozen=True, slots=True)
class Presentation:
    """A whole document as printed."""

    lang: str
    title: str
    subtitle: str
    draft: str
    report_id: str
    version: str
    digest: str
    created: str
    person: str
    organisation: str
    facts: list[tuple[str, str]]
    notice: list[str]
    keywords: list[str]
    source_type: str
    disclosure: str
    sections: list[ShownSection]
    charts: list[ShownChart]

    def data(self) -> dict[str, object]:
        """Return plain JSON values, for the renderers that take data."""
        return asdict(self)


def present(report: Report) -> Presentation:
    """Decide everything that is printed of `report`."""
    content = report.content
    blocks = content.blocks()
    return Presentation(
        lang=report.lang,
        title=TITLE,
        subtitle=SUBTITLE,
        draft=DRAFT if report.is_draft else "",
        report_id=report.id,
        version=f"Version {report.version}",
        digest=report.digest,
        created=report.created_at.isoformat(),
        person=report.cover.beneficiary_name if report.cover else "",
        organisation=report.cover.organisation if report.cover else "",
        facts=_facts(report),
        notice=_notice(blocks),
        keywords=["bilan de compétences", "document de synthèse", f"rapport {report.id}"],
        source_type=document_source_type(blocks),
        disclosure=disclosure(blocks),
        sections=[_section(report, section) for section in content.sections],
        charts=[_chart(chart) for chart in content.charts],
    )


def _facts(report: Report) -> list[tuple[str, str]]:
    given = report.content.circumstances
    cover, signed = report.cover, report.signature
    facts = [
        ("Organisme", cover.organisation if cover else ""),
        ("Accompagnement", cover.counsellor_name if cover else ""),
        ("Période", f"du {long_date(given.start)} au {long_date(given.end)}"),
        ("Durée", f"{number(given.hours)} heures"),
        ("Version", _version_line(report)),
        ("Statut", f"Signé le {long_date(signed.at)}" if signed else "Projet, non signé"),
        ("Destinataire", "La personne bénéficiaire. Toute communication demande son accord."),
    ]
    return [(name, value) for name, value in facts if value]


def _version_line(report: Report) -> str:
    return f"{report.version}, établie le {long_date(report.created_at)}"


def _notice(blocks: Sequence[Block]) -> list[str]:
    marked = [block for block in blocks if block.is_ai]
    if not marked:
        return ["Aucun passage de ce document n’a été écrit par une intelligence artificielle."]
    count = plural(len(marked), "passage porte", "passages portent")
    return [
        f"{count} la marque [IA] : une intelligence artificielle a participé à la rédaction.",
        _REREAD,
    ]


def _section(report: Report, section: Section) -> ShownSection:
    blocks = [_block(report, block) for block in section.blocks]
    blocks += _derived(report, section.key)
    return ShownSection(
        id=section.id,
        key=section.key,
        number=section.number,
        title=section.title,
        blocks=blocks,
        empty="" if blocks else section.empty_note,
    )


def _block(report: Report, block: Block) -> ShownBlock:
    given = block.provenance
    unproved = block.hypothesis and block.is_ai
    return ShownBlock(
        id=block.id,
        type=block.type,
        title=block.title or "",
        text=block.text,
        items=[line for line in block.text.split("\n") if line.strip()],
        columns=list(block.columns),
        rows=[list(row) for row in block.rows],
        chart=block.chart or "",
        label=visible_label(given, report.signature),
        hypothesis="Hypothèse à vérifier : aucune preuve ne l’appuie encore." if unproved else "",
        made=computed_label(given),
        proof=_proof(block),
        origin=given.origin,
        record_id=given.record_id or "",
        source_type=given.digital_source_type,
    )


def _proof(block: Block) -> str:
    quotes = list(dict.fromkeys(f"« {e.quote} »" for e in block.evidence if e.quote))
    shown = quotes[:_QUOTES_SHOWN]
    return f"{'Preuve' if len(shown) == 1 else 'Preuves'} : {' ; '.join(shown)}" if shown else ""


def _chart(chart: Chart) -> ShownChart:
    return ShownChart(
        id=chart.id,
        kind=chart.kind,
        title=chart.title,
        question=chart.question,
        unit=chart.unit,
        alt=chart.alt,
        source=f"Source : {chart.source}. État des données : {day(chart.as_of)}.",
        columns=list(chart.columns),
        rows=[ShownRow(r.label, r.value, r.state or "", r.note) for r in chart.rows],
    )


# What follows from the data and is never typed by anybody.


def _derived(report: Report, key: str) -> list[ShownBlock]:
    if key == "signatures":
        return _signatures(report)
    if key == "transparency":
        return _transparency(report)
    return []


def _stated(
    id_: str, type_: str, title: str, text: str = "", **table: list[str] | list[list[str]]
) -> ShownBlock:
    columns, rows = table.get("columns", []), table.get("rows", [])
    return ShownBlock(
        id=id_,
        type=type_,
        title=title,
        text=text,
        items=text.split("\n") if text else [],
        columns=[str(column) for column in columns],
        rows=[list(row) for row in rows],
        chart="",
        label="",
        hypothesis="",
        made="",
        proof="",
        origin="computed",
        record_id="",
        source_type="",
    )


def _signatures(report: Report) -> list[ShownBlock]:
    signed = report.signature
    counsellor = (
        [signed.name, f"Signé le {long_date(signed.at)}"] if signed else ["", "Pas encore signé"]
    )
    return [
        _stated(
            "blk_signatures",
            "table",
            "Signatures",
            columns=["Rôle", "Nom", "Acte"],
            rows=[
                ["Conseil", *counsellor],
                [
                    "Bénéficiaire",
                    report.cover.beneficiary_name if report.cover else "",
                    "Accord libre, jamais présumé",
                ],
            ],
        ),
        _stated(
            "blk_rights",
            "list",
            "Ce que deviennent ces pages",
            "Ce document et les résultats détaillés sont à vous seul·e ; personne d’autre ne les "
            "reçoit sans votre accord (Code du travail, article L6313-4).\n"
            "L’organisme détruit les documents du bilan au terme de celui-ci, sauf accord écrit "
            "de votre part pour un suivi, et au plus tard après trois ans (article R6313-7).\n"
            "Vous pouvez joindre des observations ; elles ne sont jamais réécrites.",
        ),
    ]


def _transparency(report: Report) -> list[ShownBlock]:
    content = report.content
    numbered = [
        (f"Rubrique {section.number}, passage {position}", block)
        for section in content.sections
        for position, block in enumerate(section.blocks, start=1)
        if block.is_ai
    ]
    shown = [_marked_table(report, numbered)] if numbered else []
    shown.append(_runs_table(content))
    shown.append(
        _stated(
            "blk_rights_ai",
            "list",
            "Vos droits",
            "Le modèle n’a reçu que du texte pseudonymisé : ni nom, ni coordonnées.\n"
            "Vous pouvez contester un passage, demander une relecture ou retirer votre accord à "
            "l’usage de l’IA auprès de la personne qui vous accompagne, ou depuis votre page "
            "personnelle ; le bilan se poursuit sans IA.",
        )
    )
    return shown


def _marked_table(report: Report, numbered: Sequence[tuple[str, Block]]) -> ShownBlock:
    rows = [
        [
            place,
            visible_label(block.provenance, report.signature),
            " ".join(
                filter(
                    None,
                    [
                        block.provenance.model,
                        f"({block.provenance.provider})" if block.provenance.provider else "",
                    ],
                )
            ),
            block.provenance.record_id or "",
        ]
        for place, block in numbered
    ]
    return _stated(
        "blk_marked",
        "table",
        "Passages auxquels une IA a participé",
        columns=["Passage", "Marque", "Modèle", "Enregistrement"],
        rows=rows,
    )


def _runs_table(content: Content) -> ShownBlock:
    rows = [
        [
            USE_CASES.get(run.use_case, run.use_case),
            "avec un modèle d’IA" if run.mode == "assisted" else "par des règles, sans modèle",
            long_date(run.generated_at),
        ]
        for run in content.inputs
    ]
    if not rows:
        return _stated(
            "blk_runs",
            "paragraph",
            "Traitements employés",
            "Aucun traitement automatique n’a nourri ce document.",
        )
    return _stated(
        "blk_runs",
        "table",
        "Traitements employés",
        columns=["Traitement", "Comment", "Date"],
        rows=rows,
    )
