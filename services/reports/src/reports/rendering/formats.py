"""One report, four formats: pure functions of the report, the template and the fonts.

The instant in every file is the report's own (its signature, else its draft), never the clock's,
so the same report gives the same bytes on another day and in another process.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Literal

from keel.strict_json import canonical
from reports.marking.rules import disclosure, document_source_type
from reports.marking.xmp import mark_pdf
from reports.rendering.docx import write_docx
from reports.rendering.html import write_html
from reports.rendering.presentation import present
from reports.rendering.typesetting import typeset_pdf
from reports.synthesis.document import Report

Format = Literal["pdf", "docx", "html", "json"]
FORMATS: tuple[Format, ...] = ("pdf", "docx", "html", "json")
MEDIA_TYPES: Mapping[Format, str] = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "html": "text/html; charset=utf-8",
    "json": "application/json",
}


def render(report: Report, wanted: Format) -> bytes:
    """Return `report` in one format."""
    return _WRITERS[wanted](report)


def instant(report: Report) -> datetime:
    """Return the one instant that a file of `report` carries, in whole seconds of UTC."""
    at = report.signature.at if report.signature else report.created_at
    return at.astimezone(UTC).replace(microsecond=0)


def as_data(report: Report) -> dict[str, object]:
    """Return the report as JSON values, with the marking of the whole beside it."""
    blocks = report.content.blocks()
    return {
        **report.model_dump(mode="json"),
        "marking": {
            "disclosure": disclosure(blocks),
            "digital_source_type": document_source_type(blocks),
        },
    }


def _pdf(report: Report) -> bytes:
    shown = present(report)
    pages = typeset_pdf(shown.data(), canonical(as_data(report)), instant(report))
    return mark_pdf(pages, shown.source_type, report.id)


def _docx(report: Report) -> bytes:
    return write_docx(present(report), report, instant(report))


def _html(report: Report) -> bytes:
    return write_html(present(report), report)


def _json(report: Report) -> bytes:
    return (json.dumps(as_data(report), ensure_ascii=False, indent=1) + "\n").encode()


_WRITERS: Mapping[Format, Callable[[Report], bytes]] = {
    "pdf": _pdf,
    "docx": _docx,
    "html": _html,
    "json": _json,
}
