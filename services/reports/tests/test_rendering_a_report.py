"""Four formats of one report: marked, deterministic, and immune to what people write."""

import io
import json
import re
import subprocess
import sys
import zipfile
from datetime import timedelta

import pikepdf
import pypdfium2
import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import html

from reports.problems import RenderingFailed
from reports.rendering.coverage import displayable, is_covered
from reports.rendering.formats import FORMATS, render
from reports.rendering.press import Press
from reports.rendering.typesetting import _compiler
from reports.synthesis.document import Report

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
COMPOSITE = IPTC + "compositeWithTrainedAlgorithmicMedia"


@pytest.fixture
def report(sample_report) -> Report:
    return Report.model_validate(sample_report)


def changed(sample, text, at=0):
    sample = json.loads(json.dumps(sample))
    sample["content"]["sections"][at]["blocks"][0]["text"] = text
    return Report.model_validate(sample)


def pdf_text(content: bytes) -> str:
    document = pypdfium2.PdfDocument(content)
    pages = [page.get_textpage().get_text_bounded() for page in document]
    document.close()
    return "\n".join(pages)


def ai_blocks(report: Report):
    return [b for b in report.content.blocks() if b.is_ai]


@pytest.mark.parametrize("wanted", FORMATS)
def test_the_same_report_gives_the_same_bytes_in_another_process(
    report, sample_report, wanted, tmp_path
):
    file = tmp_path / "report.json"
    file.write_text(json.dumps(sample_report))
    elsewhere = subprocess.run(
        [sys.executable, "-m", "reports", "render", "--format", wanted, str(file)],
        capture_output=True,
        check=True,
    )
    assert elsewhere.stdout == render(report, wanted)


def test_each_ai_passage_of_the_pdf_is_marked_in_words(report):
    text = re.sub(r"\s+", " ", pdf_text(render(report, "pdf")))
    marked = text.count("[IA] Rédigé par IA, relu par Solène Guivarc’h")
    # In the margin, and once more in the annex.
    assert marked == 2 * len(ai_blocks(report))


def test_the_pdf_says_what_it_is_in_its_metadata_and_never_who(report, sample_report):
    with pikepdf.open(io.BytesIO(render(report, "pdf"))) as pdf:
        packet = pdf.Root.Metadata.read_bytes().decode()
        assert f"<Iptc4xmpExt:DigitalSourceType>{COMPOSITE}<" in packet
        assert "<pdfaSchema:prefix>Iptc4xmpExt<" in packet
        assert "Belhadj" not in packet + str(pdf.docinfo)
        attached = json.loads(pdf.attachments["rapport.json"].get_file().read_bytes())
        assert pdf.Root.AF[0].AFRelationship == "/Source"
    assert attached["content"] == sample_report["content"]


def test_the_docx_keeps_a_bookmark_and_a_control_for_each_ai_passage(report):
    content = render(report, "docx")
    with zipfile.ZipFile(io.BytesIO(content)) as parts:
        body = parts.read("word/document.xml").decode()
        custom = parts.read("docProps/custom.xml").decode()
        core = parts.read("docProps/core.xml").decode()
        assert len(parts.namelist()) == len(set(parts.namelist()))
    for block in report.content.blocks():
        assert f'w:name="bc_{block.id}"' in body
    assert body.count("<w:sdt>") == len(ai_blocks(report))
    assert COMPOSITE in custom
    assert "Belhadj" not in custom + core
    descriptions = re.findall(r'<wp:docPr [^>]*descr="([^"]+)"', body)
    assert len(descriptions) == len(report.content.charts)
    document = Document(io.BytesIO(content))
    first = next(p for p in document.paragraphs if p.style.name == "Heading 1")
    assert first.text.startswith("1")


def test_the_html_marks_each_passage_and_asks_nothing_of_anybody(report):
    page = html.fromstring(render(report, "html"))
    assert page.xpath("string(//meta[@name='ai-disclosure']/@content)") == "mixed"
    linked = json.loads(page.xpath("string(//script[@type='application/ld+json'])"))
    assert linked["digitalSourceType"] == COMPOSITE
    for block in ai_blocks(report):
        [passage] = page.xpath(f"//*[@id='{block.id}']")
        assert passage.get("data-origin") == "ai_generated"
        assert passage.get("data-record-id") == block.provenance.record_id
        assert "[IA] Rédigé par IA, relu par" in passage.text_content()
    for block in report.content.blocks():
        if not block.is_ai:
            [passage] = page.xpath(f"//*[@id='{block.id}']")
            assert "[IA]" not in passage.text_content()
    assert all(src.startswith("data:") for src in page.xpath("//@src"))
    assert not page.xpath("//link | //script[@src] | //iframe | //@onclick")
    assert all(alt for alt in page.xpath("//img/@alt"))
    assert len(page.xpath("//img")) == len(report.content.charts)


