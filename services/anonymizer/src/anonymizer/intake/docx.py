"""DOCX as text: body, tables, text boxes once, headers and footers; nothing that Word hides."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from anonymizer.intake import xml
from anonymizer.intake.rules import HiddenText, Reading, unreadable
from anonymizer.intake.sniffing import DOCX

_TINY_HALF_POINTS = 4
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "\u00ad"}
# Deleted and moved-away text, field codes and the VML copy of a drawing are not what is printed.
_SKIPPED = frozenset(("del", "moveFrom", "instrText", "delText", "Fallback", "fldData", "rPr"))


@dataclass(slots=True)
class _Styles:
    """The styles that hide text, and those that put a bullet before it."""

    hidden: frozenset[str]
    bulleted: frozenset[str]

    @classmethod
    def of(cls, root: etree._Element | None) -> "_Styles":
        hidden, bulleted = set(), set()
        for style in root if root is not None else ():
            name = xml.attribute(style, "styleId") or ""
            if xml.local(style) == "style" and _vanishes(xml.child(style, "rPr")):
                hidden.add(name)
            if xml.child(xml.child(style, "pPr"), "numPr") is not None:
                bulleted.add(name)
        return cls(frozenset(hidden), frozenset(bulleted))


@dataclass(slots=True)
class _Writer:
    styles: _Styles
    hidden: list[HiddenText] = field(default_factory=list)

    def block(self, element: etree._Element, *, shaded: bool = False) -> Iterator[str]:
        """Yield the lines of a block: paragraphs, rows of tables, whatever holds them."""
        name = xml.local(element)
        if name == "p":
            yield from self.paragraph(element, shaded=shaded)
        elif name == "tbl":
            yield from self.table(element)
            yield ""
        elif name not in _SKIPPED:
            for inner in element:
                yield from self.block(inner, shaded=shaded)

    def table(self, table: etree._Element) -> Iterator[str]:
        for row in (item for item in table if xml.local(item) == "tr"):
            cells = [item for item in row.iterchildren() if xml.local(item) in ("tc", "sdt")]
            for cell in cells:
                shaded = _is_shaded(xml.child(cell, "tcPr"))
                yield from (line for line in self.block(cell, shaded=shaded) if line)
            yield ""

    def paragraph(self, paragraph: etree._Element, *, shaded: bool) -> Iterator[str]:
        properties = xml.child(paragraph, "pPr")
        style = xml.child(properties, "pStyle")
        styled = (xml.attribute(style, "val") if style is not None else None) or ""
        concealed = styled in self.styles.hidden
        if styled.lower().startswith(("heading", "titre")):
            yield ""
        boxes: list[etree._Element] = []
        own = shaded or _is_shaded(properties)
        pieces = self._pieces(paragraph, boxes, concealed=concealed, shaded=own)
        text = "".join(pieces)
        listed = xml.child(properties, "numPr") is not None or styled in self.styles.bulleted
        bullet = "• " if listed and not styled.lower().startswith(("heading", "titre")) else ""
        for box in boxes:
            yield ""
            # A box brings its own ground: white letters in a filled one are meant to be read.
            yield from self.block(box, shaded=True)
            yield ""
        yield from (bullet + text).split("\n") if text.strip() else ("",)

    def _pieces(
        self, element: etree._Element, boxes: list[etree._Element], *, concealed: bool, shaded: bool
    ) -> Iterator[str]:
        for item in element:
            name = xml.local(item)
            if name == "txbxContent":
                boxes.append(item)
            elif name == "AlternateContent" and xml.child(item, "Choice") is None:
                fallback = xml.child(item, "Fallback")
                if fallback is not None:
                    yield from self._pieces(fallback, boxes, concealed=concealed, shaded=shaded)
            elif name in _SKIPPED:
                continue
            elif name == "r":
                yield from self._run(item, boxes, concealed=concealed, shaded=shaded)
            elif name in _CHARACTERS:
                yield _CHARACTERS[name]
            elif name == "t":
                yield item.text or ""
            else:
                yield from self._pieces(item, boxes, concealed=concealed, shaded=shaded)

    def _run(
        self, run: etree._Element, boxes: list[etree._Element], *, concealed: bool, shaded: bool
    ) -> Iterator[str]:
        text = "".join(self._pieces(run, boxes, concealed=concealed, shaded=shaded))
        kind = _why_hidden(xml.child(run, "rPr"), self.styles, concealed=concealed, shaded=shaded)
        if kind is None or not text.strip():
            yield text
        else:
            self.hidden.append(HiddenText(kind, text.strip()))


def _why_hidden(
    properties: etree._Element | None, styles: _Styles, *, concealed: bool, shaded: bool
) -> str | None:
    style = xml.child(properties, "rStyle")
    if style is not None and xml.attribute(style, "val") in styles.hidden:
        concealed = True
    if concealed or _vanishes(properties):
        return "not_displayed"
    size = xml.child(properties, "sz")
    if size is not None and _number(xml.attribute(size, "val")) < _TINY_HALF_POINTS:
        return "tiny"
    colour = xml.child(properties, "color")
    grounded = shaded or _is_shaded(properties)
    if colour is not None and xml.is_white(xml.attribute(colour, "val")) and not grounded:
        return "same_colour"
    return None


def _vanishes(properties: etree._Element | None) -> bool:
    for name in ("vanish", "webHidden"):
        mark = xml.child(properties, name)
        if mark is not None and xml.attribute(mark, "val") not in ("0", "false", "off"):
            return True
    return False


def _is_shaded(properties: etree._Element | None) -> bool:
    shade = xml.child(properties, "shd")
    fill = xml.attribute(shade, "fill") if shade is not None else None
    highlight = xml.child(properties, "highlight")
    return highlight is not None or (fill not in (None, "auto") and not xml.is_white(fill))


def _number(value: str | None) -> float:
    try:
        return float(value or "inf")
    except ValueError:
        return float("inf")


def _comments(archive: zipfile.ZipFile) -> Iterator[HiddenText]:
    root = xml.part(archive, "word/comments.xml")
    for comment in root if root is not None else ():
        text = "".join(item.text or "" for item in comment.iter() if xml.local(item) == "t")
        if text.strip():
            yield HiddenText("comment", text.strip())


def _properties(archive: zipfile.ZipFile) -> dict[str, str]:
    root = xml.part(archive, "docProps/core.xml")
    fields = root if root is not None else ()
    return {xml.local(item): item.text[:500] for item in fields if item.text and item.text.strip()}


def read(archive: zipfile.ZipFile) -> Reading:
    """Read a DOCX archive.

    Raises:
        RefusedFile: a part is damaged.
    """
    document = xml.part(archive, "word/document.xml")
    if document is None or xml.child(document, "body") is None:
        raise unreadable("The document has no body.")
    writer = _Writer(_Styles.of(xml.part(archive, "word/styles.xml")))
    lines: list[str] = []
    names = archive.namelist()
    heads = sorted(name for name in names if re.fullmatch(r"word/header\d*\.xml", name))
    feet = sorted(name for name in names if re.fullmatch(r"word/(footer|footnotes)\d*\.xml", name))
    for name in (*heads, "word/document.xml", *feet):
        root = document if name == "word/document.xml" else xml.part(archive, name)
        found = list(writer.block(root)) if root is not None else []
        # The same header is stored once for each kind of page.
        if name == "word/document.xml" or [line for line in found if line] != lines[-len(found) :]:
            lines.extend((*found, ""))
    hidden = (*writer.hidden, *_comments(archive))
    return Reading(DOCX, "\n".join(lines), hidden=hidden, metadata=_properties(archive))
