"""Typst, as this package uses it: fixed sources, data by `sys.inputs`, a fixed instant."""

import json
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import typst

from reports.rendering.coverage import displayable

PDF_STANDARDS: Final = ("a-3a", "ua-1")
_TEMPLATE = files("reports.rendering") / "template"
PIXELS_PER_INCH = 200


@cache
def _compiler() -> typst.Compiler:
    # Neither system fonts nor packages from elsewhere: the same pages on every machine.
    return typst.Compiler(
        input=str(_TEMPLATE / "main.typ"), root=str(_TEMPLATE), ignore_system_fonts=True
    )


def typeset_pdf(document: dict[str, object], source: bytes, at: datetime) -> bytes:
    """Return the pages of `document` as PDF/A-3a and PDF/UA-1, with `source` attached."""
    return _pages("main.typ", document, source, at)


def typeset_register(document: dict[str, object], source: bytes, at: datetime) -> bytes:
    """Return the pages of a register as PDF/A-3a and PDF/UA-1, with `source` attached."""
    return _pages("register.typ", document, source, at)


def _pages(template: str, document: dict[str, object], source: bytes, at: datetime) -> bytes:
    made = _compiler().compile(
        input=str(_TEMPLATE / template),
        format="pdf",
        sys_inputs={"document": _data(document), "source": source.decode()},
        pdf_standards=list(PDF_STANDARDS),
        timestamp=at,
    )
    return _one(made)


def draw_chart(chart: dict[str, object], picture: Literal["svg", "png"]) -> bytes:
    """Return one chart as a picture."""
    made = _compiler().compile(
        input=str(_TEMPLATE / "chart.typ"),
        format=picture,
        ppi=PIXELS_PER_INCH,
        sys_inputs={"chart": _data(chart)},
    )
    return _one(made)


def _data(value: dict[str, object]) -> str:
    return json.dumps(displayable(value), ensure_ascii=False)


def _one(made: bytes | list[bytes] | None) -> bytes:
    if isinstance(made, bytes):
        return made
    raise TypeError("Typst answered no single file")
