"""ODT as text: body, lists, tables, frames, headers and footers; nothing that Writer hides."""

import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from anonymizer.intake import xml
from anonymizer.intake.rules import HiddenText, Reading, unreadable
from anonymizer.intake.sniffing import ODT

_TINY_POINTS = 2.0
_SKIPPED = frozenset(("tracked-changes", "sequence-decls", "forms", "note-citation", "title"))
_CONCEALED = frozenset(("hidden-text", "hidden-paragraph"))
_LENGTH = re.compile(r"([\d.]+)(pt|cm|mm|in)")
_POINTS = {"pt": 1.0, "cm": 28.35, "mm": 2.835, "in": 72.0}


def _kinds(roots: Iterable[etree._Element | None]) -> dict[str, str]:
    """Return why the text of a style is not seen, for each style that hides."""
    found: dict[str, str] = {}
    for root in roots:
        for style in root.iter() if root is not None else ():
            kind = _why_hidden(style) if xml.local(style) == "style" else None
            if kind is not None:
                found[xml.attribute(style, "name") or ""] = kind
    return found


def _why_hidden(style: etree._Element) -> str | None:
    properties = xml.child(style, "text-properties")
    if properties is None:
        return None
    if xml.attribute(properties, "display") == "none":
        return "not_displayed"
    size = _LENGTH.fullmatch(xml.attribute(properties, "font-size") or "")
    if size is not None and float(size[1]) * _POINTS[size[2]] < _TINY_POINTS:
        return "tiny"
    ground = xml.attribute(properties, "background-color") or "transparent"
    if xml.is_white(xml.attribute(properties, "color")) and ground == "transparent":
        return "same_colour"
    return None


@dataclass(slots=True)
class _Writer:
    kinds: dict[str, str]
    hidden: list[HiddenText] = field(default_factory=list)

    def block(self, element: etree._Element, bullet: str = "") -> Iterator[str]:
        """Yield the lines of a block."""
        name = xml.local(element)
        if name in ("p", "h"):
            yield from self._paragraph(element, bullet)
        elif name == "list-item":
            for inner in element:
                yield from self.block(inner, "• ")
        elif name == "table-row":
            yield from self._row(element)
            yield ""
        elif name == "annotation":
            self._conceal("comment", "".join(str(part) for part in element.itertext()))
        elif name not in _SKIPPED:
            for inner in element:
                yield from self.block(inner, bullet)

    def _row(self, row: etree._Element) -> Iterator[str]:
        for cell in row:
            if xml.local(cell) == "table-cell":
                yield from (line for inner in cell for line in self.block(inner) if line)

    def _paragraph(self, paragraph: etree._Element, bullet: str) -> Iterator[str]:
        if xml.local(paragraph) == "h":
            yield ""
        frames: list[etree._Element] = []
        text = self._styled(paragraph, frames)
        for frame in frames:
            yield from self.block(frame)
        yield from (bullet + text).split("\n") if text.strip() else ("",)

    def _styled(self, element: etree._Element, frames: list[etree._Element]) -> str:
        text = "".join(self._pieces(element, frames))
        kind = self.kinds.get(xml.attribute(element, "style-name") or "")
        if kind is None:
            return text
        self._conceal(kind, text)
        return ""

    def _conceal(self, kind: str, text: str) -> None:
        if text.strip():
            self.hidden.append(HiddenText(kind, text.strip()))

    def _pieces(self, element: etree._Element, frames: list[etree._Element]) -> Iterator[str]:
        yield element.text or ""
        for item in element:
            yield self._piece(item, frames)
            yield item.tail or ""

    def _piece(self, item: etree._Element, frames: list[etree._Element]) -> str:
        name = xml.local(item)
        if name == "s":
            return " " * min(int(xml.attribute(item, "c") or 1), 20)
        if name in ("tab", "line-break"):
            return "\t" if name == "tab" else "\n"
        if name == "text-box":
            frames.append(item)
        elif name == "annotation":
            self._conceal("comment", "".join(str(part) for part in item.itertext()))
        elif name in _CONCEALED:
            self._conceal("not_displayed", "".join(str(part) for part in item.itertext()))
        elif name not in _SKIPPED:
            return self._styled(item, frames)
        return ""


def _metadata(archive: zipfile.ZipFile) -> dict[str, str]:
    root = xml.part(archive, "meta.xml")
    fields = root.iter() if root is not None else ()
    kept = (item for item in fields if item.text and item.text.strip() and len(item) == 0)
    return {xml.local(item): (item.text or "")[:500] for item in kept}


def read(archive: zipfile.ZipFile) -> Reading:
    """Read an ODT archive.

    Raises:
        RefusedFile: a part is damaged.
    """
    content, styles = xml.part(archive, "content.xml"), xml.part(archive, "styles.xml")
    body = xml.child(content, "body")
    if body is None:
        raise unreadable("The document has no body.")
    writer = _Writer(_kinds((content, styles)))
    edges = list(styles.iter()) if styles is not None else []
    lines: list[str] = []
    for name in ("header", "body", "footer"):
        found = (item for item in edges if xml.local(item) == name)
        for root in (body,) if name == "body" else found:
            lines.extend((*(line for inner in root for line in writer.block(inner)), ""))
    return Reading(ODT, "\n".join(lines), hidden=tuple(writer.hidden), metadata=_metadata(archive))
