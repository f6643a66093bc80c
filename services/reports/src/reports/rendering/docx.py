"""The document as DOCX: what a counsellor can edit, with the provenance of each passage in it.

Each passage keeps a bookmark `bc_<id>` (LibreOffice keeps bookmarks; it drops the tags of content
controls), a model's passage stands in a content control too, and a custom XML part maps passages
to their provenance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from io import BytesIO
from math import sqrt
from typing import Any, cast
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docx import Document
from docx.enum.text import WD_BREAK
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from lxml import etree

from reports.rendering.presentation import Presentation, ShownBlock, ShownChart
from reports.rendering.typesetting import draw_chart
from reports.synthesis.document import Report

INK, SOFT, DEEP, PLUM, WARM = (
    RGBColor(0x1C, 0x25, 0x30),
    RGBColor(0x5B, 0x66, 0x72),
    RGBColor(0x14, 0x54, 0x5A),
    RGBColor(0x5B, 0x3A, 0x6E),
    RGBColor(0x9C, 0x5A, 0x12),
)
FACE = "Georgia"
CONTROL_TITLE = {
    "ai_generated": "Passage rédigé par IA",
    "ai_assisted": "Passage assisté par IA",
}
_CUSTOM = "http://schemas.openxmlformats.org/officeDocument/2006/custom-properties"
_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"
_MAP = "urn:passerelle:provenance:1"
_FORMAT_ID = "{D5CDD505-2E9C-101B-9397-08002B2CF9AE}"  # the one that every custom property bears
_FIRST_PROPERTY = 2
_EPOCH = (1980, 1, 1, 0, 0, 0)
_VALUES_A_LINE = 6
_MEASURE = 156  # millimetres between the margins


def write_docx(shown: Presentation, report: Report, at: datetime) -> bytes:
    """Return the document as DOCX; the same input gives the same bytes."""
    writer = _Writer(shown)
    writer.write()
    _properties(writer.document, shown, report, at)
    _provenance_part(writer.document, shown)
    out = BytesIO()
    writer.document.save(out)
    return _without_clock(out.getvalue())


class _Writer:
    """Lays the presentation out, top to bottom."""

    def __init__(self, shown: Presentation) -> None:
        self.shown = shown
        self.document = Document()
        self.marks = 0
        _styles(self.document)

    def write(self) -> None:
        self._running_lines()
        self._cover()
        charts = {chart.id: chart for chart in self.shown.charts}
        for section in self.shown.sections:
            self.document.add_heading(f"{section.number}  {section.title}", level=1)
            if section.empty:
                self._small(section.empty, italic=True)
            for block in section.blocks:
                self._block(block, charts.get(block.chart))

    # Pages

    def _running_lines(self) -> None:
        section = self.document.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin = section.right_margin = Mm(27)
        section.top_margin, section.bottom_margin = Mm(24), Mm(22)
        section.different_first_page_header_footer = True
        head = section.header.paragraphs[0]
        _run(head, f"{self.shown.subtitle}  ·  {self.shown.title}", SOFT, 8)
        if self.shown.draft:
            _run(head, f"   {self.shown.draft}, non signé", WARM, 8, bold=True)
        foot = section.footer.paragraphs[0]
        _run(
            foot, f"{self.shown.version}  ·  empreinte {self.shown.digest[:12]}  ·  page ", SOFT, 8
        )
        _page_number(foot)

    def _cover(self) -> None:
        shown = self.shown
        above = self.document.add_paragraph()
        above.paragraph_format.space_before = Pt(150)
        _run(above, shown.subtitle.upper(), SOFT, 9)
        self.document.add_paragraph(shown.title, style="Title")
        if shown.person:
            _run(self.document.add_paragraph(), shown.person, INK, 17)
        if shown.draft:
            _run(
                self.document.add_paragraph(),
                f"{shown.draft} : ce document n’est pas signé",
                WARM,
                10,
                bold=True,
            )
        self.document.add_paragraph().paragraph_format.space_after = Pt(60)
        for name, value in shown.facts:
            line = self.document.add_paragraph()
            line.paragraph_format.space_after = Pt(2)
            _run(line, f"{name}   ", SOFT, 9)
            _run(line, value, INK, 10)
        title = self.document.add_paragraph()
        title.paragraph_format.space_before = Pt(20)
        _run(title, "L’usage de l’intelligence artificielle dans ce document", PLUM, 10, bold=True)
        _ruled(title)
        for text in shown.notice:
            line = self.document.add_paragraph()
            _run(line, text, INK, 10)
            _ruled(line)
        self.document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)

    # Passages

    def _block(self, block: ShownBlock, chart: ShownChart | None) -> None:
        if chart is not None:
            self._chart(chart, block)
            return
        if block.title:
            self.document.add_heading(block.title, level=2)
        first = len(self.document.element.body)
        if block.label:
            _run(self._paragraph(keep=True), block.label, PLUM, 8.5, bold=True)
        self._body(block)
        for text, color in ((block.hypothesis, WARM), (block.proof, SOFT), (block.made, SOFT)):
            if text:
                _run(self._paragraph(), text, color, 8.5)
        self._mark(first, block)

    def _body(self, block: ShownBlock) -> None:
        if block.type == "table":
            self._table(block.columns, block.rows)
            return
        style = "List Bullet" if block.type == "list" else None
        for item in block.items:
            paragraph = self.document.add_paragraph(style=style)
            _run(paragraph, item, INK, 10.5)

    def _table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], size: float = 9
    ) -> None:
        table = self.document.add_table(rows=0, cols=len(columns))
        _table_borders(table)
        for position, row in enumerate([columns, *rows]):
            cells = table.add_row().cells
            for cell, value in zip(cells, row, strict=True):
                color = SOFT if position == 0 else INK
                _run(cell.paragraphs[0], value, color, size, bold=position == 0)
                cell.paragraphs[0].paragraph_format.space_after = Pt(2)
        _widths(table, [columns, *rows])
        heading = table.rows[0]._tr.get_or_add_trPr()  # noqa: SLF001 - the library has no name for it
        heading.append(OxmlElement("w:tblHeader"))
        self.document.add_paragraph().paragraph_format.space_after = Pt(2)

    def _chart(self, chart: ShownChart, block: ShownBlock) -> None:
        self.document.add_heading(chart.title, level=2)
        first = len(self.document.element.body)
        _run(
            self._paragraph(keep=True),
            f"{chart.question} {chart.unit}".strip(),
            SOFT,
            9,
            italic=True,
        )
        picture = draw_chart(asdict(chart), "png")
        paragraph = self._paragraph(keep=True)
        shape = paragraph.add_run().add_picture(BytesIO(picture), width=Mm(150))
        properties = shape._inline.docPr  # noqa: SLF001 - the library cannot set a text alternative
        properties.set("descr", chart.alt)
        properties.set("title", chart.title)
        if chart.kind != "gap_bars":  # its value table is the detailed one that follows
            self._values(chart)
        _run(self._paragraph(), f"{chart.source} {block.made}".strip(), SOFT, 8)
        self._mark(first, block)

    def _values(self, chart: ShownChart) -> None:
        name, value = chart.columns
        for part in _chunks(chart.rows, _VALUES_A_LINE):
            self._table(
                [name, *(row.label for row in part)], [[value, *(row.note for row in part)]], size=8
            )

    def _mark(self, first: int, block: ShownBlock) -> None:
        """Bookmark what was added since `first`; put a model's passage in a content control."""
        body = self.document.element.body
        # The body ends with its section properties, which are no part of any passage.
        added = [e for e in body[first - 1 :] if e.tag != qn("w:sectPr")]
        paragraphs = [e for e in added if e.tag == qn("w:p")]
        if not paragraphs:
            return
        self.marks += 1
        if block.label:
            for paragraph in paragraphs:
                _rule_left(paragraph)
            _control(added, block, self.marks)
        # A table is marked in its first cell: what spans a table and the lines after it is lost
        # on the way through LibreOffice.
        table = next((e for e in added if e.tag == qn("w:tbl")), None) if not block.chart else None
        ends = paragraphs if table is None else [next(table.iter(qn("w:p")))]
        _bookmark(ends[0], ends[-1], self.marks, f"bc_{block.id}")

    def _paragraph(self, *, keep: bool = False) -> Any:  # noqa: ANN401 - python-docx has no types
        paragraph = self.document.add_paragraph()
        paragraph.paragraph_format.space_after = Pt(4)
        paragraph.paragraph_format.keep_with_next = keep
        return paragraph

    def _small(self, text: str, *, italic: bool = False) -> None:
        _run(self._paragraph(), text, SOFT, 10, italic=italic)