@pytest.mark.parametrize("wanted", ["pdf", "docx", "html"])
def test_a_draft_says_that_it_is_one(sample_report, wanted):
    draft = Report.model_validate(
        {**sample_report, "signature": None, "cover": None, "status": "draft"}
    )
    content = render(draft, wanted)
    text = {
        "pdf": pdf_text,
        "html": lambda c: html.fromstring(c).text_content(),
        "docx": lambda c: "\n".join(p.text for p in Document(io.BytesIO(c)).paragraphs),
    }[wanted](content)
    assert "Projet" in text
    assert "signé" in text


HOSTILE = [
    pytest.param(
        '#import "x"; #read("/etc/passwd") #eval("1+1") $x^2$ @label <label> \\', id="typst"
    ),
    pytest.param("#place(dx: 1pt)[*gras*] _it_ = titre\n= titre\n+ liste", id="typst markup"),
    pytest.param("</script><script>alert(1)</script><img src=x onerror=alert(1)>", id="html"),
    pytest.param("{{ 7*7 }} {% for x in y %} ${7*7}", id="template"),
    pytest.param("]]><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]>&b;", id="xml"),
    pytest.param('=HYPERLINK("http://x";"y")', id="formula"),
    pytest.param("שלום مرحبا \u202etxt.exe 🙂 👩‍👩‍👧 日本語 İğüşöç", id="other scripts and emoji"),
    pytest.param("x" * 6000, id="no space for 6000 characters"),
    pytest.param("\n" * 3000 + "fin", id="empty lines"),
]


@pytest.mark.parametrize("text", HOSTILE)
def test_whatever_people_write_stays_text(sample_report, text):
    report = changed(sample_report, text)
    page = html.fromstring(render(report, "html"))
    shown = page.xpath("//*[@id='blk_essentials1']")[0].text_content()
    for line in filter(str.strip, text.split("\n")):
        assert line in shown
    assert not page.xpath("//script[not(@type='application/ld+json')] | //@onerror")
    document = Document(io.BytesIO(render(report, "docx")))
    words = "".join(t.text or "" for t in document.element.body.iter() if t.tag.endswith("}t"))
    assert text.replace("\n", "") in words.replace("\n", "")
    squeezed = re.sub(r"\s|\u00ad|\ufffe|\u200b", "", pdf_text(render(report, "pdf")))
    for line in filter(str.strip, displayable(text).split("\n")):
        if line.isascii():
            start = re.sub(r"\s|\u200b", "", line)[:40]
            assert start in squeezed


def test_what_no_font_can_show_is_written_as_its_code_point():
    assert displayable("Zoé 🙂") == "Zoé [U+1F642]"
    assert displayable({"a": ["e\u0301 : «\u202eb »"]})["a"][0].startswith("é\u00a0: «[U+202E]b")


@settings(max_examples=25, deadline=None)
@given(
    text=st.text(
        st.characters(min_codepoint=32, exclude_categories=("Cs", "Cc")), max_size=60
    ).filter(lambda t: not re.search("[\ufffe\uffff]", t))
)
def test_no_text_breaks_the_archive_format(text):
    shown = displayable(text)
    assert all(is_covered(c) for c in shown)
    _compiler().compile(
        input=b'#set document(title: "x")\n#set text(font: "Libertinus Serif", lang: "fr")\n#sys.inputs.t',
        format="pdf",
        sys_inputs={"t": shown},
        pdf_standards=["a-3a", "ua-1"],
    )


async def test_the_press_renders_in_a_child_that_ends_with_it(report):
    press = Press()
    files = await press.render(report, ["pdf", "json"])
    assert files["pdf"] == render(report, "pdf")
    child = press._child
    await press.close()
    assert child.returncode is not None


async def test_a_rendering_that_takes_too_long_is_ended_and_the_next_one_works(report):
    press = Press(time_limit=timedelta(milliseconds=1))
    with pytest.raises(RenderingFailed):
        await press.render(report, ["pdf"])
    press.time_limit = timedelta(seconds=30)
    assert (await press.render(report, ["json"]))["json"] == render(report, "json")
    await press.close()


def test_charts_show_counts_states_and_published_figures_only(report):
    for chart in report.content.charts:
        for row in chart.rows:
            if chart.kind == "gap_bars":
                assert row.value is None
                assert row.state is not None
            if chart.kind == "skill_families":
                assert row.value == int(row.value)
        assert chart.alt
        assert chart.source
        assert chart.as_of
