"""The document as one HTML file: no script, no font, no picture from anywhere else."""

import base64
import json
from dataclasses import asdict
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from reports.rendering.presentation import Presentation, ShownChart
from reports.rendering.typesetting import draw_chart
from reports.synthesis.document import Report


def write_html(shown: Presentation, report: Report) -> bytes:
    """Return the document as HTML; every text is escaped by the template."""
    page = _template().render(
        doc=shown,
        report=report,
        pictures={chart.id: _picture(chart) for chart in shown.charts},
        charts={chart.id: chart for chart in shown.charts},
        linked_data=_linked_data(shown),
    )
    return page.encode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("reports.rendering", "template"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("document.html.j2")


def _picture(chart: ShownChart) -> str:
    drawn = base64.b64encode(draw_chart(asdict(chart), "svg")).decode()
    return f"data:image/svg+xml;base64,{drawn}"


def _linked_data(shown: Presentation) -> Markup:
    parts = [
        {
            "@type": "CreativeWork",
            "@id": f"#{block.id}",
            "digitalSourceType": block.source_type,
            **({"identifier": block.record_id} if block.record_id else {}),
        }
        for section in shown.sections
        for block in section.blocks
        if block.source_type
    ]
    data = {
        "@context": "https://schema.org",
        "@type": "DigitalDocument",
        "name": f"{shown.title}, {shown.subtitle.lower()}",
        "inLanguage": shown.lang,
        "identifier": shown.report_id,
        "version": shown.version,
        "dateCreated": shown.created,
        "digitalSourceType": shown.source_type,
        "hasPart": parts,
    }
    # Nothing that people wrote stands in it; `<` is written as an escape all the same, so that
    # no value could ever close the element.
    return Markup(json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"))  # noqa: S704 - see above