def _chunks(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


# Words


def _run(
    paragraph: Any,  # noqa: ANN401 - python-docx has no types
    text: str,
    color: RGBColor,
    size: float,
    *,
    bold: bool = False,
    italic: bool = False,
) -> None:
    run = paragraph.add_run(text)
    run.font.name, run.font.size, run.font.color.rgb = FACE, Pt(size), color
    run.bold, run.italic = bold, italic


def _styles(document: Any) -> None:  # noqa: ANN401 - python-docx has no types
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = FACE, Pt(10.5)
    normal.paragraph_format.space_after = Pt(6)
    normal.paragraph_format.line_spacing = 1.2
    language = OxmlElement("w:lang")
    language.set(qn("w:val"), "fr-FR")
    normal.element.get_or_add_rPr().append(language)
    for name, size, color in (
        ("Title", 30, DEEP),
        ("Heading 1", 19, DEEP),
        ("Heading 2", 12, INK),
    ):
        style = document.styles[name]
        style.font.size, style.font.color.rgb = Pt(size), color
        style.font.bold = name == "Heading 2"
        fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
        for attribute in list(fonts.attrib):
            del fonts.attrib[attribute]
        for attribute in ("ascii", "hAnsi", "cs", "eastAsia"):
            fonts.set(qn(f"w:{attribute}"), FACE)
        style.paragraph_format.space_before = Pt(24 if size == 19 else 14)  # noqa: PLR2004 - heading 1
        style.paragraph_format.space_after = Pt(6)
    rule = document.styles["Title"].element.pPr.find(qn("w:pBdr"))
    if rule is not None:
        rule.getparent().remove(rule)


def _page_number(paragraph: Any) -> None:  # noqa: ANN401 - python-docx has no types
    field = OxmlElement("w:fldSimple")
    field.set(qn("w:instr"), "PAGE")
    run = OxmlElement("w:r")
    text = OxmlElement("w:t")
    text.text = "1"
    run.append(text)
    field.append(run)
    paragraph._p.append(field)  # noqa: SLF001 - the library has no fields


# Marks


def _bookmark(first: Any, last: Any, number: int, name: str) -> None:  # noqa: ANN401 - XML elements
    start, end = OxmlElement("w:bookmarkStart"), OxmlElement("w:bookmarkEnd")
    for element in (start, end):
        element.set(qn("w:id"), str(number))
    start.set(qn("w:name"), name)
    place = 1 if first.pPr is not None else 0
    first.insert(place, start)
    last.append(end)


def _control(added: Sequence[Any], block: ShownBlock, number: int) -> None:
    control, properties = OxmlElement("w:sdt"), OxmlElement("w:sdtPr")
    for tag, value in (
        ("w:alias", CONTROL_TITLE[block.origin]),
        ("w:tag", f"{block.origin}:{block.id}"),
        ("w:id", str(1000 + number)),
    ):
        element = OxmlElement(tag)
        element.set(qn("w:val"), value)
        properties.append(element)
    inside = OxmlElement("w:sdtContent")
    added[0].addprevious(control)
    control.append(properties)
    control.append(inside)
    for element in added:
        inside.append(element)


def _ruled(paragraph: Any) -> None:  # noqa: ANN401 - python-docx has no types
    _rule_left(paragraph._p)  # noqa: SLF001 - the library has no borders


def _rule_left(paragraph: Any) -> None:  # noqa: ANN401 - an XML element
    borders, left = OxmlElement("w:pBdr"), OxmlElement("w:left")
    for name, value in (("val", "single"), ("sz", "12"), ("space", "8"), ("color", str(PLUM))):
        left.set(qn(f"w:{name}"), value)
    borders.append(left)
    properties = paragraph.get_or_add_pPr()
    # The schema gives borders their place among the properties of a paragraph.
    properties.insert_element_before(
        borders, "w:shd", "w:tabs", "w:spacing", "w:ind", "w:jc", "w:rPr", "w:sectPr"
    )


def _widths(table: Any, rows: Sequence[Sequence[str]]) -> None:  # noqa: ANN401 - python-docx has no types
    """Share the measure among the columns by how much they have to say; keep rows whole."""
    weights = [sqrt(max(12, *(len(row[at]) for row in rows))) for at in range(len(rows[0]))]
    for row in table.rows:
        row._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))  # noqa: SLF001 - as above
        for cell, weight in zip(row.cells, weights, strict=True):
            cell.width = Mm(_MEASURE * weight / sum(weights))


