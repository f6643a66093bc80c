"""Reading the marks back out of a finished file: what is told as verified was found there."""

import json
import re
import zipfile
from dataclasses import dataclass
from io import BytesIO

import pikepdf

from reports.marking.rules import VISIBLE
from reports.marking.xmp import IPTC_EXT

VERSION = "1.0.0"
"""Of our way of marking; it changes with what is written into the files."""

_LINKED_DATA = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Mark:
    """A mark that was put, by what, where; `verified`: it was read back and says what it should."""

    technique: str
    layer: str
    version: str
    verified: bool


def marks_in(kind: str, content: bytes, *, source_type: str, has_ai: bool) -> list[Mark]:
    """Return the marks of one file, each looked for in the very bytes that leave.

    `source_type` is what the whole has to say of itself; `has_ai`: a passage is a model's, so that
    a visible notice stands beside it.
    """
    marks = [_metadata(kind, content, source_type)]
    if has_ai and kind in {"html", "docx"}:
        marks.append(_mark("visible_notice", f"{kind}_text", VISIBLE in _text(kind, content)))
    elif has_ai and kind == "pdf":
        # On the page, in glyphs of an embedded font: put there, and not read back.
        marks.append(_mark("visible_notice", "pdf_page", found=False))
    return marks


def _mark(technique: str, layer: str, found: bool) -> Mark:  # noqa: FBT001 - what was found
    return Mark(technique, layer, VERSION, found)


def _metadata(kind: str, content: bytes, source_type: str) -> Mark:
    match kind:
        case "pdf":
            return _mark("xmp_digital_source_type", "pdf_xmp", _in_xmp(content, source_type))
        case "docx":
            named = source_type in _part(content, "docProps/custom.xml")
            return _mark("document_property", "docx_properties", named)
        case "html":
            return _mark("json_field", "html_json_ld", _in_linked_data(content, source_type))
        case _:
            said = json.loads(content)["marking"]["digital_source_type"]
            return _mark("json_field", "json_document", said == source_type)


def _in_xmp(content: bytes, source_type: str) -> bool:
    with pikepdf.open(BytesIO(content)) as pdf:
        packet = pdf.Root.Metadata.read_bytes().decode()
    said = re.search(r"<(?:\w+:)?DigitalSourceType[^>]*>([^<]*)<", packet)
    return IPTC_EXT in packet and said is not None and said[1] == source_type


def _in_linked_data(content: bytes, source_type: str) -> bool:
    found = _LINKED_DATA.search(content.decode())
    return found is not None and json.loads(found[1]).get("digitalSourceType") == source_type


def _text(kind: str, content: bytes) -> str:
    return content.decode() if kind == "html" else _part(content, "word/document.xml")


def _part(content: bytes, name: str) -> str:
    with zipfile.ZipFile(BytesIO(content)) as package:
        return package.read(name).decode()