def _table_borders(table: Any) -> None:  # noqa: ANN401 - python-docx has no types
    borders = OxmlElement("w:tblBorders")
    for side, weight, color in (
        ("top", "8", str(DEEP)),
        ("bottom", "8", str(DEEP)),
        ("insideH", "4", "D9DFE1"),
    ):
        line = OxmlElement(f"w:{side}")
        for name, value in (("val", "single"), ("sz", weight), ("space", "0"), ("color", color)):
            line.set(qn(f"w:{name}"), value)
        borders.append(line)
    properties = table._tbl.tblPr  # noqa: SLF001 - the library has no borders
    properties.insert_element_before(borders, "w:shd", "w:tblLayout", "w:tblCellMar", "w:tblLook")


# Metadata


def _properties(document: Any, shown: Presentation, report: Report, at: datetime) -> None:  # noqa: ANN401 - python-docx has no types
    core = document.core_properties
    core.title = f"{shown.title}, {shown.subtitle.lower()}"
    core.author = core.last_modified_by = "Passerelle"
    core.keywords = ", ".join(shown.keywords)
    core.comments = ""
    core.language, core.identifier, core.version = "fr-FR", report.id, str(report.version)
    core.created = core.modified = at.replace(tzinfo=None)
    core.revision = 1
    custom = etree.Element(f"{{{_CUSTOM}}}Properties", nsmap=_namespaces(_CUSTOM, vt=_TYPES))
    for number, (name, value) in enumerate(
        (
            ("AI-DigitalSourceType", shown.source_type),
            ("AI-Disclosure", shown.disclosure),
            ("AI-ReportId", report.id),
            ("AI-Version", str(report.version)),
            ("AI-VersionDigest", report.digest),
            ("AI-Status", report.status),
        ),
        start=_FIRST_PROPERTY,
    ):
        one = etree.SubElement(
            custom, f"{{{_CUSTOM}}}property", fmtid=_FORMAT_ID, pid=str(number), name=name
        )
        etree.SubElement(one, f"{{{_TYPES}}}lpwstr").text = value
    part = Part(
        PackURI("/docProps/custom.xml"),
        "application/vnd.openxmlformats-officedocument.custom-properties+xml",
        _xml(custom),
        document.part.package,
    )
    document.part.package.relate_to(part, RELATIONSHIP_TYPE.CUSTOM_PROPERTIES)


def _provenance_part(document: Any, shown: Presentation) -> None:  # noqa: ANN401 - python-docx has no types
    root = etree.Element(f"{{{_MAP}}}provenance", nsmap=_namespaces(_MAP))
    root.set("report", shown.report_id)
    for section in shown.sections:
        for block in section.blocks:
            if not block.source_type:
                continue
            one = etree.SubElement(root, f"{{{_MAP}}}block", id=block.id, origin=block.origin)
            one.set("digitalSourceType", block.source_type)
            if block.record_id:
                one.set("record", block.record_id)
    part = Part(
        PackURI("/customXml/item2.xml"), "application/xml", _xml(root), document.part.package
    )
    document.part.relate_to(part, RELATIONSHIP_TYPE.CUSTOM_XML)


def _namespaces(default: str, **named: str) -> dict[str, str]:
    # lxml takes None as the name of the default namespace; its type stubs do not.
    return cast("dict[str, str]", {None: default, **named})


def _xml(root: Any) -> bytes:  # noqa: ANN401 - an XML element
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True))


def _without_clock(document: bytes) -> bytes:
    """Write the archive again without the time of day that zip puts on each entry."""
    out = BytesIO()
    with ZipFile(BytesIO(document)) as given, ZipFile(out, "w") as written:
        for name in given.namelist():
            entry = ZipInfo(name, date_time=_EPOCH)
            entry.compress_type, entry.external_attr = ZIP_DEFLATED, 0o600 << 16
            written.writestr(entry, given.read(name))
    return out.getvalue()
